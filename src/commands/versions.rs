//! `signalbox policies|blends draft|diff|preview|promote|discard|rollback|versions`: what would count, what counted.

use anyhow::bail;
use domain::{ObjectKind, Timestamp};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use serde_json::{Value, json};

use crate::cli::{ActArgs, FileArgs, NameArgs, PreviewArgs, RollbackVersionArgs, VersionCommand, VersionedCommand};
use crate::commands::objects::{self, fields};
use crate::commands::print_diff;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, diff_of, object_of, told};

/// Runs one of them.
pub(crate) async fn run(kind: ObjectKind, command: VersionedCommand) -> anyhow::Result<Exit> {
    match command {
        VersionedCommand::Object(command) => objects::run(kind, command).await,
        VersionedCommand::Version(VersionCommand::Draft(args)) => draft(kind, args).await,
        VersionedCommand::Version(VersionCommand::Diff(args)) => diff(kind, args).await,
        VersionedCommand::Version(VersionCommand::Preview(args)) => preview(kind, args).await,
        VersionedCommand::Version(VersionCommand::Promote(args)) => promote(kind, args).await,
        VersionedCommand::Version(VersionCommand::Discard(args)) => discard(kind, args).await,
        VersionedCommand::Version(VersionCommand::Rollback(args)) => rollback(kind, args).await,
        VersionedCommand::Version(VersionCommand::Versions(args)) => versions(kind, args).await,
    }
}

async fn draft(kind: ObjectKind, args: FileArgs) -> anyhow::Result<Exit> {
    let loaded = objects::load(&args.file, objects::section(kind)?)?;
    let wanted: Vec<_> = if kind == ObjectKind::Policy {
        loaded.desired.policies.iter().map(|it| Kind::Policy(it.into())).collect()
    } else {
        loaded.desired.blends.iter().map(|it| Kind::Blend(it.into())).collect()
    };
    let [wanted] = <[Kind; 1]>::try_from(wanted).map_err(|wanted| {
        UsageError(format!("--file: holds {} objects: a draft is saved for one at a time", wanted.len()))
    })?;
    let request = pb::SaveDraftRequest {
        object: Some(object::Object { object: Some(wanted) }),
        etag: args.etag.unwrap_or_default(),
        ..pb::SaveDraftRequest::default()
    };
    let mut server = ServerLink::connect(&args.server).await?;
    let draft = server.objects().save_draft(kind, request).await.map_err(told)?;
    let saved = object_of(draft.object)?;
    if args.json {
        let mut document = fields(&saved)?;
        document["etag"] = json!(draft.etag);
        document["base_version"] = json!(draft.base_version);
        output::json(&document)?;
    } else {
        let name = saved.name();
        output::line(format!("draft of the {kind} `{name}` saved; see it with `diff`, let it count with `promote`"))?;
    }
    Ok(Exit::Done)
}

async fn diff(kind: ObjectKind, args: NameArgs) -> anyhow::Result<Exit> {
    let mut server = ServerLink::connect(&args.server).await?;
    let diff = server.objects().diff_draft(kind, &args.name).await.map_err(told)?;
    print_diff(&diff_of(Some(diff))?, args.json, true)?;
    Ok(Exit::Done)
}

async fn preview(kind: ObjectKind, args: PreviewArgs) -> anyhow::Result<Exit> {
    let request = pb::PreviewDraftRequest { organisation: None, name: args.name, requests: args.last };
    let mut server = ServerLink::connect(&args.server).await?;
    let found = server.objects().preview_draft(kind, request).await.map_err(told)?;
    if args.json {
        output::json(&preview_document(&found))?;
        return Ok(Exit::Done);
    }
    output::line(format!(
        "{} of {} requests would have gone elsewhere; expected cost ${} instead of ${}",
        found.changed, found.requests, found.expected_cost_after, found.expected_cost_before
    ))?;
    let row = |it: &pb::preview_draft_response::Move| {
        [or_refused(&it.from_model), or_refused(&it.to_model), it.requests.to_string()]
    };
    if found.unjudged > 0 {
        output::line(format!(
            "{} more cannot be judged: a score would matter that was not asked for, or rules read what was not kept",
            found.unjudged
        ))?;
    }
    if !found.moves.is_empty() {
        output::table(["FROM", "TO", "REQUESTS"], found.moves.iter().map(row).collect(), "")?;
    }
    Ok(Exit::Done)
}

fn or_refused(model: &str) -> String {
    if model.is_empty() { "refused".to_owned() } else { model.to_owned() }
}

fn preview_document(found: &pb::PreviewDraftResponse) -> Value {
    let moves = found.moves.iter();
    let moves = moves.map(|it| json!({"from": it.from_model, "to": it.to_model, "requests": it.requests}));
    let examples = found.examples.iter();
    let examples = examples.map(|it| json!({"request": it.request, "from": it.from_model, "to": it.to_model}));
    json!({
        "requests": found.requests,
        "changed": found.changed,
        "unjudged": found.unjudged,
        "expected_cost_before_usd": found.expected_cost_before,
        "expected_cost_after_usd": found.expected_cost_after,
        "moves": moves.collect::<Vec<_>>(),
        "examples": examples.collect::<Vec<_>>(),
    })
}

async fn promote(kind: ObjectKind, args: ActArgs) -> anyhow::Result<Exit> {
    let (request, mut server) = (act(&args), ServerLink::connect(&args.server).await?);
    let changed = server.objects().promote(kind, request).await.map_err(told)?;
    told_change(changed, args.json)
}

async fn discard(kind: ObjectKind, args: ActArgs) -> anyhow::Result<Exit> {
    let (request, mut server) = (act(&args), ServerLink::connect(&args.server).await?);
    server.objects().discard_draft(kind, request).await.map_err(told)?;
    if args.json {
        output::json(&json!({"discarded": args.name}))?;
    } else {
        output::line(format!("draft of the {kind} `{}` thrown away", args.name))?;
    }
    Ok(Exit::Done)
}

async fn rollback(kind: ObjectKind, RollbackVersionArgs { act, yes, to }: RollbackVersionArgs) -> anyhow::Result<Exit> {
    let which = to.map_or_else(|| "the version before".to_owned(), |to| format!("version {to}"));
    if !yes && !act.json && !objects::confirmed(&format!("Roll the {kind} `{}` back to {which}?", act.name))? {
        bail!("nothing was rolled back");
    }
    let request = pb::RollbackRequest {
        name: act.name,
        to_version: to,
        etag: act.etag.unwrap_or_default(),
        ..pb::RollbackRequest::default()
    };
    let changed = ServerLink::connect(&act.server).await?.objects().rollback(kind, request).await.map_err(told)?;
    told_change(changed, act.json)
}

fn told_change(changed: pb::ChangeResponse, as_json: bool) -> anyhow::Result<Exit> {
    let diff = diff_of(changed.diff)?;
    print_diff(&diff, as_json, false)?;
    Ok(if diff.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}

fn act(args: &ActArgs) -> pb::ActRequest {
    let etag = args.etag.clone().unwrap_or_default();
    pb::ActRequest { name: args.name.clone(), etag, ..pb::ActRequest::default() }
}

async fn versions(kind: ObjectKind, args: NameArgs) -> anyhow::Result<Exit> {
    let versions = ServerLink::connect(&args.server).await?.objects().versions(kind, &args.name).await.map_err(told)?;
    if args.json {
        let document = |version: &pb::Version| {
            let at = Timestamp(version.at_micros).to_string();
            let object = fields(&object_of(version.object.clone())?)?;
            Ok(
                json!({"version": version.number, "at": at, "actor": version.actor, "note": version.note, "object": object}),
            )
        };
        output::json(&versions.iter().map(document).collect::<anyhow::Result<Vec<_>>>()?)?;
        return Ok(Exit::Done);
    }
    let row = |it: &pb::Version| {
        [it.number.to_string(), Timestamp(it.at_micros).to_string(), it.actor.clone(), it.note.clone()]
    };
    output::table(["VERSION", "TIME", "ACTOR", "NOTE"], versions.iter().map(row).collect(), "no versions")?;
    Ok(Exit::Done)
}
