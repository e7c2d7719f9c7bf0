//! `signalbox keys list|show|create|update|revoke`.

use std::sync::Arc;

use anyhow::bail;
use domain::{ApiKey, Object, ObjectKind, Scope, Timestamp};
use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use serde_json::{Map, Value, json};

use crate::cli::{CreateKeyArgs, KeysCommand, ListArgs, NameArgs, RevokeKeyArgs, UpdateKeyArgs};
use crate::commands::lists::fetch;
use crate::commands::objects;
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::{ServerLink, object_of, told};

/// Runs one of them.
pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Show(args) => show(args).await,
        KeysCommand::Create(args) => create(args).await,
        KeysCommand::Update(args) => update(args).await,
        KeysCommand::Revoke(args) => revoke(args).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<Exit> {
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
            key.created_at.to_string(),
            or_dash(end),
        ]
    });
    output::table(
        ["ID", "NAME", "KEY", "POLICY", "CREATED", "ENDS"],
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
    let expires_at = args.expires_at.as_deref().map(|text| {
        Timestamp::parse_rfc3339(text)
            .ok_or_else(|| UsageError(format!("--expires-at: `{text}` is not a time such as 2027-01-31T00:00:00Z")))
    });
    let expires_at = expires_at.transpose()?;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    if expires_at.is_some_and(|end| u128::try_from(end.unix_micros()).unwrap_or(0) <= now.as_micros()) {
        return Err(UsageError("--expires-at: the time is past, so the key would never work".to_owned()).into());
    }
    let mut scopes = vec![proto::pb::object::v1::Scope::from(Scope::Routing).into()];
    if args.platform {
        scopes.push(proto::pb::object::v1::Scope::from(Scope::Platform).into());
    }
    let request = pb::CreateKeyRequest {
        organisation: None,
        name: args.name,
        project: args.project,
        policy: args.policy,
        inactive: args.inactive,
        scopes,
        allowed_models: args.allow_model,
        expires_at_micros: expires_at.map(Timestamp::unix_micros),
        secret: None,
        idempotency_key: String::new(),
    };
    let created = ServerLink::connect(&args.server).await?.create_key(request).await?;
    if args.json {
        output::json(&json!({ "id": created.id, "name": created.name, "key": created.key.expose() }))?;
    } else {
        output::line(format!("{}   ({} `{}`; shown once: keep it)", created.key.expose(), created.id, created.name))?;
    }
    Ok(Exit::Done)
}

async fn update(args: UpdateKeyArgs) -> anyhow::Result<Exit> {
    let active = match (args.active, args.inactive) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    if active.is_none() && args.policy.is_none() {
        return Err(UsageError("nothing to change: give --active, --inactive or --policy".to_owned()).into());
    }
    let mut server = ServerLink::connect(&args.server).await?;
    let held = key_of(server.get(ObjectKind::Key, &args.key_ref).await?.0)?;
    let (routing, mask) = match (args.policy, active) {
        // A key that gets its first policy is meant to use it.
        (Some(policy), active) => {
            let active = active.unwrap_or_else(|| held.routing.as_ref().is_none_or(|held| held.active));
            (object::KeyRouting { policy, active }, mask::of(&["routing"]))
        }
        (None, active) => (
            object::KeyRouting { policy: String::new(), active: active.unwrap_or_default() },
            mask::of(&["routing.active"]),
        ),
    };
    let wanted = object::Key { routing: Some(routing), ..object::Key::default() };
    let request = pb::UpdateRequest {
        name: held.id.to_string(),
        object: Some(object::Object { object: Some(object::object::Object::Key(wanted)) }),
        update_mask: Some(mask),
        ..pb::UpdateRequest::default()
    };
    let changed = server.objects().update(ObjectKind::Key, request).await.map_err(told)?;
    let key = key_of(object_of(changed.object)?)?;
    if args.json {
        output::json(&document(&key))?;
    } else {
        let routing =
            key.routing.as_ref().map(|it| format!("{} ({})", it.policy, if it.active { "active" } else { "inactive" }));
        output::line(format!("{} `{}`: policy {}", key.id, key.name, or_dash(routing)))?;
    }
    Ok(Exit::Done)
}

async fn revoke(args: RevokeKeyArgs) -> anyhow::Result<Exit> {
    let key = &args.key_ref;
    let question = format!("Revoke `{key}`? Its requests will be refused at once, and it cannot be undone.");
    if !args.yes && !args.json && !objects::confirmed(&question)? {
        bail!("nothing was revoked");
    }
    let request = pb::ActRequest { name: args.key_ref, ..pb::ActRequest::default() };
    let revoked = ServerLink::connect(&args.server).await?.objects().revoke_key(request).await.map_err(told)?;
    let key = key_of(object_of(revoked.object)?)?;
    if args.json {
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
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|at| at.to_string()),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
    })
}
