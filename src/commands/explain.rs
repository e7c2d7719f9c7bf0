//! `signalbox explain`: the decision for one request, for each of a file of cases, or once more for a past request,
//! without calling a model.
//!
//! The engine decides, with the code that serves requests: a running one, or one started for the occasion over a
//! configuration file (`--config`), which needs no server and no secrets.

mod cases;
mod given;
mod replay;
mod show;

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow};
use domain::Score;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::explain_response::Answer;
use proto::pb::routing::v1 as routing;

use crate::cli::ExplainArgs;
use crate::commands::explain::given::{Given, Injected};
use crate::commands::offline::Offline;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::ServerLink;

/// Explains one request, or many.
pub(crate) async fn run(args: ExplainArgs) -> anyhow::Result<Exit> {
    let Some(file) = &args.config else {
        return explain(&args, ServerLink::connect(&args.server).await?).await;
    };
    let engine = Offline::over(file).await?;
    let exit = explain(&args, ServerLink::connect(&engine.server()).await?).await;
    engine.close().await?;
    exit
}

async fn explain(args: &ExplainArgs, server: ServerLink) -> anyhow::Result<Exit> {
    if let Some(request) = &args.replay {
        return replay::run(request, args.json, server).await;
    }
    match (&args.request, &args.cases) {
        (Some(file), _) => one(args, file, server).await,
        (None, Some(file)) => cases::run(&read(file)?, file, args.json, server).await,
        (None, None) => Err(UsageError("give --request FILE, --cases FILE or --replay REQUEST_ID".to_owned()).into()),
    }
}

async fn one(args: &ExplainArgs, file: &Path, mut server: ServerLink) -> anyhow::Result<Exit> {
    let given: Given = serde_json::from_str(&read(file)?).map_err(|fault| {
        UsageError(format!(
            "{}: {fault}; expected {{\"path\": …, \"router\": …, \"key\": …, \"headers\": {{…}}, \"previous\": …, \"body\": {{…}}}}, of which only `body` is required",
            file.display()
        ))
    })?;
    let question = match given.question(injected(args)?) {
        Ok(question) => question,
        Err(refusal) => return refused(&refusal),
    };
    let response = server.explain(pb::ExplainRequest { influences: true, ..question }).await?;
    let score = response.score.map(Score::try_from).transpose().map_err(|fault| anyhow!("the server sent {fault}"))?;
    match response.answer.context("the server sent no answer")? {
        Answer::RecordJson(record) if args.json => {
            output::line(show::with_scoring(&record, score, &response.influences)?)?;
        }
        Answer::RecordJson(record) => {
            let decision = serde_json::from_slice(&record).context("the server sent a record that cannot be read")?;
            show::print(&decision, score.as_ref(), &response.influences)?;
            if let Some(fault) = &response.influences_fault {
                output::line(format!("\nwhat moved the score is not known: {fault}"))?;
            }
        }
        Answer::RefusalJson(refusal) => return refused(&refusal),
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

fn injected(args: &ExplainArgs) -> anyhow::Result<Injected> {
    if args.complexity.is_some_and(|complexity| !(0.0..=1.0).contains(&complexity)) {
        return Err(UsageError("--complexity: from 0 to 1".to_owned()).into());
    }
    if args.difficulty.is_some_and(|difficulty| !difficulty.is_finite()) {
        return Err(UsageError("--difficulty: a finite number".to_owned()).into());
    }
    let capabilities = args.capability.iter().map(|text| capability(text)).collect::<anyhow::Result<_>>()?;
    Ok(Injected { policy: args.policy.clone(), complexity: args.complexity, difficulty: args.difficulty, capabilities })
}

fn capability(text: &str) -> anyhow::Result<routing::Capability> {
    let parsed = text.split_once('=').and_then(|(tag, probability)| Some((tag, probability.parse::<f64>().ok()?)));
    let (tag, probability) =
        parsed.ok_or_else(|| UsageError(format!("--capability: `{text}` is not of the form code=0.9")))?;
    Ok(routing::Capability { tag: tag.to_owned(), probability })
}

fn refused(json: &[u8]) -> anyhow::Result<Exit> {
    output::line(String::from_utf8_lossy(json))?;
    Ok(Exit::Failed)
}
