//! Reads a request's body whole, within its bounds: size, pace, and the process's share of memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::config::Limits;
use crate::error::Failure;
use crate::layers::load_shed::InFlight;

/// Up to this a copy of a body costs less than what it frees: half of the buffer that a connection begins with.
const SMALL: usize = 4_096;

/// Returns the whole body.
pub(crate) async fn read(mut body: Incoming, limits: &Limits, in_flight: &mut InFlight) -> Result<Bytes, Failure> {
    let too_large = Failure::BodyTooLarge { limit: limits.body_bytes };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.body_bytes {
        return Err(too_large);
    }
    in_flight.hold_bytes(announced)?;
    let Some(first) = next(&mut body, limits.body_wait).await? else { return Ok(Bytes::new()) };
    // Most bodies arrive in one piece, a slice of the connection's buffer. A small one is copied: the slice would keep a
    // buffer of many times its size, and have the connection make another, for as long as the answer takes.
    if body.is_end_stream() && first.len() <= limits.body_bytes {
        return Ok(if first.len() <= SMALL { Bytes::copy_from_slice(&first) } else { first });
    }
    let mut whole = BytesMut::with_capacity(announced.max(first.len()));
    whole.extend_from_slice(&first);
    while let Some(piece) = next(&mut body, limits.body_wait).await? {
        if whole.len() + piece.len() > limits.body_bytes {
            return Err(too_large);
        }
        in_flight.hold_bytes((whole.len() + piece.len()).saturating_sub(announced.max(whole.len())))?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece of a body; `None` = it is whole.
pub(crate) async fn next(body: &mut Incoming, wait: Duration) -> Result<Option<Bytes>, Failure> {
    loop {
        match timeout(wait, body.frame()).await {
            Err(_) => return Err(Failure::SlowBody),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Failure::BrokenBody),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
