//! A stream between any two dialects but `OpenAI` chat and itself: decoded for what it says, then encoded, or passed on
//! as it came where the dialect stays the same.

use bytes::BytesMut;
use domain::Usage;

use super::{Decode, Encode, Ending, Facts, Progress, Relay, StreamFault, StreamOptions};
use crate::canonical::{Event, Loss};
use crate::sse::{SseEvent, SseParser};
use crate::{Dialect, anthropic, gemini, openai, responses};

/// One stream on its way.
#[derive(Debug)]
pub struct Translation {
    parser: SseParser,
    upstream: Dialect,
    reader: Reader,
    pub(super) facts: Facts,
}

#[derive(Debug)]
struct Reader {
    /// Names the answer, and so its calls that have no name.
    id: String,
    decoder: Box<dyn Decode>,
    output: Output,
    /// Kept to be used again by every event.
    said: Vec<Event>,
}

#[derive(Debug)]
enum Output {
    Encode(Box<dyn Encode>),
    Relay(Box<dyn Relay>),
}

impl Translation {
    pub(super) fn new(upstream: Dialect, caller: Dialect, options: StreamOptions) -> Self {
        let parser = SseParser::new(options.max_event_bytes);
        let (id, decoder) = (options.id.clone(), decoder(upstream));
        let output = if upstream == caller { relay(caller, options) } else { Output::Encode(encoder(caller, options)) };
        let reader = Reader { id, decoder, output, said: Vec::with_capacity(4) };
        Self { parser, upstream, reader, facts: Facts::default() }
    }

    pub(super) fn push(&mut self, chunk: &[u8], out: &mut BytesMut) -> Result<Progress, StreamFault> {
        let Self { parser, reader, facts, upstream: _ } = self;
        if !facts.progress.terminal {
            parser.push(chunk, |event| reader.take(event, facts, out))?;
        }
        Ok(facts.progress)
    }

    pub(super) fn end(&mut self) -> Result<(), StreamFault> {
        // The marker may lack its blank line; it says nothing, so whether it came does not matter.
        let is_marker = |rest: &[u8]| rest.trim_ascii() == b"[DONE]";
        if !self.facts.progress.terminal && self.parser.finish()?.is_some_and(|rest| !is_marker(rest)) {
            return Err(StreamFault::Truncated);
        }
        let Progress { finished, terminal, .. } = self.facts.progress;
        if finished || terminal { Ok(()) } else { Err(StreamFault::Truncated) }
    }

    pub(super) fn kept_name(&self) -> Option<&str> {
        self.facts.id.as_deref().filter(|_| self.upstream == Dialect::OpenaiResponses)
    }

    /// Nothing is lost of what goes on as it came.
    pub(super) const fn loss(&self) -> Option<&Loss> {
        match self.reader.output {
            Output::Encode(_) => Some(&self.facts.unsaid),
            Output::Relay(_) => None,
        }
    }

    pub(super) fn usage_so_far(&self) -> Option<Usage> {
        self.reader.decoder.usage_so_far()
    }

    pub(super) fn next_number(&self) -> u64 {
        match &self.reader.output {
            Output::Encode(encoder) => encoder.next_number(),
            Output::Relay(relay) => relay.next_number(),
        }
    }

    pub(super) fn close(&mut self, routing: &[(&str, &[u8])], out: &mut BytesMut) {
        let ending = Ending { finishes: &self.facts.finishes, usage: self.facts.usage(), routing };
        match &mut self.reader.output {
            Output::Encode(encoder) => encoder.close(&ending, out),
            Output::Relay(relay) => relay.close(&ending, out),
        }
    }
}

impl Reader {
    fn take(&mut self, event: SseEvent<'_>, facts: &mut Facts, out: &mut BytesMut) -> Result<(), StreamFault> {
        if facts.progress.terminal {
            return Ok(());
        }
        self.said.clear();
        self.decoder.event(event, &mut self.said)?;
        facts.expect(self.decoder.choices());
        for said in &mut self.said {
            said.name_call(&self.id);
            if *said == Event::End && !facts.has_ended() {
                return Err(StreamFault::Truncated);
            }
            facts.note(said, self.decoder.finish_suffices());
        }
        match &mut self.output {
            Output::Relay(relay) => relay.event(event, out),
            Output::Encode(encoder) => {
                let passed = |said: &&Event| {
                    !matches!(said, Event::Finish { .. } | Event::Usage(_) | Event::Unsaid(_) | Event::End)
                };
                self.said.iter().filter(passed).for_each(|said| encoder.event(said, out));
            }
        }
        Ok(())
    }
}

fn decoder(upstream: Dialect) -> Box<dyn Decode> {
    match upstream {
        Dialect::Openai => Box::new(openai::chunks::Decoder::default()),
        Dialect::OpenaiResponses => Box::new(responses::stream::Decoder::default()),
        Dialect::Anthropic => Box::new(anthropic::stream::Decoder::default()),
        Dialect::Gemini => Box::new(gemini::stream::Decoder::default()),
    }
}

fn encoder(caller: Dialect, options: StreamOptions) -> Box<dyn Encode> {
    match caller {
        Dialect::Openai => Box::new(openai::chunks::Encoder::new(options)),
        Dialect::OpenaiResponses => Box::new(responses::stream::Encoder::new(options)),
        Dialect::Anthropic => Box::new(anthropic::stream::Encoder::new(options)),
        Dialect::Gemini => Box::new(gemini::stream::Encoder::new(options)),
    }
}

fn relay(dialect: Dialect, options: StreamOptions) -> Output {
    match dialect {
        // Never asked for: `Translator` has a quicker way.
        Dialect::Openai => Output::Encode(encoder(dialect, options)),
        Dialect::OpenaiResponses => Output::Relay(Box::new(responses::relay::Relay::new(options))),
        Dialect::Anthropic => Output::Relay(Box::new(anthropic::relay::Relay::new(options))),
        Dialect::Gemini => Output::Relay(Box::new(gemini::relay::Relay::new(options))),
    }
}
