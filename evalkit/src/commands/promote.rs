//! `evalkit promote`: brings a scorer to an engine and lets it serve, or run in shadow, once its gate was passed.
//!
//! The engine is found as the `signalbox` commands find it: an address, or the socket of a data folder. It checks every
//! hash and tries the scorer before it takes it; what serves goes on if it refuses.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use proto::gate::{self, Passed};
use proto::operator;
use proto::scorers::{ScorerFolder, ScorersLink};
use serde_json::{Value, json};

use crate::{Ended, tell};

/// Brings a scorer to an engine and lets it serve.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The scorer's folder, as `evalkit train` made it and `evalkit gate` passed it.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The engine: `unix:/path/admin.sock` or `http://host:port`; default: the socket of the local data folder.
    #[arg(long, env = "SIGNALBOX_SERVER", value_name = "URL")]
    engine: Option<String>,
    /// The local data folder.
    #[arg(long, default_value = "./signalbox-data", env = "SIGNALBOX_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// A key with the scope `platform`, for engines reached over TCP.
    #[arg(long, env = "SIGNALBOX_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
    /// Runs it in shadow on this share of the prompts instead of letting it serve.
    #[arg(long, value_name = "0..1")]
    shadow: Option<f64>,
    /// Goes ahead without a passed gate; needs a reason.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why; kept in the engine's history of changes.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// What a promotion came to.
#[derive(Debug)]
struct Promoted {
    version: String,
    before: String,
    /// `None` = it serves.
    shadow: Option<f64>,
    /// What a rollback would go back to.
    previous: Option<String>,
    warning: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the folder is none or its gate was not passed, no engine answers, or the engine refuses the scorer.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let promoted = runtime.block_on(promote(options))?;
    if let Some(warning) = &promoted.warning {
        tell(format_args!("warning: {warning}"));
    }
    let told = if options.json { promoted.json().to_string() } else { promoted.text() };
    writeln!(std::io::stdout().lock(), "{told}").context("writing the output")?;
    Ok(Ended::Well)
}

async fn promote(options: &Options) -> anyhow::Result<Promoted> {
    let folder = ScorerFolder::read(&options.model).context("--model")?;
    let (gate, reason) = judged(&folder, options)?;
    if options.shadow.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        bail!("--shadow: above 0 and at most 1");
    }
    let mut engine = connect(options).await?;
    let before = engine.list().await?.serving;
    let against = gate.and_then(|gate| gate.against);
    let warning = against.filter(|against| *against != before && folder.version != before).map(|against| {
        format!("its gate compared it with {against}, but {before} serves: pass the gate again to be sure")
    });
    let uploaded = engine.upload(folder, reason.clone()).await?;
    let version = uploaded.version;
    if let Some(share) = options.shadow {
        let running = engine.set_shadow(Some(version.clone()), Some(share)).await?;
        let shadow = Some(running.map_or(share, |it| it.share));
        return Ok(Promoted { version, before, shadow, previous: None, warning });
    }
    // The engine adds what the gate said.
    let changed = engine.promote(version.clone(), options.reason.clone(), options.force).await?;
    let warning = warning.or(changed.warning);
    Ok(Promoted { version, before, shadow: None, previous: changed.previous, warning })
}

/// The gate's word if it was passed, and the reason that goes with the change. Refuses what was not judged good enough,
/// unless forced.
fn judged(folder: &ScorerFolder, options: &Options) -> anyhow::Result<(Option<Passed>, Option<String>)> {
    match gate::passed(folder.gate.as_deref(), &folder.version) {
        Ok(gate) => Ok((Some(gate), options.reason.clone())),
        Err(fault) if options.force => {
            let reason = options.reason.as_deref().unwrap_or_default().trim();
            if reason.is_empty() {
                bail!("--reason: say why the gate is overridden; it is kept with the change");
            }
            Ok((None, Some(format!("forced ({fault}): {reason}"))))
        }
        Err(fault) => bail!(
            "{}: {fault}; pass it with `evalkit gate --model {}`, or override it with --force --reason TEXT",
            options.model.display(),
            options.model.display()
        ),
    }
}

async fn connect(options: &Options) -> anyhow::Result<ScorersLink> {
    let endpoint = operator::endpoint(options.engine.as_deref(), &options.data_dir).context("--engine")?;
    let channel = operator::connect_operator(&endpoint, options.key.as_deref()).await.with_context(|| {
        format!("no engine at {endpoint}: start one with `signalbox up`, or name another with --engine or --data-dir")
    })?;
    Ok(ScorersLink::new(channel))
}

// === impl Promoted ===

impl Promoted {
    fn json(&self) -> Value {
        json!({
            "version": self.version,
            "before": self.before,
            "serving": self.shadow.is_none(),
            "shadow": self.shadow,
            "previous": self.previous,
        })
    }

    fn text(&self) -> String {
        let Self { version, before, .. } = self;
        match (self.shadow, &self.previous) {
            (Some(share), _) => format!(
                "{version} scores {:.0} % of the prompts in shadow of {before}\n\
                 how it differs: signalbox scorer disagreement\n\
                 let it serve: signalbox scorer promote {version}",
                share * 100.0
            ),
            (None, _) if before == version => format!("{version} serves already"),
            (None, previous) => format!(
                "{version} serves; before: {before}\nback to {}: signalbox scorer rollback",
                previous.as_ref().unwrap_or(before)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::path::Path;

    use clap::Parser;
    use proto::gate::GATE;

    use super::*;
    use crate::commands::testing::engine;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(model: &Path, more: &[&str]) -> Options {
        let model = model.to_str().unwrap();
        let nowhere = "--engine=unix:/nowhere/admin.sock";
        Line::try_parse_from(["promote", "--model", model, nowhere].iter().chain(more)).unwrap().options
    }

    /// A folder with a manifest and this for a gate.
    fn folder(gate: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("manifest.json"), r#"{"version": "9.1", "files": {}}"#).unwrap();
        if let Some(gate) = gate {
            fs::write(folder.path().join(GATE), gate).unwrap();
        }
        folder
    }

    #[track_caller]
    fn refused(gate: Option<&str>, more: &[&str], why: &str) {
        let folder = folder(gate);
        let fault = format!("{:#}", run(&options(folder.path(), more)).unwrap_err());
        assert!(fault.contains(why), "{fault}");
    }

    #[test]
    fn what_has_not_passed_its_gate_is_refused_before_anybody_is_asked() {
        refused(None, &[], "has not been through a gate");
        refused(Some("{"), &[], "cannot be understood");
        refused(Some(r#"{"verdict": "fail", "against": "9.0"}"#), &[], "`fail`");
        refused(Some(r#"{"verdict": "pass", "against": "9.0", "version": "8.8"}"#), &[], "8.8");
    }

    #[test]
    fn a_passed_gate_or_a_reason_leads_to_the_engine() {
        let nobody = "no engine at unix:/nowhere/admin.sock";
        refused(Some(r#"{"verdict": "pass", "against": "9.0"}"#), &[], nobody);
        refused(None, &["--force", "--reason", "an experiment"], nobody);
        refused(None, &["--force", "--reason", " "], "--reason");
        refused(Some(r#"{"verdict": "pass"}"#), &["--shadow", "1.5"], "--shadow");
    }

    #[test]
    fn force_needs_a_reason() {
        assert!(Line::try_parse_from(["promote", "--model", "x", "--force"]).is_err());
    }

    #[test]
    fn an_override_goes_with_the_change_in_words() {
        let folder = folder(Some(r#"{"verdict": "inconclusive"}"#));
        let read = ScorerFolder::read(folder.path()).unwrap();
        let (gate, reason) = judged(&read, &options(folder.path(), &["--force", "--reason", "a trial"])).unwrap();
        assert!(gate.is_none());
        assert_eq!(reason.as_deref(), Some("forced (its gate says `inconclusive`): a trial"));
    }

    #[test]
    fn a_folder_that_is_no_scorers_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let fault = format!("{:#}", run(&options(empty.path(), &[])).unwrap_err());
        assert!(fault.contains("manifest.json"), "{fault}");
    }

    /// The built-in scorer under another version.
    fn scorer(folder: &Path, version: &str) -> PathBuf {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scorer-models");
        let source = models.join(fs::read_to_string(models.join("default")).unwrap().trim());
        let folder = folder.join(version);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(source).unwrap().filter(|it| it.as_ref().unwrap().file_name() != GATE) {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let manifest = folder.join("manifest.json");
        let mut value: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        value["version"] = json!(version);
        fs::write(manifest, value.to_string()).unwrap();
        folder
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_engine_takes_the_scorer_and_the_old_one_is_named_for_the_way_back() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = format!("--engine=unix:{}", engine(scratch.path()).await.display());
        let (one, other) = (scorer(scratch.path(), "9.1"), scorer(scratch.path(), "9.2"));
        let line = |model: &Path, more: &[&str]| {
            let arguments = ["promote", "--model", model.to_str().unwrap(), &socket];
            Line::try_parse_from(arguments.iter().chain(more)).unwrap().options
        };
        let forced = ["--force", "--reason", "a trial"];
        let promoted = promote(&line(&one, &forced)).await.unwrap();
        assert_eq!((promoted.version.as_str(), promoted.previous.as_ref()), ("9.1", Some(&promoted.before)));
        assert!(promoted.text().contains(&promoted.before) && promoted.text().contains("rollback"));

        fs::write(other.join(GATE), r#"{"verdict": "pass", "against": "8.8"}"#).unwrap();
        let shadowed = promote(&line(&other, &["--shadow", "0.5"])).await.unwrap();
        assert_eq!((shadowed.before.as_str(), shadowed.shadow), ("9.1", Some(0.5)));
        assert!(shadowed.warning.unwrap().contains("8.8"), "its gate compared it with another one");

        let list = connect(&line(&one, &[])).await.unwrap().list().await.unwrap();
        assert_eq!((list.serving.as_str(), list.shadow.unwrap().version.as_str()), ("9.1", "9.2"));
        let reasons: Vec<_> = list.history.iter().filter_map(|it| it.reason.as_deref()).collect();
        assert!(reasons.len() == 2 && reasons.iter().all(|it| it.contains("forced") && it.ends_with("a trial")));
        let gates: Vec<_> = list.scorers.into_iter().filter_map(|it| it.gate).collect();
        assert_eq!(gates, ["pass against 8.8"]);
    }
}
