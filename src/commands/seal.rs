//! `signalbox seal status|rotate`: the key under which secrets are sealed, and a new one while the server runs.

use proto::pb::admin::v1 as pb;
use serde_json::json;

use crate::cli::{SealArgs, SealCommand};
use crate::exit::Exit;
use crate::output;
use crate::server_link::ServerLink;

/// Runs one of them.
pub(crate) async fn run(command: SealCommand) -> anyhow::Result<Exit> {
    match command {
        SealCommand::Status(args) => {
            let status = ServerLink::connect(&args.server).await?.seal_status().await?;
            show(&args, &status)
        }
        SealCommand::Rotate(args) => {
            let status = ServerLink::connect(&args.server).await?.rotate_sealing_key().await?;
            show(&args, &status)
        }
    }
}

fn show(args: &SealArgs, status: &pb::SealStatusResponse) -> anyhow::Result<Exit> {
    let previous = Some(&status.previous_key).filter(|key| !key.is_empty());
    if args.json {
        output::json(&json!({
            "current_key": status.current_key,
            "previous_key": previous,
            "rotating": status.rotating,
            "can_rotate": status.can_rotate,
            "sealed_with_current": status.sealed_with_current,
            "sealed_with_others": status.sealed_with_others,
        }))?;
        return Ok(Exit::Done);
    }
    output::line(format!("sealing key {}: {} secret(s)", status.current_key, status.sealed_with_current))?;
    if let Some(previous) = previous {
        output::line(format!("previous key {previous}: {} secret(s)", status.sealed_with_others))?;
    }
    if status.rotating {
        output::line("a rotation was begun and not finished: run `signalbox seal rotate`")?;
    } else if status.sealed_with_others > 0 {
        output::line("secrets are under the previous key: move them with `signalbox seal rotate`")?;
    } else if previous.is_some() {
        output::line("nothing needs the previous key any more but backups from before: keep a copy with them")?;
    }
    Ok(Exit::Done)
}
