//! The command line of records: which to show, sum up or write to a file.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::ServerArgs;

/// Which records.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// Only this key, by id or name.
    #[arg(long = "of-key", alias = "key-name", value_name = "KEY")]
    pub(crate) of_key: Option<String>,
    /// Only this model.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Only models of this provider.
    #[arg(long, value_name = "SLUG")]
    pub(crate) provider: Option<String>,
    /// Only with this status.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<u16>,
    /// Only with this outcome: `completed`, `failed`, `interrupted`, `client_cancelled` or `unknown_outcome`.
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
    /// Only decided by this policy, by id or name.
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// Only of this project, by id or name.
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// Only with this label; may be repeated, all must be there.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// Only since then: a time such as `2026-11-22T10:00:00Z`, or an age such as `15m`, `2h`, `7d`.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only before then: a time or an age.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only those that took at least so many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) min_ms: Option<u64>,
    /// Only those that took at most so many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) max_ms: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LogsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<LogsCommand>,
    #[command(flatten)]
    pub(crate) list: ListLogsArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ListLogsArgs {
    /// Goes on with new records as they come.
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// At most this many, the newest; up to 100,000.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Prints JSON, one record a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogsCommand {
    /// Shows one record with everything that is known of it, and the bodies where they were kept.
    Show(ShowLogArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowLogArgs {
    /// The request's id.
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Where to.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replaces a file that is there, once the new one is whole.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// The data folder whose records they are; a server may be running on it.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BodiesCommand {
    /// Deletes bodies for good and checks that they are gone from the data folder; the records stay.
    Delete(DeleteBodiesArgs),
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("which").required(true).args(["request", "of_key", "all"])))]
pub(crate) struct DeleteBodiesArgs {
    /// Those of this request.
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request: Option<String>,
    /// Those of all requests of this key, by id, or by name where a server runs on the folder.
    #[arg(long = "of-key", visible_alias = "key", value_name = "KEY")]
    pub(crate) of_key: Option<String>,
    /// All.
    #[arg(long)]
    pub(crate) all: bool,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The data folder that they lie in; a server may be running on it.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
