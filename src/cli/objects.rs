//! What can be typed about the objects of the configuration, one by one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AnswerArgs, BodyLoggingArgs, BudgetArgs, ServerArgs, TrustArgs, Wish};

/// What every kind of object has.
#[derive(Debug, Subcommand)]
pub(crate) enum ObjectCommand {
    /// Lists all of them.
    List(AnswerArgs),
    /// Shows one with all its fields.
    Show(NameArgs),
    /// Makes those of a file; none of them may exist.
    Create(FileArgs),
    /// Makes those of a file what it says; all of them must exist.
    Update(FileArgs),
    /// Deletes one; refused while others refer to it.
    Delete(DeleteArgs),
}

/// What objects with versions have besides.
#[derive(Debug, Subcommand)]
pub(crate) enum VersionCommand {
    /// Keeps those of a file as drafts, which do not count yet.
    Draft(FileArgs),
    /// Shows what promoting the draft would change.
    Diff(NameArgs),
    /// Shows what the draft would have changed in past requests.
    Preview(PreviewArgs),
    /// Lets the draft count.
    Promote(ActArgs),
    /// Throws the draft away.
    Discard(ActArgs),
    /// Lets an earlier version count again.
    Rollback(RollbackVersionArgs),
    /// Lists the versions, newest first.
    Versions(NameArgs),
}

/// Policies and blends.
#[derive(Debug, Subcommand)]
pub(crate) enum VersionedCommand {
    #[command(flatten)]
    Object(ObjectCommand),
    #[command(flatten)]
    Version(VersionCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    #[command(flatten)]
    Object(ObjectCommand),
    /// Asks one of its models through the running gateway and says what works; costs a few hundred tokens.
    Check(CheckProviderArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CheckProviderArgs {
    /// The provider.
    pub(crate) provider: String,
    /// The model to ask; otherwise its first that is enabled.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Where the gateway listens.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "SIGNALBOX_GATEWAY", value_name = "URL")]
    pub(crate) gateway: String,
    /// An API key; otherwise one is made for ten minutes and revoked at the end.
    #[arg(id = "api-key", long = "api-key", env = "SIGNALBOX_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlendsCommand {
    #[command(flatten)]
    Versioned(VersionedCommand),
    /// Shows who would win, for which kind of work and how firmly; exits with 2 if that rests on little.
    Check(CheckBlendArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScorecardsCommand {
    #[command(flatten)]
    Object(ObjectCommand),
    /// Brings a file of scores: CSV, JSON, Every Eval Ever, or a board of Aider.
    Upload(UploadScoresArgs),
    /// Lists the published scorecards that come with this release.
    Published(AnswerArgs),
    /// Saves published scorecards as the organisation's own.
    Import(ImportScoresArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Lists all of them; secrets are never shown.
    List(AnswerArgs),
    /// Shows one, without its secret.
    Show(NameArgs),
    /// Gives a provider a secret.
    Create(SecretArgs),
    /// Puts another secret in the place of the one that is there.
    Rotate(SecretArgs),
    /// Deletes one.
    Delete(DeleteArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganisationsCommand {
    /// Lists all of them.
    List(AnswerArgs),
    /// Shows one with all its fields.
    Show(NameArgs),
    /// Makes one; only the operator may, over the server's socket.
    Create(CreateOrganisationArgs),
    /// Says what all its requests together may cost.
    Budget(BudgetArgs),
    /// Says for how long the bodies of its requests and answers are kept.
    BodyLogging(BodyLoggingArgs),
}

#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// `provider/name`, such as `acme/main`.
    #[arg(value_name = "PROVIDER/NAME")]
    pub(crate) name: String,
    /// The environment variable that holds the secret.
    #[arg(long, value_name = "VARIABLE", required_unless_present = "secret_file", conflicts_with = "secret_file")]
    pub(crate) secret_env: Option<String>,
    /// The file that holds the secret; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Whose account it opens; otherwise as before, of a new one the platform's.
    #[arg(long, value_enum)]
    pub(crate) owner: Option<OwnerChoice>,
    /// The user whose keys may use it, of an owner `user`; otherwise as before, `none` = nobody's in particular.
    #[arg(long, value_name = "USER|none")]
    pub(crate) user: Option<Wish<String>>,
    /// Its share of the calls beside the provider's other credentials, 1 to 1000; otherwise as before, of a new one 1.
    #[arg(long, value_name = "N")]
    pub(crate) weight: Option<u32>,
    /// What it is; otherwise as the other options say, or as before.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindChoice>,
    /// Where tokens are given out for the secret: it is an OAuth client's then.
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub(crate) token_url: Option<String>,
    /// The OAuth client whose secret it is.
    #[arg(long, value_name = "ID", requires = "token_url")]
    pub(crate) client_id: Option<String>,
    /// What the tokens are for.
    #[arg(long, value_name = "SCOPE", requires = "token_url")]
    pub(crate) scope: Option<String>,
    /// Only if it still has this etag, as `show` prints it.
    #[arg(long, value_name = "ETAG")]
    pub(crate) etag: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OwnerChoice {
    /// The platform's.
    Managed,
    /// The organisation's own.
    Org,
    /// One of its users'.
    User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KindChoice {
    /// Sent as it is.
    ApiKey,
    /// A JSON object with which tokens are fetched.
    OauthClientCredentials,
}

#[derive(Args, Debug)]
pub(crate) struct CreateOrganisationArgs {
    /// Its name.
    pub(crate) name: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Lists who changed what, newest first.
    List(AuditArgs),
}

#[derive(Args, Debug)]
pub(crate) struct NameArgs {
    /// By id, name or slug.
    pub(crate) name: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct FileArgs {
    /// TOML, YAML or JSON as in a configuration file, or one object bare; `-` reads standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only if what the file is about still has this etag, as `show` prints it; for files of one object.
    #[arg(long, value_name = "ETAG")]
    pub(crate) etag: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ActArgs {
    /// By id, name or slug.
    pub(crate) name: String,
    /// Only if it still has this etag, as `show` prints it.
    #[arg(long, value_name = "ETAG")]
    pub(crate) etag: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PreviewArgs {
    /// By id, name or slug.
    pub(crate) name: String,
    /// How many past requests to decide again, at most 10000.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) last: u32,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RollbackVersionArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The version; without it, the one before the one that counts.
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckBlendArgs {
    /// By id or name.
    pub(crate) name: String,
    /// Over the candidates of this policy instead of every model that could be called.
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// Its draft instead of what counts.
    #[arg(long)]
    pub(crate) draft: bool,
    /// Checks a blend of a configuration file instead of a running server's.
    #[arg(long, value_name = "FILE", conflicts_with = "draft")]
    pub(crate) config: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportScoresArgs {
    /// By name, or `name@version`.
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) names: Vec<String>,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
    /// Tells what would change, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct UploadScoresArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Its format, where name and content do not tell.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ScoresFormat>,
    /// The benchmark's name; otherwise as the file says, else the file's name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The benchmark's version.
    #[arg(long = "scores-version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// What was measured, such as `accuracy`.
    #[arg(long)]
    pub(crate) metric: Option<String>,
    /// In which unit.
    #[arg(long)]
    pub(crate) unit: Option<String>,
    /// Which end of the scale is good.
    #[arg(long, value_enum)]
    pub(crate) direction: Option<DirectionChoice>,
    /// How scores become comparable.
    #[arg(long, value_enum, requires = "min", requires = "max")]
    pub(crate) scale: Option<ScaleChoice>,
    /// The lowest score there can be.
    #[arg(long, requires = "max", allow_negative_numbers = true)]
    pub(crate) min: Option<f64>,
    /// The highest score there can be.
    #[arg(long, requires = "min", allow_negative_numbers = true)]
    pub(crate) max: Option<f64>,
    /// The score of guessing.
    #[arg(long, requires = "min", value_name = "SCORE")]
    pub(crate) chance: Option<f64>,
    /// The rating at which a match is even.
    #[arg(long, conflicts_with_all = ["min", "max", "scale", "chance"], value_name = "RATING")]
    pub(crate) elo_reference: Option<f64>,
    /// A capability that it tells about, such as `code`; may be repeated.
    #[arg(long, value_name = "TAG")]
    pub(crate) capability: Vec<String>,
    /// Where the scores stand.
    #[arg(long, value_name = "URL")]
    pub(crate) source: Option<String>,
    /// Tells what would change, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScoresFormat {
    /// One line a score, or one column a benchmark.
    Csv,
    /// `evalkit.scorecard/1`.
    Json,
    /// Every Eval Ever.
    Eee,
    /// A board of Aider.
    Aider,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DirectionChoice {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScaleChoice {
    /// Even steps.
    Linear,
    /// Even ratios.
    Log,
}

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// Only of this kind of object, such as `policy`.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only of this object, by id.
    #[arg(long, requires = "kind", value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Only since then: a time such as `2026-11-22T10:00:00Z`, or an age such as `15m`, `2h`, `7d`.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Prints JSON, one line a change.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
