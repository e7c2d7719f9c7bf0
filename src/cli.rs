//! The command line: what can be typed, and its help.

mod keys;
mod objects;
mod records;
#[cfg(test)]
mod reference;
mod trust;
mod wish;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::SecretText;

pub(crate) use keys::*;
pub(crate) use objects::*;
pub(crate) use records::*;
pub(crate) use trust::TrustArgs;
pub(crate) use wish::Wish;

/// A self-hosted router for language models: one endpoint, the best configured model for each request.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) up: UpArgs,
}

impl Cli {
    /// How to log: only a server can be told.
    pub(crate) fn log_format(&self) -> LogFormat {
        match &self.command {
            None => self.up.log_format,
            Some(Command::Up(args)) => args.log_format,
            Some(_) => LogFormat::Text,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs engine, gateway and an embedded store in one process (also without any command).
    Up(UpArgs),
    /// Makes what a configuration file asks for exist, and shows what changed.
    Apply(ApplyArgs),
    /// Shows what `apply` would change, and changes nothing.
    Plan(ApplyArgs),
    /// Prints the JSON Schema of configuration files.
    Schema,
    /// Shows which model a request would go to and why, without calling one.
    Explain(ExplainArgs),
    /// API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Projects.
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Routers.
    #[command(subcommand)]
    Routers(ObjectCommand),
    /// Policies, their drafts and versions.
    #[command(subcommand)]
    Policies(VersionedCommand),
    /// Models.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Providers.
    #[command(subcommand)]
    Providers(ProvidersCommand),
    /// Secrets of providers: they go in and never come out.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Organisations: nothing crosses them.
    #[command(subcommand)]
    Organisations(OrganisationsCommand),
    /// Scorecards: what benchmarks say about models.
    #[command(subcommand)]
    Scorecards(ScorecardsCommand),
    /// Blends of scorecards, their drafts and versions.
    #[command(subcommand)]
    Blends(BlendsCommand),
    /// The sealing key, under which secrets are kept.
    #[command(subcommand)]
    Seal(SealCommand),
    /// Who changed what.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Scorers: which one reads prompts, and which could.
    #[command(subcommand)]
    Scorer(ScorerCommand),
    /// Request records, the newest last; `logs show` tells all of one.
    Logs(LogsArgs),
    /// Writes records to a Parquet file.
    Export(ExportArgs),
    /// Bodies of requests and answers that were kept because a key or organisation asks for it.
    #[command(subcommand)]
    Bodies(BodiesCommand),
    /// What requests have consumed, cost and saved, by model.
    Usage(UsageArgs),
    /// Checks the data folder, the configuration, the engine, the scorer and the stores; says how to mend what is wrong.
    Doctor(DoctorArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct UpArgs {
    /// Where everything is kept; made at the first start.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where applications send requests; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) gateway: SocketAddr,
    /// Where `/healthz` and `/metrics` are served.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    pub(crate) console: SocketAddr,
    /// Where the engine's gRPC services are served; loopback only.
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub(crate) engine: SocketAddr,
    /// A configuration file, applied at start and whenever it changes.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A file with the sealing key, instead of the one in the data folder.
    #[arg(long, value_name = "FILE", env = "SIGNALBOX_SEALING_KEY")]
    pub(crate) sealing_key: Option<PathBuf>,
    /// A file with the sealing key before a change: it opens what has not been moved yet.
    #[arg(long, value_name = "FILE", env = "SIGNALBOX_PREVIOUS_SEALING_KEY", requires = "sealing_key")]
    pub(crate) previous_sealing_key: Option<PathBuf>,
    /// Runs the demo provider even if other providers are configured.
    #[arg(long, conflicts_with = "no_demo")]
    pub(crate) demo: bool,
    /// Never runs the demo provider.
    #[arg(long)]
    pub(crate) no_demo: bool,
    /// Which scorer reads prompts.
    #[arg(long, value_enum, default_value = "learned")]
    pub(crate) scorer: ScorerChoice,
    /// A scorer folder to use instead of the promoted or built-in one.
    #[arg(long, value_name = "DIR")]
    pub(crate) scorer_model: Option<PathBuf>,
    /// When records are synced to disk: within 20 ms, or before each answer.
    #[arg(long, value_enum, default_value = "grouped")]
    pub(crate) durability: DurabilityChoice,
    /// Deletes records of requests that came more days ago than this; without it they are kept for good.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) retain_days: Option<u32>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// A PEM file with the certificate that applications are shown, and those that lead to its authority. Read again
    /// when it changes, or on SIGHUP. Without it the gateway speaks plain HTTP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where traces go: a collector's gRPC address, such as `http://127.0.0.1:4317`, or `https://…` for TLS. Without it none are made.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<String>,
    /// How log lines are written.
    #[arg(long, value_enum, default_value = "text", env = "SIGNALBOX_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Redis or Valkey in which several gateways count limits and budgets together: `redis://[user:password@]host:port`,
    /// `rediss://` for TLS.
    #[arg(long, env = "SIGNALBOX_REDIS_URL", hide_env_values = true, value_name = "URL", value_parser = secret)]
    pub(crate) redis_url: Option<SecretText>,
    /// How many gateways share the limits while that is away; default: as many as were seen last.
    #[arg(long, env = "SIGNALBOX_LIMIT_REPLICAS", value_name = "N", requires = "redis_url")]
    pub(crate) limit_replicas: Option<u64>,
    /// Seconds after SIGTERM during which `/readyz` already says 503 and requests are still taken: as long as a balancer
    /// needs to notice. Ctrl-C does not wait for it.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub(crate) readiness_grace_seconds: u64,
    /// Seconds that running requests may take to finish when the server stops.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(crate) drain_seconds: u64,
    /// Prints one JSON line when ready instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScorerChoice {
    /// The trained one.
    Learned,
    /// Simple rules, no model.
    Heuristic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DurabilityChoice {
    /// Every record is written before its answer is complete, and synced within 20 ms.
    Grouped,
    /// Every record is synced before its answer is complete.
    Strict,
}

/// Which server a command talks to.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// `unix:/path/admin.sock` or `http://host:port`; default: the socket of the local data folder.
    #[arg(long, env = "SIGNALBOX_SERVER", value_name = "ADDRESS")]
    pub(crate) server: Option<String>,
    /// The local data folder.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// A key with the scope `platform`, for servers reached over TCP.
    #[arg(long, env = "SIGNALBOX_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    /// The configuration file, TOML or YAML.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// `{"path", "router", "key", "headers", "previous", "body"}` as JSON; only `body` is required. `-` reads standard input.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["cases", "replay"])]
    pub(crate) request: Option<PathBuf>,
    /// Many requests with what is expected of each, one JSON object a line; fails if any is decided otherwise.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "policy", "complexity", "difficulty", "capability"])]
    pub(crate) cases: Option<PathBuf>,
    /// Makes the decision of a past request again, from its record; fails if it comes out otherwise.
    #[arg(long, value_name = "REQUEST_ID",
          conflicts_with_all = ["request", "cases", "policy", "complexity", "capability", "config"])]
    pub(crate) replay: Option<String>,
    /// Decides by this policy.
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Explains over a configuration file instead of a running server.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Takes this complexity instead of asking the scorer.
    #[arg(long, value_name = "0..1")]
    pub(crate) complexity: Option<f64>,
    /// Takes this difficulty instead of the scorer's; `optimal` makes chances of it.
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) difficulty: Option<f64>,
    /// Takes this probability of a capability tag, such as `code=0.9`; may be repeated.
    #[arg(long, value_name = "TAG=P")]
    pub(crate) capability: Vec<String>,
    /// Prints the decision record as JSON, with what the scorer said as `scoring`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// How a command answers, and which server it asks.
#[derive(Args, Debug)]
pub(crate) struct AnswerArgs {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SealCommand {
    /// Shows which sealing keys are at hand, and how much is sealed with each.
    Status(SealArgs),
    /// Makes a new sealing key and moves every secret under it while the server runs; goes on with a rotation that was
    /// interrupted.
    Rotate(SealArgs),
}

#[derive(Args, Debug)]
pub(crate) struct SealArgs {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    #[command(flatten)]
    Object(ObjectCommand),
    /// Lets a model be a candidate.
    Enable(ActArgs),
    /// Keeps a model from being a candidate, and from being asked for.
    Disable(ActArgs),
    /// Imports models and prices from a price catalogue: LiteLLM's list or models.dev.
    Import(ImportArgs),
    /// Lists the catalogue that comes with this release.
    Catalogue(CatalogueArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CatalogueArgs {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file: JSON, or JSON packed with gzip.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only models of this provider; may be repeated.
    #[arg(long, value_name = "SLUG")]
    pub(crate) provider: Vec<String>,
    /// Shows what would change, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScorerCommand {
    /// Lists all scorers, and which serves.
    List(AnswerArgs),
    /// Brings a scorer's folder, checked and tried; it does not serve yet.
    Upload(UploadScorerArgs),
    /// Lets a scorer serve at once, unless its gate has refused it; the one before is kept.
    Promote(PromoteScorerArgs),
    /// Lets the one before serve again.
    Rollback(RollbackArgs),
    /// Scores a share of the prompts with a second scorer too, and compares.
    Shadow(ShadowArgs),
    /// How the scorer in shadow differs from the serving one.
    Disagreement(AnswerArgs),
    /// Deletes a scorer that does not serve.
    Remove(RemoveScorerArgs),
}

#[derive(Args, Debug)]
pub(crate) struct RemoveScorerArgs {
    /// The version.
    pub(crate) version: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct UploadScorerArgs {
    /// The folder, with its manifest.json.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Why; kept in the history of changes.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PromoteScorerArgs {
    /// The version; `built-in` is the one that comes with the program.
    pub(crate) version: String,
    /// Goes ahead although the scorer has not passed its gate; needs a reason.
    #[arg(long, requires = "reason")]
    pub(crate) force: bool,
    /// Why; kept in the history of changes.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RollbackArgs {
    /// Why; kept in the history of changes.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShadowArgs {
    /// The version to run in shadow; `built-in` is the one that comes with the program.
    #[arg(conflicts_with = "off")]
    pub(crate) version: Option<String>,
    /// Ends it.
    #[arg(long)]
    pub(crate) off: bool,
    /// Of the prompts; 0.1 if not given.
    #[arg(long, value_name = "0..1", conflicts_with = "off")]
    pub(crate) share: Option<f64>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// A configuration file to check too.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// A setting that must not be printed, not even where it is refused.
#[expect(clippy::unnecessary_wraps, reason = "readers of values have this shape")]
fn secret(text: &str) -> Result<SecretText, std::convert::Infallible> {
    Ok(SecretText::new(text.to_owned()))
}
