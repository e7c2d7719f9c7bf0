//! Finds the conversation that a request goes on with, for policies with affinity.

use dialect::Request;
use domain::{Previous, Route};
use http::HeaderMap;

use crate::app::Worker;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::sessions::SessionKey;

const HEADER: &str = "X-Session-Id";
/// Longest name of a conversation, in bytes.
const MAX_BYTES: usize = 256;

/// A conversation, and its turn before this one.
pub(crate) struct Conversation {
    pub(crate) key: SessionKey,
    pub(crate) previous: Option<Previous>,
}

/// Finds the conversation; `None` where no policy on the route has affinity. The header is checked all the same: a
/// policy that changes breaks no caller.
pub(crate) fn find(
    worker: &Worker,
    context: &RequestContext,
    request: &Request,
    route: &Route,
    headers: &HeaderMap,
) -> Result<Option<Conversation>, Failure> {
    let named = named(headers)?;
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    if !policy::has_affinity(tenant, route) {
        return Ok(None);
    }
    let Some(history) = request.history() else { return Ok(None) };
    let key = match named {
        Some(name) => SessionKey::named(&context.key.id, name),
        None => SessionKey::opened_by(&context.key.id, history.opening),
    };
    let last = worker.app.sessions.last_turn(&key, worker.app.clock.monotonic());
    let previous = last.map(|turn| Previous {
        session: named.map_or_else(|| key.shown(), str::to_owned),
        model: turn.model,
        cached_tokens: turn.tokens,
        in_tool_loop: history.in_tool_loop,
    });
    Ok(Some(Conversation { key, previous }))
}

fn named(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let fault = |problem: &str| Failure::bad_header(HEADER, problem);
    let name = value.as_bytes();
    if name.is_empty() || name.len() > MAX_BYTES {
        return Err(fault("must have 1 to 256 bytes, or be left out"));
    }
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(fault("must be visible ASCII without spaces: encode anything else, as base64 for instance"));
    }
    Ok(value.to_str().ok())
}
