//! `evalkit push`: brings scorecard files to a server, each saved whole or not at all.
//!
//! The server reads the files, since it knows which models there are; what `import` can declare of a file beyond its
//! name and scale stands in a file that `import` has written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::ObjectKind;
use proto::objects::ObjectsLink;
use proto::operator;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::normalisation::{Bounds, Normalisation};
use serde_json::{Value, json};

use crate::{Ended, tell};

/// More flags of one file than this are counted, not told.
const FLAGS_TOLD: usize = 10;

/// Brings scorecard files to a server.
///
/// Exits with 2 if there are flags: models that nobody knows, little evidence, old numbers; with 1 if a file has faults,
/// all of which are told, and nothing of it is saved.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Tables, `evalkit.scorecard/1` as `evalkit import` writes it, Every Eval Ever, or boards of Aider.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server: `unix:/path/admin.sock` or `http://host:port`; default: the socket of the local data folder.
    #[arg(long, env = "SIGNALBOX_SERVER", value_name = "ADDRESS")]
    server: Option<String>,
    /// The local data folder.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// A key with the scope `platform`, for servers reached over TCP.
    #[arg(long, env = "SIGNALBOX_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
    /// The benchmark's name, for one file of one benchmark.
    #[arg(long)]
    name: Option<String>,
    /// The benchmark's version.
    #[arg(long = "benchmark-version")]
    version: Option<String>,
    /// What was measured: `pass_rate_2`.
    #[arg(long)]
    metric: Option<String>,
    /// The least possible score.
    #[arg(long, requires = "max", allow_negative_numbers = true)]
    min: Option<f64>,
    /// The greatest possible score.
    #[arg(long, requires = "min", allow_negative_numbers = true)]
    max: Option<f64>,
    /// A kind of work that the benchmark tells about: `code`; may be repeated.
    #[arg(long = "capability", value_name = "TAG")]
    capabilities: Vec<String>,
    /// Tells what would be saved, and saves nothing.
    #[arg(long)]
    dry_run: bool,
    /// Prints JSON, one line a file.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, no server answers, or the server refuses a call.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    if options.name.is_some() && options.files.len() > 1 {
        tell("error: --name is for one file: push the others by themselves");
        return Ok(Ended::Usage);
    }
    let read = |path: &PathBuf| fs::read(path).with_context(|| path.display().to_string());
    // All of them first: a misspelt name is told before anything is saved.
    let files = options.files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    runtime.block_on(push(options, &files))
}

async fn push(options: &Options, files: &[Vec<u8>]) -> anyhow::Result<Ended> {
    let mut server = connect(options).await?;
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let (mut faulty, mut is_flagged) = (0, false);
    for (path, file) in options.files.iter().zip(files) {
        let declaration = declaration(options, path, file, began);
        let answer = match server.upload_scores(declaration.clone(), file).await {
            Err(fault) if !fault.is_usage() => {
                // Whether it was saved is not known; the same key keeps it from being done twice.
                tell(format_args!("{}: {fault}; once more", path.display()));
                server = connect(options).await?;
                server.upload_scores(declaration, file).await
            }
            answer => answer,
        };
        let answer = answer.with_context(|| path.display().to_string())?;
        say(options, path, &answer)?;
        faulty += usize::from(!answer.faults.is_empty());
        is_flagged |= !answer.flags.is_empty();
    }
    if faulty > 0 {
        anyhow::bail!("{faulty} of {} files have faults and were not saved", files.len());
    }
    Ok(if is_flagged { Ended::WithBadRows } else { Ended::Well })
}

async fn connect(options: &Options) -> anyhow::Result<ObjectsLink> {
    let endpoint = operator::endpoint(options.server.as_deref(), &options.data_dir).context("--server")?;
    let channel = operator::connect_operator(&endpoint, options.key.as_deref()).await.with_context(|| {
        format!("no server at {endpoint}: start one with `signalbox up`, or name another with --server or --data-dir")
    })?;
    Ok(ObjectsLink::new(channel))
}

fn declaration(options: &Options, path: &Path, file: &[u8], began: u128) -> pb::ScoresDeclaration {
    let bounds = options.min.zip(options.max).map(|(min, max)| Normalisation::Bounds(Bounds { min, max }));
    pb::ScoresDeclaration {
        file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        name: options.name.clone(),
        version: options.version.clone(),
        metric: options.metric.clone(),
        normalisation: bounds.map(|it| object::Normalisation { normalisation: Some(it) }),
        capabilities: options.capabilities.clone(),
        dry_run: options.dry_run,
        idempotency_key: if options.dry_run { String::new() } else { idempotency_key(path, file, began) },
        ..pb::ScoresDeclaration::default()
    }
}

/// Content and moment: a repeated call is one push, but pushing an older file again, after a newer one, is another.
fn idempotency_key(path: &Path, file: &[u8], began: u128) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&began.to_be_bytes()).update(path.as_os_str().as_encoded_bytes()).update(&[0]).update(file);
    format!("push-{}", hasher.finalize().to_hex())
}

fn say(options: &Options, path: &Path, answer: &pb::UploadScoresResponse) -> anyhow::Result<()> {
    let file = path.display().to_string();
    for fault in &answer.faults {
        tell(fault.within(&file));
    }
    for flag in answer.flags.iter().take(FLAGS_TOLD).filter(|_| !options.json) {
        tell(format_args!("{file}: {}: {flag}", flag.kind));
    }
    if answer.flags.len() > FLAGS_TOLD && !options.json {
        tell(format_args!("{file}: and {} flags more; --json tells them all", answer.flags.len() - FLAGS_TOLD));
    }
    let lines = if options.json { vec![document(&file, answer).to_string()] } else { lines(options, answer) };
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).context("writing the output")
}

fn document(file: &str, answer: &pb::UploadScoresResponse) -> Value {
    let mut document = answer.summary();
    document["file"] = json!(file);
    document
}

fn lines(options: &Options, answer: &pb::UploadScoresResponse) -> Vec<String> {
    let line = |saved: &pb::SavedScorecard| {
        let scorecard = saved.scorecard.clone().unwrap_or_default();
        let version = if scorecard.version.is_empty() { String::new() } else { format!("@{}", scorecard.version) };
        let would = if options.dry_run { "would be " } else { "" };
        let (name, models, action) = (scorecard.name, scorecard.cells.len(), saved.action());
        let kind = ObjectKind::Scorecard;
        format!("{kind} {name}{version}: {models} models, {would}{action}")
    };
    answer.scorecards.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use clap::Parser;
    use proto::pb::object::v1::object::Object as Kind;

    use super::*;
    use crate::commands::testing::engine;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(socket: &Path, more: &[&str]) -> Options {
        let server = format!("--server=unix:{}", socket.display());
        Line::try_parse_from(["push", &server].iter().chain(more)).unwrap().options
    }

    async fn pushed(socket: &Path, file: &Path, more: &[&str]) -> anyhow::Result<Ended> {
        let options = options(socket, &[&[file.to_str().unwrap()], more].concat());
        push(&options, &[fs::read(file).unwrap()]).await
    }

    /// Uploaded scores are of models that are in the catalogue.
    async fn with_model(link: &mut ObjectsLink) {
        let provider = object::Provider {
            slug: "acme".to_owned(),
            base_url: "https://api.acme.example.com/v1".to_owned(),
            dialect: object::Dialect::Openai.into(),
            allow_anonymous: true,
            ..object::Provider::default()
        };
        let model = object::Model { id: "acme/small".to_owned(), enabled: true, ..object::Model::default() };
        for (kind, it) in [(ObjectKind::Provider, Kind::Provider(provider)), (ObjectKind::Model, Kind::Model(model))] {
            let object = Some(object::Object { object: Some(it) });
            link.create(kind, pb::CreateRequest { object, ..pb::CreateRequest::default() }).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn files_are_saved_whole_or_not_at_all_and_a_repeated_push_changes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = engine(scratch.path()).await;
        let mut link = connect(&options(&socket, &["x"])).await.unwrap();
        with_model(&mut link).await;
        let file = scratch.path().join("tone.csv");
        let write = |text: &str| fs::write(&file, text).unwrap();
        let rows = "model_id,score,n\nacme/small,0.9,2000\nacme/small,0.8,2000\n";
        write(rows);
        let fault = pushed(&socket, &file, &[]).await.unwrap_err().to_string();
        assert!(fault.contains("1 of 1 files have faults"), "{fault}");
        assert!(!link.has(ObjectKind::Scorecard, "tone").await.unwrap());

        write("model_id,score,n\nacme/small,0.9,2000\n");
        pushed(&socket, &file, &["--min", "0", "--max", "1", "--dry-run"]).await.unwrap();
        assert!(!link.has(ObjectKind::Scorecard, "tone").await.unwrap());
        let saved = pushed(&socket, &file, &["--min", "0", "--max", "1", "--name", "voice"]).await;
        let etag = async |link: &mut ObjectsLink| link.get(ObjectKind::Scorecard, "voice").await.unwrap().etag;
        saved.unwrap();
        let first = etag(&mut link).await;
        pushed(&socket, &file, &["--min", "0", "--max", "1", "--name", "voice"]).await.unwrap();
        assert_eq!(etag(&mut link).await, first);
    }

    #[test]
    fn a_name_is_for_one_file_and_a_file_that_is_not_there_is_named() {
        let nowhere = Path::new("/nowhere/admin.sock");
        assert!(matches!(run(&options(nowhere, &["a.csv", "b.csv", "--name", "x"])).unwrap(), Ended::Usage));
        let fault = format!("{:#}", run(&options(nowhere, &["/nowhere/a.csv"])).unwrap_err());
        assert!(fault.contains("/nowhere/a.csv"), "{fault}");
    }

    #[test]
    fn pushing_an_older_file_again_is_another_request() {
        let key = |file: &[u8], began| idempotency_key(Path::new("a.csv"), file, began);
        assert_eq!(key(b"x", 1), key(b"x", 1));
        assert!(key(b"x", 1) != key(b"x", 2) && key(b"x", 1) != key(b"y", 1));
    }
}
