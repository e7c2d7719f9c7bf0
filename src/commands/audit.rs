//! `signalbox audit list`: who changed what.

use domain::{ObjectKind, Timestamp};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use serde_json::{Value, json};

use crate::cli::{AuditArgs, AuditCommand};
use crate::commands::record_filter::moment;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, told};

/// Changes of one object that a table shows.
const SHOWN: usize = 3;

pub(crate) async fn run(AuditCommand::List(args): AuditCommand) -> anyhow::Result<Exit> {
    let AuditArgs { kind, id, since, limit, json, server } = args;
    let kind = kind.map(|text| text.parse::<ObjectKind>()).transpose();
    let kind = kind.map_err(|fault| UsageError(format!("--kind: {fault}: expected one such as policy or key")))?;
    let request = pb::ListAuditRequest {
        kind: kind.map_or(0, |kind| object::ObjectKind::from(kind).into()),
        id,
        since_micros: since.as_deref().map(|text| moment("--since", text)).transpose()?.map(Timestamp::unix_micros),
        ..pb::ListAuditRequest::default()
    };
    let entries = ServerLink::connect(&server).await?.objects().audit(request, limit).await.map_err(told)?;
    if json {
        for entry in &entries {
            output::json(&document(entry))?;
        }
        return Ok(Exit::Done);
    }
    let row = |entry: &pb::AuditEntry| {
        [
            Timestamp(entry.at_micros).to_string(),
            entry.actor.clone(),
            entry.action.clone(),
            kind_of(entry),
            entry.name.clone(),
            in_short(&entry.changes),
        ]
    };
    let rows = entries.iter().map(row).collect();
    output::table(["TIME", "ACTOR", "ACTION", "KIND", "NAME", "CHANGES"], rows, "nothing was changed")?;
    Ok(Exit::Done)
}

fn in_short(changes: &[String]) -> String {
    let mut shown: Vec<_> = changes.iter().take(SHOWN).cloned().collect();
    if changes.len() > SHOWN {
        shown.push(format!("{} more", changes.len() - SHOWN));
    }
    shown.join("; ")
}

fn kind_of(entry: &pb::AuditEntry) -> String {
    let kind = object::ObjectKind::try_from(entry.kind).ok().and_then(|kind| ObjectKind::try_from(kind).ok());
    kind.map(|kind| kind.to_string()).unwrap_or_default()
}

fn document(entry: &pb::AuditEntry) -> Value {
    json!({
        "at": Timestamp(entry.at_micros).to_string(),
        "actor": entry.actor,
        "action": entry.action,
        "kind": kind_of(entry),
        "id": entry.id,
        "name": entry.name,
        "changes": entry.changes,
        "revision": entry.revision,
    })
}
