//! A stream of events as one JSON array, for callers of Gemini who do not ask for events.
//!
//! One that breaks off has its error as the last element, and no end.

use bytes::Bytes;
use dialect::gemini::ArrayWriter;
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};

use super::{Aborted, Frames};

/// The array of these events.
pub(super) fn of(frames: Frames) -> impl Stream<Item = Result<Bytes, Aborted>> + Send {
    unfold(Some((frames, ArrayWriter::default())), |state| async move {
        let (mut frames, mut writer) = state?;
        match frames.next().await {
            Some(Ok(events)) => {
                let elements = writer.push(&events);
                Some((Ok(elements), Some((frames, writer))))
            }
            Some(Err(aborted)) => Some((Err(aborted), None)),
            None => Some((Ok(writer.end()), None)),
        }
    })
}
