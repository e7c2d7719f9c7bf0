//! `signalbox apply` and `signalbox plan`: a configuration file against what is there.

use config::{ProcessEnv, Secrets};

use crate::cli::ApplyArgs;
use crate::commands::{located, print_diff};
use crate::exit::{Exit, UsageError};
use crate::server_link::ServerLink;

/// Applies a file, or with `dry_run` tells what that would change.
pub(crate) async fn run(args: ApplyArgs, dry_run: bool) -> anyhow::Result<Exit> {
    // Secrets come from the operator's shell, so the file is read here; so are its line numbers.
    let loaded =
        config::load(&args.file, Secrets::Resolve(&ProcessEnv)).map_err(|faults| UsageError(faults.to_string()))?;
    let mut server = ServerLink::connect(&args.server).await?;
    let outcome = server.apply(&loaded.desired, dry_run).await?;
    let diff = outcome.map_err(|faults| UsageError(located(&args.file, &loaded.positions, &faults)))?;
    for warning in &loaded.warnings {
        eprintln!(
            "{}:{}:{}: warning: {}: {}",
            args.file.display(),
            warning.line,
            warning.column,
            warning.path,
            warning.message
        );
    }
    print_diff(&diff, args.json, dry_run)?;
    Ok(if loaded.warnings.is_empty() && diff.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}
