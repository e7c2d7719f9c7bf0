//! `signalbox doctor`: looks at everything that can be wrong, says what is and how to mend it. Calls no provider.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use config::{ProcessEnv, Secrets};
use domain::{ObjectKind, RecordFilter, RecordReader};
use engine::StartingScorers;
use ledger::Ledger;
use registry::Registry;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::data_dir;
use crate::exit::{Exit, explain};
use crate::output;
use crate::server_link::ServerLink;

/// The first day of 2026 and the last of 2099, in Unix seconds: outside, the clock is wrong.
const PLAUSIBLE: std::ops::Range<u64> = 1_767_225_600..4_102_444_800;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    verdict: Verdict,
    says: String,
}

/// Runs every check.
pub(crate) async fn run(args: DoctorArgs) -> Result<Exit> {
    let folder = &args.server.data_dir;
    let mut checks = Vec::new();
    let server = match ServerLink::connect(&args.server).await {
        Ok(server) => Some(server),
        Err(fault) => {
            checks.push(Check { what: "server", verdict: Verdict::Warning, says: explain(&fault) });
            None
        }
    };
    if args.server.server.is_none() {
        checks.push(check("data folder", data_folder(folder)));
        checks.push(check("sealing key", sealing_key(folder)));
    }
    match server {
        Some(server) => running(server, &mut checks).await,
        None if args.server.server.is_none() => {
            checks.push(check("registry", registry(folder).await));
            checks.push(scorer(folder));
        }
        None => {}
    }
    if args.server.server.is_none() {
        checks.push(check("ledger", ledger(folder).await));
    }
    if let Some(file) = &args.config {
        checks.push(check("configuration", configuration(file)));
    }
    checks.push(check("clock", clock()));
    report(&checks, args.json)
}

fn report(checks: &[Check], as_json: bool) -> Result<Exit> {
    if as_json {
        output::json(&checks)?;
    } else {
        for it in checks {
            let sign = match it.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Failed => "FAILED ",
            };
            output::line(format!("{sign}  {:<14} {}", it.what, it.says))?;
        }
    }
    Ok(match checks.iter().map(|it| it.verdict).max() {
        None | Some(Verdict::Ok) => Exit::Done,
        Some(Verdict::Warning) => Exit::Warnings,
        Some(Verdict::Failed) => Exit::Failed,
    })
}

fn check(what: &'static str, found: Result<String>) -> Check {
    match found {
        Ok(says) => Check { what, verdict: Verdict::Ok, says },
        Err(fault) => Check { what, verdict: Verdict::Failed, says: explain(&fault) },
    }
}

async fn running(mut server: ServerLink, checks: &mut Vec<Check>) {
    let address = server.address().to_owned();
    let status = match server.status().await {
        Ok(status) => status,
        Err(fault) => {
            checks.push(Check { what: "engine", verdict: Verdict::Failed, says: explain(&fault) });
            return;
        }
    };
    let revision = status.version.map_or(0, |version| version.revision);
    let up = status.uptime_micros / 1_000_000;
    let says = format!("at {address}, version {}, up {up} s, configuration {revision}", status.program_version);
    checks.push(Check { what: "engine", verdict: Verdict::Ok, says });
    let (verdict, says) = if status.scorer_healthy {
        (
            Verdict::Ok,
            format!(
                "{}{}, {} of {} places in its queue taken",
                status.scorer_version,
                status.scorer_shadow.map_or_else(String::new, |version| format!(" ({version} in shadow)")),
                status.queued,
                status.queue_capacity
            ),
        )
    } else {
        (
            Verdict::Failed,
            format!("{} failed at its last prompt: requests go to the most capable model", status.scorer_version),
        )
    };
    checks.push(Check { what: "scorer", verdict, says });
    if !status.scorer_faults.is_empty() {
        checks.push(Check { what: "scorers", verdict: Verdict::Failed, says: status.scorer_faults.join("; ") });
    }
    let (verdict, says) = if status.watchers > 0 {
        (Verdict::Ok, format!("{} gateway(s) follow the configuration", status.watchers))
    } else {
        (Verdict::Warning, "no gateway follows the configuration: changes reach nobody".to_owned())
    };
    checks.push(Check { what: "gateways", verdict, says });
    checks.push(callable(&mut server).await);
}

async fn callable(server: &mut ServerLink) -> Check {
    let listed = async {
        let providers = server.list(ObjectKind::Provider).await?.len();
        let models = server.list(ObjectKind::Model).await?.len();
        anyhow::Ok((providers, models))
    };
    match listed.await {
        Ok((0, _) | (_, 0)) => Check {
            what: "models",
            verdict: Verdict::Warning,
            says: "nobody can answer: set a provider's key in the environment, or apply a configuration".to_owned(),
        },
        Ok((providers, models)) => {
            Check { what: "models", verdict: Verdict::Ok, says: format!("{models} of {providers} provider(s)") }
        }
        Err(fault) => Check { what: "models", verdict: Verdict::Failed, says: explain(&fault) },
    }
}

fn data_folder(folder: &Path) -> Result<String> {
    anyhow::ensure!(folder.is_dir(), "{} is missing; it is made by the first `signalbox up`", folder.display());
    data_dir::check_private(folder)?;
    Ok(format!("{} is private", folder.display()))
}

fn sealing_key(folder: &Path) -> Result<String> {
    let keyring = data_dir::sealing_keys(folder).load()?;
    let rotating = if keyring.is_rotating() { "; a rotation was not finished: `signalbox seal rotate`" } else { "" };
    Ok(format!("{} is there and private; keep a copy elsewhere{rotating}", keyring.current_id()))
}

async fn registry(folder: &Path) -> Result<String> {
    let path = data_dir::registry(folder);
    anyhow::ensure!(path.is_file(), "{} is missing; it is made by the first `signalbox up`", path.display());
    let registry = Registry::open(&path, data_dir::sealing_keys(folder).load()?).await?;
    let version = registry.version();
    registry.close().await;
    Ok(format!("opens with the sealing key, configuration {}", version.revision))
}

/// The scorer that a start would serve with.
fn scorer(folder: &Path) -> Check {
    let what = "scorer";
    match StartingScorers::inspect(&data_dir::scorers(folder)) {
        Ok(found) if found.faults().is_empty() => {
            Check { what, verdict: Verdict::Ok, says: format!("{} is whole", found.version()) }
        }
        Ok(found) => Check { what, verdict: Verdict::Failed, says: found.faults().join("; ") },
        Err(fault) => Check { what, verdict: Verdict::Failed, says: explain(&fault.into()) },
    }
}

async fn ledger(folder: &Path) -> Result<String> {
    let folder = data_dir::ledger(folder);
    anyhow::ensure!(folder.is_dir(), "{} is missing; it is made by the first `signalbox up`", folder.display());
    let reader = Ledger::open_reader(&folder)?;
    let rows = reader.count().await?;
    let newest = reader.list(RecordFilter { limit: 1, ..RecordFilter::default() }).await?;
    let newest =
        newest.first().map_or_else(String::new, |record| format!(", the newest of {}", record.finished.started.at));
    Ok(format!("{rows} record(s){newest}"))
}

fn configuration(file: &Path) -> Result<String> {
    let loaded = config::load(file, Secrets::Resolve(&ProcessEnv))?;
    let count = loaded.warnings.len();
    Ok(format!(
        "{} is sound{}",
        file.display(),
        if count > 0 { format!(", with {count} warning(s)") } else { String::new() }
    ))
}

fn clock() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    anyhow::ensure!(
        PLAUSIBLE.contains(&now),
        "the system clock says {now} s since 1970, which cannot be: keys would expire or never; set it"
    );
    Ok("plausible".to_owned())
}
