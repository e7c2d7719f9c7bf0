//! `signalbox blends …`: what every kind with versions has, and examining a blend before requests are routed by it.

use domain::{ObjectKind, Timestamp};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::check_blend_response::{EndedOverride, Verdict};
use serde_json::{Value, json};

use crate::cli::{BlendsCommand, CheckBlendArgs, ServerArgs};
use crate::commands::offline::Offline;
use crate::commands::versions;
use crate::exit::Exit;
use crate::output;
use crate::server_link::{ServerLink, told};

/// Runs one of them.
pub(crate) async fn run(command: BlendsCommand) -> anyhow::Result<Exit> {
    match command {
        BlendsCommand::Versioned(command) => versions::run(ObjectKind::Blend, command).await,
        BlendsCommand::Check(args) => check(args).await,
    }
}

async fn check(args: CheckBlendArgs) -> anyhow::Result<Exit> {
    let found = match &args.config {
        None => examined(&args, &args.server).await?,
        Some(file) => {
            let engine = Offline::over(file).await?;
            let found = examined(&args, &engine.server()).await;
            engine.close().await?;
            found?
        }
    };
    if args.json {
        output::json(&document(&found))?;
    } else {
        print(&args, &found)?;
    }
    let is_firm = !found.verdicts.is_empty() && found.verdicts.iter().all(|it| it.imputed.is_empty());
    let is_sound = found.stale.is_empty() && found.low_evidence.is_empty() && found.ended_overrides.is_empty();
    Ok(if is_firm && is_sound { Exit::Done } else { Exit::Warnings })
}

async fn examined(args: &CheckBlendArgs, server: &ServerArgs) -> anyhow::Result<pb::CheckBlendResponse> {
    let (name, policy, draft) = (args.name.clone(), args.policy.clone(), args.draft);
    let request = pb::CheckBlendRequest { organisation: None, name, policy, draft };
    ServerLink::connect(server).await?.objects().check_blend(request).await.map_err(told)
}

fn print(args: &CheckBlendArgs, found: &pb::CheckBlendResponse) -> anyhow::Result<()> {
    let row = |it: &Verdict| {
        [
            it.capability.clone().unwrap_or_else(|| "overall".to_owned()),
            it.winner.clone(),
            format!("{:.3} ± {:.3}", it.score, it.standard_error),
            listed(&it.ties),
            listed(&it.not_significant),
            format!("{:.0} %", it.stability * 100.0),
            listed(&it.imputed),
        ]
    };
    let header = ["WORK", "WINNER", "SCORE", "TIES", "NOT SIGNIFICANT", "STABILITY", "RESTS ON STAND-INS FOR"];
    let nobody = format!("nobody can win by `{}`: no candidate has a score in it", args.name);
    output::table(header, found.verdicts.iter().map(row).collect(), &nobody)?;
    output::line(format!("candidates: {}", listed(&found.candidates)))?;
    for removed in &found.removed {
        output::line(format!("out: {} ({})", removed.model, removed.reason))?;
    }
    for benchmark in &found.stale {
        output::line(format!("warning: {benchmark}: its scores are older than it allows"))?;
    }
    for it in &found.low_evidence {
        output::line(format!("warning: {}: {}: {}", it.benchmark, it.model, it.why))?;
    }
    for it in &found.ended_overrides {
        let EndedOverride { place, benchmark, model, .. } = it;
        let ended = Timestamp(it.ended_at_micros);
        output::line(format!("warning: overrides[{place}]: {benchmark}, {model}: ended at {ended}; take it out"))?;
    }
    Ok(())
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

fn document(found: &pb::CheckBlendResponse) -> Value {
    let verdict = |it: &Verdict| {
        json!({
            "capability": it.capability,
            "winner": it.winner,
            "score": it.score,
            "standard_error": it.standard_error,
            "ties": it.ties,
            "not_significant": it.not_significant,
            "stability": it.stability,
            "imputed": it.imputed,
        })
    };
    let removed = found.removed.iter().map(|it| json!({"model": it.model, "reason": it.reason}));
    let low = found.low_evidence.iter();
    let low = low.map(|it| json!({"benchmark": it.benchmark, "model": it.model, "why": it.why}));
    let ended = found.ended_overrides.iter().map(|it| {
        let ended_at = Timestamp(it.ended_at_micros).to_string();
        json!({"place": it.place, "benchmark": it.benchmark, "model": it.model, "ended_at": ended_at})
    });
    json!({
        "verdicts": found.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "candidates": found.candidates,
        "removed": removed.collect::<Vec<_>>(),
        "stale": found.stale,
        "low_evidence": low.collect::<Vec<_>>(),
        "ended_overrides": ended.collect::<Vec<_>>(),
    })
}
