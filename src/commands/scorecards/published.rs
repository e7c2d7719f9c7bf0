//! `signalbox scorecards published|import`: the published scorecards that come with a release, and taking them over.

use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::list_published_response::Published;
use serde_json::{Value, json};

use super::told_saved;
use crate::cli::{AnswerArgs, ImportScoresArgs};
use crate::exit::Exit;
use crate::output;
use crate::server_link::{ServerLink, told};

pub(super) async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let published = ServerLink::connect(&args.server).await?.objects().published().await.map_err(told)?;
    if args.json {
        output::json(&published.iter().map(document).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let row = |it: &Published| {
        let scorecard = it.scorecard.clone().unwrap_or_default();
        let source = scorecard.source.unwrap_or_default();
        let flags = it.flags.iter().filter(|flag| flag.model.is_none()).map(|flag| flag.kind.clone());
        let mut flags: Vec<_> = flags.collect();
        flags.dedup();
        let low = it.flags.iter().filter(|flag| flag.kind == "low_evidence").count();
        if low > 0 {
            flags.push(format!("low_evidence {low}"));
        }
        [
            scorecard.name,
            scorecard.version,
            scorecard.metric,
            format!("{} / {}", it.known_models, scorecard.cells.len()),
            source.date.unwrap_or_default(),
            source.licence.unwrap_or_default(),
            if flags.is_empty() { "-".to_owned() } else { flags.join(", ") },
            if it.imported { "yes" } else { "no" }.to_owned(),
        ]
    };
    let header = ["NAME", "VERSION", "METRIC", "MODELS KNOWN / ALL", "OBSERVED", "LICENCE", "FLAGS", "IMPORTED"];
    output::table(header, published.iter().map(row).collect(), "none come with this release")?;
    Ok(Exit::Done)
}

pub(super) async fn import(args: ImportScoresArgs) -> anyhow::Result<Exit> {
    // Without names all are meant, which the command line demands to be said.
    let request = pb::ImportPublishedRequest {
        names: args.names,
        dry_run: args.dry_run,
        ..pb::ImportPublishedRequest::default()
    };
    let saved = ServerLink::connect(&args.server).await?.objects().import_published(request).await.map_err(told)?;
    told_saved(&saved, args.dry_run, args.json)
}

fn document(it: &Published) -> Value {
    let scorecard = it.scorecard.clone().unwrap_or_default();
    let source = scorecard.source.unwrap_or_default();
    let flags = it.flags.iter();
    let flags = flags.map(|it| json!({"kind": it.kind, "model": it.model, "message": it.message}));
    json!({
        "name": scorecard.name,
        "version": scorecard.version,
        "metric": scorecard.metric,
        "capabilities": scorecard.capabilities,
        "models": scorecard.cells.len(),
        "known_models": it.known_models,
        "source": source.url,
        "licence": source.licence,
        "observed": source.date,
        "imported": it.imported,
        "flags": flags.collect::<Vec<_>>(),
    })
}
