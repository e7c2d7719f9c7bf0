//! `signalbox scorer …`: which scorer serves, and the life of those that could.

use proto::pb::scorer::v1 as pb;
use proto::scorers::ScorerFolder;
use serde_json::{Value, json};

use crate::cli::{
    AnswerArgs, PromoteScorerArgs, RemoveScorerArgs, RollbackArgs, ScorerCommand, ShadowArgs, UploadScorerArgs,
};
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link;

/// Events shown in a table; `--json` has all that are kept.
const SHOWN_EVENTS: usize = 5;

/// Runs one of them.
pub(crate) async fn run(command: ScorerCommand) -> anyhow::Result<Exit> {
    match command {
        ScorerCommand::List(args) => list(args).await,
        ScorerCommand::Upload(args) => upload(args).await,
        ScorerCommand::Promote(args) => promote(args).await,
        ScorerCommand::Rollback(args) => rollback(args).await,
        ScorerCommand::Shadow(args) => shadow(args).await,
        ScorerCommand::Disagreement(args) => disagreement(args).await,
        ScorerCommand::Remove(args) => remove(args).await,
    }
}

async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let found = server_link::scorers(&args.server).await?.list().await.map_err(server_link::told)?;
    let is_sound = found.faults.is_empty() && found.scorers.iter().all(|it| it.fault.is_none());
    let exit = if is_sound { Exit::Done } else { Exit::Warnings };
    if args.json {
        output::json(&listing(&found))?;
        return Ok(exit);
    }
    let rows = found.scorers.iter().map(|it| {
        let kept = if it.built_in { "built in".to_owned() } else { format!("{:.1} MB", it.bytes as f64 / 1e6) };
        [it.version.clone(), role(it, &found), kept, or_dash(it.gate.as_ref()), state(it)]
    });
    output::table(["VERSION", "ROLE", "KEPT", "GATE", "STATE"], rows.collect(), "no scorers")?;
    if let Some(how) = &found.pinned {
        output::line(format!("\nThe server was started with {how}: nothing can be promoted."))?;
    }
    for fault in &found.faults {
        output::line(format!("warning: {fault}"))?;
    }
    let first = found.history.len().saturating_sub(SHOWN_EVENTS);
    if let Some(recent) = found.history.get(first..).filter(|recent| !recent.is_empty()) {
        output::line("")?;
        let rows = recent.iter().map(|it| {
            let at = domain::Timestamp(it.at_micros).to_string();
            [at, it.action.clone(), it.version.clone(), or_dash(it.before.as_ref()), or_dash(it.reason.as_ref())]
        });
        output::table(["WHEN", "WHAT", "VERSION", "BEFORE", "REASON"], rows.collect(), "")?;
    }
    Ok(exit)
}

fn role(it: &pb::Scorer, found: &pb::ListScorersResponse) -> String {
    let shadow = found.shadow.as_ref().filter(|_| it.shadow);
    let roles = [
        it.serving.then(|| "serving".to_owned()),
        it.previous.then(|| "previous".to_owned()),
        shadow.map(|shadow| format!("shadow {:.0} %", shadow.share * 100.0)),
    ];
    let roles: Vec<_> = roles.into_iter().flatten().collect();
    if roles.is_empty() { "-".to_owned() } else { roles.join(", ") }
}

fn state(it: &pb::Scorer) -> String {
    it.fault.as_ref().map_or_else(|| "ok".to_owned(), |fault| format!("damaged: {fault}"))
}

fn listing(found: &pb::ListScorersResponse) -> Value {
    let scorers = found.scorers.iter().map(|it| {
        json!({
            "version": it.version, "built_in": it.built_in, "serving": it.serving, "previous": it.previous,
            "shadow": it.shadow, "bytes": it.bytes, "fault": it.fault, "gate": it.gate,
        })
    });
    let history = found.history.iter().map(|it| {
        json!({
            "at": domain::Timestamp(it.at_micros).to_string(), "action": it.action, "version": it.version,
            "before": it.before, "reason": it.reason,
        })
    });
    json!({
        "scorers": scorers.collect::<Vec<_>>(),
        "serving": found.serving,
        "previous": found.previous,
        "shadow": found.shadow.as_ref().map(shadow_json),
        "faults": found.faults,
        "pinned": found.pinned,
        "history": history.collect::<Vec<_>>(),
    })
}

async fn upload(args: UploadScorerArgs) -> anyhow::Result<Exit> {
    let folder = ScorerFolder::read(&args.folder).map_err(|fault| UsageError(fault.to_string()))?;
    let mut link = server_link::scorers(&args.server).await?;
    // The words were right; it is the scorer that the server does not take.
    let uploaded = link.upload(folder, args.reason).await?;
    if args.json {
        output::json(&json!({
            "version": uploaded.version,
            "already_there": uploaded.already_there,
            "slowest_micros": uploaded.slowest_micros,
            "load_micros": uploaded.load_micros,
        }))?;
        return Ok(Exit::Done);
    }
    let version = &uploaded.version;
    let (load, slowest) = (uploaded.load_micros as f64 / 1e3, uploaded.slowest_micros as f64 / 1e3);
    if uploaded.already_there {
        output::line(format!("{version} is there already"))?;
    } else {
        output::line(format!("{version} is kept: loaded in {load:.0} ms, at most {slowest:.2} ms a prompt"))?;
    }
    output::line(format!("let it serve: signalbox scorer promote {version}"))?;
    Ok(Exit::Done)
}

async fn promote(args: PromoteScorerArgs) -> anyhow::Result<Exit> {
    let mut link = server_link::scorers(&args.server).await?;
    let changed = link.promote(args.version, args.reason, args.force).await.map_err(server_link::told)?;
    print_change(&changed, args.json)
}

async fn rollback(args: RollbackArgs) -> anyhow::Result<Exit> {
    let mut link = server_link::scorers(&args.server).await?;
    // Named, so that the call may be repeated without going back and forth.
    let leave = link.list().await.map_err(server_link::told)?.serving;
    let changed = link.rollback(leave, args.reason).await.map_err(server_link::told)?;
    print_change(&changed, args.json)
}

fn print_change(changed: &pb::ChangeResponse, as_json: bool) -> anyhow::Result<Exit> {
    if as_json {
        output::json(&json!({
            "serving": changed.serving, "previous": changed.previous, "unchanged": changed.unchanged,
            "warning": changed.warning,
        }))?;
        return Ok(Exit::Done);
    }
    if let Some(warning) = &changed.warning {
        eprintln!("warning: {warning}");
    }
    let serving = &changed.serving;
    output::line(if changed.unchanged { format!("{serving} serves already") } else { format!("{serving} serves") })?;
    if let Some(previous) = &changed.previous {
        output::line(format!("back to {previous}: signalbox scorer rollback"))?;
    }
    Ok(Exit::Done)
}

async fn shadow(args: ShadowArgs) -> anyhow::Result<Exit> {
    if args.share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return Err(UsageError("--share: above 0 and at most 1".to_owned()).into());
    }
    if args.version.is_none() && !args.off {
        return Err(UsageError("name a version to run in shadow, or end it with --off".to_owned()).into());
    }
    let mut link = server_link::scorers(&args.server).await?;
    let running = link.set_shadow(args.version, args.share).await.map_err(server_link::told)?;
    if args.json {
        output::json(&json!({ "shadow": running.as_ref().map(shadow_json) }))?;
        return Ok(Exit::Done);
    }
    match running {
        None => output::line("nothing runs in shadow")?,
        Some(it) => {
            output::line(format!("{} scores {:.0} % of the prompts in shadow", it.version, it.share * 100.0))?;
            output::line("how it differs: signalbox scorer disagreement")?;
        }
    }
    Ok(Exit::Done)
}

fn shadow_json(it: &pb::Shadow) -> Value {
    json!({ "version": it.version, "share": it.share })
}

async fn disagreement(args: AnswerArgs) -> anyhow::Result<Exit> {
    let found = server_link::scorers(&args.server).await?.disagreement().await.map_err(server_link::told)?;
    if args.json {
        output::json(&disagreement_json(&found))?;
        return Ok(Exit::Done);
    }
    let Some(running) = &found.shadow else {
        output::line("nothing runs in shadow: start with `signalbox scorer shadow VERSION`")?;
        return Ok(Exit::Done);
    };
    let number = |value: Option<f64>| or_dash(value.map(|it| format!("{it:.3}")));
    let mut rows = vec![
        ["shadow".to_owned(), format!("{}, {:.0} % of the prompts", running.version, running.share * 100.0)],
        ["against".to_owned(), found.serving.clone()],
        ["prompts".to_owned(), found.prompts.to_string()],
        ["mean difference".to_owned(), or_dash(found.mean.map(|it| format!("{it:+.3}")))],
        ["mean |difference|".to_owned(), number(found.mean_absolute)],
        ["p90 |difference|".to_owned(), number(found.p90_absolute)],
    ];
    for flips in &found.flips {
        rows.push([format!("flipped at {}", flips.bound), format!("{:.1} %", flips.share * 100.0)]);
    }
    rows.push(["correlation".to_owned(), number(found.correlation)]);
    if let Some(worst) = &found.worst {
        let text = format!(
            "{:.1} to {:.1}: mean |difference| {:.3} over {} prompts",
            worst.from, worst.to, worst.mean_absolute, worst.prompts
        );
        rows.push(["differs most at".to_owned(), text]);
    }
    rows.push(["time a prompt".to_owned(), or_dash(found.mean_micros.map(|it| format!("{:.2} ms", it / 1e3)))]);
    let dropped = format!(
        "{} queue full, {} engine busy, {} of another version, {} failed",
        found.dropped_full, found.dropped_busy, found.dropped_stale, found.failed
    );
    rows.push(["not counted".to_owned(), dropped]);
    for [name, value] in rows {
        output::line(format!("  {name:<18} {value}"))?;
    }
    Ok(Exit::Done)
}

fn disagreement_json(found: &pb::DisagreementResponse) -> Value {
    let flips = found.flips.iter().map(|it| json!({ "bound": it.bound, "share": it.share }));
    json!({
        "shadow": found.shadow.as_ref().map(shadow_json),
        "serving": found.serving,
        "prompts": found.prompts,
        "mean": found.mean,
        "mean_absolute": found.mean_absolute,
        "p90_absolute": found.p90_absolute,
        "flips": flips.collect::<Vec<_>>(),
        "correlation": found.correlation,
        "worst": found.worst.as_ref().map(|it| json!({
            "from": it.from, "to": it.to, "prompts": it.prompts, "mean_absolute": it.mean_absolute,
        })),
        "mean_micros": found.mean_micros,
        "dropped": {
            "full": found.dropped_full, "busy": found.dropped_busy, "stale": found.dropped_stale,
        },
        "failed": found.failed,
    })
}

async fn remove(args: RemoveScorerArgs) -> anyhow::Result<Exit> {
    let mut link = server_link::scorers(&args.server).await?;
    let removed = link.remove(args.version.clone()).await.map_err(server_link::told)?;
    if args.json {
        output::json(&json!({ "version": args.version, "removed": removed }))?;
    } else if removed {
        output::line(format!("{} is removed", args.version))?;
    } else {
        output::line(format!("there is no scorer `{}`", args.version))?;
    }
    Ok(if removed { Exit::Done } else { Exit::Warnings })
}
