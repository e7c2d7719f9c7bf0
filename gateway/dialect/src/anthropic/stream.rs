//! Events of the dialect to and from the canonical form.

use bytes::BytesMut;

use crate::canonical::Event;
use crate::sse::SseEvent;
use crate::stream::{Decode, Encode, Ending, StreamFault, StreamOptions};

/// Reads an upstream's events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {}

impl Decode for Decoder {
    fn event(&mut self, _event: SseEvent<'_>, _said: &mut Vec<Event>) -> Result<(), StreamFault> {
        todo!()
    }

    fn finish_suffices(&self) -> bool {
        false
    }
}

/// Writes a caller's events.
#[derive(Debug)]
pub(crate) struct Encoder {}

impl Encoder {
    pub(crate) fn new(_options: StreamOptions) -> Self {
        todo!()
    }
}

impl Encode for Encoder {
    fn event(&mut self, _event: &Event, _out: &mut BytesMut) {
        todo!()
    }

    fn close(&mut self, _ending: &Ending<'_>, _out: &mut BytesMut) {
        todo!()
    }
}
