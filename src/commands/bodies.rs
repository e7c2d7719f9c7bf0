//! `signalbox bodies`: deletes kept bodies for good.

use domain::{KeyId, RequestId};
use ledger::{BodyStore, Erased, Which};
use serde_json::json;

use crate::cli::{BodiesCommand, DeleteBodiesArgs};
use crate::commands::objects;
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output;

/// Runs a command.
pub(crate) async fn run(command: BodiesCommand) -> anyhow::Result<Exit> {
    match command {
        BodiesCommand::Delete(args) => delete(args).await,
    }
}

async fn delete(args: DeleteBodiesArgs) -> anyhow::Result<Exit> {
    let (which, what) = which(&args)?;
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

fn which(args: &DeleteBodiesArgs) -> Result<(Which, String), UsageError> {
    if let Some(text) = &args.request {
        let request: RequestId =
            text.parse().map_err(|_| UsageError(format!("`{text}` is no request id: it begins with req_")))?;
        return Ok((Which::Request(request), format!("the bodies of {request}")));
    }
    if let Some(text) = &args.of_key {
        let wrong = || UsageError(format!("--of-key: `{text}` is no key id; `signalbox keys list` shows them"));
        let key: KeyId = text.parse().map_err(|_| wrong())?;
        return Ok((Which::Key(key.clone()), format!("the bodies of all requests of {key}")));
    }
    if args.all {
        return Ok((Which::All, "all bodies".to_owned()));
    }
    Err(UsageError("say which: a request's id, --of-key KEY_ID or --all".to_owned()))
}
