//! A streamed answer on its way from the upstream's dialect to the caller's: checked event by event, ended only when it
//! has really ended.
//!
//! Synchronous: bytes in, bytes out; the same bytes cut anywhere give the same output. What ends an answer is held back
//! until [`Translator::close`], because what a call cost is known only then, and because the terminal marker must not
//! overtake the record of the call.

mod facts;
mod translation;

use bytes::BytesMut;
use domain::Usage;

use crate::canonical::{Event, Loss, StopReason};
use crate::openai::StreamTranslator;
use crate::sse::{SseEvent, SseFault};
use crate::{Dialect, Echo, UpstreamError};

pub(crate) use facts::Facts;
use translation::Translation;

/// What a stream is translated into.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The model id that the caller sees.
    pub model: String,
    /// The caller asked for a usage chunk.
    pub include_usage: bool,
    /// Members of the first chunk: names and JSON texts.
    pub opening_routing: Vec<(String, Vec<u8>)>,
    /// The cap of one event, [`crate::SseParser::DEFAULT_LIMIT`] by default.
    pub max_event_bytes: usize,
    /// Names the answer, where its dialect has to change.
    pub id: String,
    /// When, in seconds of Unix time.
    pub created: i64,
    /// What the request asked for, where the answer repeats it.
    pub echo: Echo,
}

/// How far a stream has come. What is true stays true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The first content event was seen: text, reasoning, a refusal, a tool call or media.
    pub content: bool,
    /// The answer is complete even if nothing more comes: every choice seen has its `finish_reason`, in dialects where
    /// that is enough.
    pub finished: bool,
    /// The terminal marker was seen, after the reason why every choice ended; nothing after it counts.
    pub terminal: bool,
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// An event is not a chunk of the dialect.
    #[error("the provider sent a malformed chunk: {reason}")]
    Malformed {
        /// What is wrong and where.
        reason: String,
    },
    /// The upstream reports an error.
    #[error("the provider reported an error: {0}")]
    Upstream(UpstreamError),
    /// The upstream ended without a terminal marker, or before it said why the answer ends.
    #[error("the provider's stream ended before it was complete")]
    Truncated,
    /// An event is larger than the cap.
    #[error("the provider sent an event of more than {limit} bytes")]
    TooLong {
        /// The cap.
        limit: usize,
    },
    /// The body is JSON or a web page.
    #[error("the provider did not answer with an event stream")]
    NotEvents,
}

impl From<SseFault> for StreamFault {
    fn from(fault: SseFault) -> Self {
        match fault {
            SseFault::TooLong { limit } => Self::TooLong { limit },
            SseFault::NotEvents => Self::NotEvents,
        }
    }
}

/// Reads the events of one upstream dialect.
pub(crate) trait Decode: std::fmt::Debug + Send {
    /// Reads one event and appends what it says.
    fn event(&mut self, event: SseEvent<'_>, said: &mut Vec<Event>) -> Result<(), StreamFault>;

    /// What the upstream has said of the usage so far, where it says something before the end.
    fn usage_so_far(&self) -> Option<Usage> {
        None
    }

    /// How many choices have begun, where one may begin before it says anything.
    fn choices(&self) -> usize {
        0
    }

    /// An answer whose every choice has ended is complete without a terminal marker.
    fn finish_suffices(&self) -> bool;
}

/// Writes the events of one caller's dialect.
pub(crate) trait Encode: std::fmt::Debug + Send {
    /// Writes one event; the opening goes before the first. `Finish`, `Usage` and `End` never come here.
    fn event(&mut self, event: &Event, out: &mut BytesMut);

    /// Writes what ends the answer, and the terminal marker; the opening too, if nothing was written yet.
    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut);

    /// The number of the next event, in dialects that number them.
    fn next_number(&self) -> u64 {
        0
    }
}

/// Passes events of one dialect on as they came.
pub(crate) trait Relay: std::fmt::Debug + Send {
    /// Passes one event on with the model renamed, the opening on the first; keeps what ends the answer.
    fn event(&mut self, event: SseEvent<'_>, out: &mut BytesMut);

    /// Writes what was kept with the closing members, and the terminal marker.
    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut);

    /// As of [`Encode`].
    fn next_number(&self) -> u64 {
        0
    }
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    /// Every choice, and why it ended: at least one.
    pub(crate) finishes: &'a [(u64, StopReason)],
    /// What was consumed.
    pub(crate) usage: Option<Usage>,
    /// Members of ours: names and JSON texts.
    pub(crate) routing: &'a [(&'a str, &'a [u8])],
}

/// Translates one stream. After a fault, nothing more may be pushed.
#[derive(Debug)]
pub enum Translator {
    /// `OpenAI` chat to `OpenAI` chat.
    Chat(Box<StreamTranslator>),
    /// Any other pair.
    Other(Box<Translation>),
}

impl Translator {
    /// Stands before a stream.
    pub fn new(upstream: Dialect, caller: Dialect, options: StreamOptions) -> Self {
        if (upstream, caller) == (Dialect::Openai, Dialect::Openai) {
            return Self::Chat(Box::new(StreamTranslator::new(options)));
        }
        Self::Other(Box::new(Translation::new(upstream, caller, options)))
    }

    /// Takes the next bytes of the upstream and appends what goes on to the caller.
    ///
    /// # Errors
    /// What cannot be passed on: malformed or oversized events, an error reported in the stream, a terminal marker before
    /// the answer has ended.
    pub fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<Progress, StreamFault> {
        match self {
            Self::Chat(stream) => stream.push(chunk, out),
            Self::Other(stream) => stream.push(chunk, out),
        }
    }

    /// Judges the end of the upstream's bytes: `Ok` only if the answer is complete.
    ///
    /// # Errors
    /// [`StreamFault::Truncated`] if it is not.
    pub fn end(&mut self) -> Result<(), StreamFault> {
        match self {
            Self::Chat(stream) => stream.end(),
            Self::Other(stream) => stream.end(),
        }
    }

    /// Gives the usage to pass on where the upstream gave none that can be true.
    pub fn supply_usage(&mut self, usage: Usage) {
        match self {
            Self::Chat(stream) => stream.supply_usage(usage),
            Self::Other(stream) => stream.facts.supply_usage(usage),
        }
    }

    /// Appends what was held back, with the closing members, and the terminal marker.
    pub fn close(&mut self, closing_routing: &[(&str, &[u8])], out: &mut BytesMut) {
        match self {
            Self::Chat(stream) => stream.close(closing_routing, out),
            Self::Other(stream) => stream.close(closing_routing, out),
        }
    }

    /// How far the stream has come.
    pub fn progress(&self) -> Progress {
        match self {
            Self::Chat(stream) => stream.progress(),
            Self::Other(stream) => stream.facts.progress,
        }
    }

    /// What the call consumed, if the upstream said and it can be true, or it was supplied.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Chat(stream) => stream.usage(),
            Self::Other(stream) => stream.facts.usage(),
        }
    }

    /// The best that is known of the usage before the end: what the upstream has said, at least what we have counted.
    pub fn estimated_usage(&self, input_tokens: u64) -> Usage {
        let said = match self {
            Self::Chat(_) => None,
            Self::Other(stream) => stream.usage_so_far().filter(|said| said.total_tokens() > 0),
        };
        let known = said.unwrap_or(Usage { prompt_tokens: input_tokens, ..Usage::default() });
        let completion_tokens = known.completion_tokens.max(self.estimated_completion());
        Usage { completion_tokens, estimated: true, ..known }
    }

    /// The number that an event has which follows now, for an error that breaks the stream off: 0 in dialects that number
    /// none.
    pub fn next_number(&self) -> u64 {
        match self {
            Self::Chat(_) => 0,
            Self::Other(stream) => stream.next_number(),
        }
    }

    /// What of the answer the caller's dialect has not said so far; `None` = it goes on as it came.
    pub fn loss(&self) -> Option<&Loss> {
        match self {
            Self::Chat(_) => None,
            Self::Other(stream) => stream.loss(),
        }
    }

    /// The model that the upstream says is answering.
    pub fn served_model(&self) -> Option<&str> {
        match self {
            Self::Chat(stream) => stream.served_model(),
            Self::Other(stream) => stream.facts.served_model.as_deref(),
        }
    }

    /// The name under which the provider may have kept the answer: those of Responses keep theirs, and say so first.
    pub fn kept_name(&self) -> Option<&str> {
        match self {
            Self::Chat(_) => None,
            Self::Other(stream) => stream.kept_name(),
        }
    }

    /// The estimated tokens of the output so far, for an upstream that reports no usage.
    pub fn estimated_completion(&self) -> u64 {
        match self {
            Self::Chat(stream) => stream.estimated_completion(),
            Self::Other(stream) => stream.facts.text.tokens(),
        }
    }
}

/// Writes one event: its name, if the dialect names events, and a line of data.
pub(crate) fn write_event(name: Option<&str>, data: &[u8], out: &mut BytesMut) {
    use bytes::BufMut;
    out.reserve(data.len() + 64);
    if let Some(name) = name {
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_slice(b"\n");
    }
    out.put_slice(b"data: ");
    let start = out.len();
    out.put_slice(data);
    // Line breaks stand between tokens only, where any blank will do.
    if memchr::memchr2(b'\n', b'\r', data).is_some() {
        out[start..].iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    out.put_slice(b"\n\n");
}
