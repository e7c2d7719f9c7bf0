//! `signalbox bodies`: deletes kept bodies for good.

use std::path::Path;

use anyhow::{Context, bail};
use domain::{KeyId, Object, ObjectKind, RequestId};
use ledger::{BodyStore, Erased, Which};
use serde_json::json;

use crate::cli::{BodiesCommand, DeleteBodiesArgs, ServerArgs};
use crate::commands::objects;
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::ServerLink;

/// Runs a command.
pub(crate) async fn run(command: BodiesCommand) -> anyhow::Result<Exit> {
    match command {
        BodiesCommand::Delete(args) => delete(args).await,
    }
}

async fn delete(args: DeleteBodiesArgs) -> anyhow::Result<Exit> {
    let (which, what) = which(&args).await?;
    if !args.yes && !args.json && !objects::confirmed(&format!("Delete {what} for good?"))? {
        return output::line("nothing was deleted").map(|()| Exit::Done);
    }
    let erased = match BodyStore::open(&data_dir::ledger(&args.data_dir)).await? {
        None => Erased::default(),
        Some(mut store) => {
            let erased = store.erase(&which).await;
            store.close().await;
            erased?
        }
    };
    if args.json {
        output::json(&json!({"requests": erased.requests, "pieces_checked": erased.pieces_checked}))?;
    } else if erased.requests == 0 {
        output::line("there were none")?;
    } else {
        output::line(format!(
            "the bodies of {} requests are gone; {} pieces of them were searched for in the files and not found",
            erased.requests, erased.pieces_checked
        ))?;
    }
    Ok(Exit::Done)
}

async fn which(args: &DeleteBodiesArgs) -> anyhow::Result<(Which, String)> {
    if let Some(text) = &args.request {
        let request: RequestId =
            text.parse().map_err(|_| UsageError(format!("`{text}` is no request id: it begins with req_")))?;
        return Ok((Which::Request(request), format!("the bodies of {request}")));
    }
    if let Some(text) = &args.of_key {
        let key = if let Ok(key) = text.parse() { key } else { named(text, &args.data_dir).await? };
        return Ok((Which::Key(key), format!("the bodies of all requests of {text}")));
    }
    if args.all {
        return Ok((Which::All, "all bodies".to_owned()));
    }
    Err(UsageError("say which: a request's id, --of-key KEY or --all".to_owned()).into())
}

/// The key of a name: the server of the data folder knows. Of several, the one in force before those revoked.
async fn named(name: &str, data_dir: &Path) -> anyhow::Result<KeyId> {
    let server = ServerArgs { server: None, data_dir: data_dir.to_owned(), key: None };
    let mut server = ServerLink::connect(&server).await.with_context(|| {
        format!("--of-key: `{name}` is no key's id, and no server says whose name it is; rows and `keys list` show ids")
    })?;
    match server.get(ObjectKind::Key, name).await?.0 {
        Object::Key(key) => Ok(key.id.clone()),
        other => bail!("the server sent a {} instead of a key", other.key().kind),
    }
}
