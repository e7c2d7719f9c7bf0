//! `signalbox keys list|show|create|update|revoke`.

mod update;
mod wanted;

use std::sync::Arc;

use anyhow::bail;
use domain::{ApiKey, Object, ObjectKind, Scope, Timestamp};
use proto::pb::admin::v1 as pb;
use serde_json::{Map, Value, json};

use crate::cli::{AnswerArgs, CreateKeyArgs, KeysCommand, NameArgs, RevokeKeyArgs, Wish};
use crate::commands::lists::fetch;
use crate::commands::{budgets, objects};
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::{ServerLink, object_of, told};

/// Runs one of them.
pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Show(args) => show(args).await,
        KeysCommand::Create(args) => create(args).await,
        KeysCommand::Update(args) => update::run(args).await,
        KeysCommand::Revoke(args) => revoke(args).await,
    }
}

async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let mut keys = Vec::new();
    for object in fetch(&args, ObjectKind::Key).await? {
        if let Object::Key(key) = object {
            keys.push(key);
        }
    }
    if args.json {
        output::json(&keys.iter().map(|key| document(key)).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let rows = keys.iter().map(|key| {
        let routing =
            key.routing.as_ref().map(|it| format!("{}{}", it.policy, if it.active { "" } else { " (inactive)" }));
        let end = key.revoked_at.map(|at| format!("revoked {at}")).or(key.expires_at.map(|at| at.to_string()));
        [
            key.id.to_string(),
            key.name.clone(),
            key.hint.clone(),
            or_dash(routing),
            or_dash(wanted::in_words(&key.limits)),
            or_dash(key.budget),
            key.created_at.to_string(),
            or_dash(end),
        ]
    });
    output::table(
        ["ID", "NAME", "KEY", "POLICY", "LIMITS", "BUDGET", "CREATED", "ENDS"],
        rows.collect(),
        "no keys: make one with `signalbox keys create --name NAME`",
    )?;
    Ok(Exit::Done)
}

async fn show(args: NameArgs) -> anyhow::Result<Exit> {
    let mut server = ServerLink::connect(&args.server).await?;
    let (object, etag) = server.get(ObjectKind::Key, &args.name).await?;
    let key = key_of(object)?;
    let mut shown = document(&key);
    if let (Value::Object(fields), Some(used)) = (&mut shown, used(&mut server, &key).await) {
        fields.extend(used);
    }
    objects::print_object(shown, &etag, args.json)?;
    Ok(Exit::Done)
}

/// When a key was last used and what it has consumed; nothing where the server has no ledger.
async fn used(server: &mut ServerLink, key: &ApiKey) -> Option<Map<String, Value>> {
    let filter = pb::RecordFilter { key: Some(key.id.to_string()), ..pb::RecordFilter::default() };
    let last = server.records(filter.clone(), None, 1).await.ok()?;
    let total = server.usage(filter).await.ok()?.total.unwrap_or_default();
    let last_used_at = last.first().map(|record| record.finished.started.at.to_string());
    let usage = json!({
        "requests": total.requests,
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "cost_usd": total.cost,
    });
    Some(Map::from_iter([("last_used_at".to_owned(), json!(last_used_at)), ("usage".to_owned(), usage)]))
}

fn key_of(object: Object) -> anyhow::Result<Arc<ApiKey>> {
    match object {
        Object::Key(key) => Ok(key),
        other => bail!("the server sent a {} instead of a key", other.key().kind),
    }
}

async fn create(args: CreateKeyArgs) -> anyhow::Result<Exit> {
    let expires_at = args.expires_at.as_deref().map(wanted::end).transpose()?;
    let mut scopes = vec![proto::pb::object::v1::Scope::from(Scope::Routing).into()];
    if args.platform {
        scopes.push(proto::pb::object::v1::Scope::from(Scope::Platform).into());
    }
    let limits = wanted::limits(&args.spending);
    if args.per_user && limits.is_none() {
        return Err(UsageError("--per-user: gives each user the limits of the key: give it some".to_owned()).into());
    }
    let request = pb::CreateKeyRequest {
        user: args.spending.user.and_then(Wish::value),
        limits,
        per_user: limits.filter(|_| args.per_user),
        budget: args.spending.budget.map(|it| budgets::message(it, args.spending.soft_budget)).transpose()?.flatten(),
        body_logging: args.spending.body_logging.and_then(wanted::bodies),
        name: args.name,
        project: args.project,
        policy: args.policy,
        inactive: args.inactive,
        scopes,
        allowed_models: args.allow_model,
        expires_at_micros: expires_at.map(Timestamp::unix_micros),
        ..pb::CreateKeyRequest::default()
    };
    let created = ServerLink::connect(&args.answer.server).await?.create_key(request).await?;
    if args.answer.json {
        output::json(&json!({ "id": created.id, "name": created.name, "key": created.key.expose() }))?;
    } else {
        output::line(format!("{}   ({} `{}`; shown once: keep it)", created.key.expose(), created.id, created.name))?;
    }
    Ok(Exit::Done)
}

async fn revoke(args: RevokeKeyArgs) -> anyhow::Result<Exit> {
    let key = &args.key_ref;
    let question = format!("Revoke `{key}`? Its requests will be refused at once, and it cannot be undone.");
    if !args.yes && !args.answer.json && !objects::confirmed(&question)? {
        bail!("nothing was revoked");
    }
    let request = pb::ActRequest { name: args.key_ref, ..pb::ActRequest::default() };
    let revoked = ServerLink::connect(&args.answer.server).await?.objects().revoke_key(request).await.map_err(told)?;
    let key = key_of(object_of(revoked.object)?)?;
    if args.answer.json {
        output::json(&document(&key))?;
    } else {
        output::line(format!("revoked {} `{}`", key.id, key.name))?;
    }
    Ok(Exit::Done)
}

/// A key for programs; its hash stays out.
fn document(key: &ApiKey) -> serde_json::Value {
    json!({
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "project": key.project,
        "scopes": key.scopes,
        "allowed_models": key.allowed_models,
        "routing": key.routing,
        "user": key.user,
        "limits": key.limits,
        "per_user": key.per_user,
        "budget": key.budget,
        "body_logging": key.body_logging,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|at| at.to_string()),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
    })
}
