//! The pieces of work on a request's path that are timed by criterion and counted in instructions.
//!
//! Each is synchronous and does the same work every time, so that a count of instructions means something. The two
//! measuring programs know nothing of what they measure: whoever adds a kernel here has it timed and counted.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use dialect::openai::{ChatRequest, ChatResponse, StreamTranslator};
use dialect::{SseFault, SseParser, StreamOptions};
use domain::{Features, ModelId, RequestId, ScorerInput};
use ledger::{Ledger, LedgerOptions};
use scorer::Scorer;

use crate::fixtures::{self, Delivery};
use crate::world::{self, World};

/// Pieces of text in the measured stream.
const PIECES: usize = 200;
/// Bytes that one read of a socket gives.
const READ: usize = 2_048;

/// A prepared piece of work; each call does it once.
pub type Work = Box<dyn FnMut()>;

/// A piece of work by name.
pub struct Kernel {
    /// Its name: `request_1_kb`.
    pub name: &'static str,
    /// How often it is run to be counted.
    pub iterations: u32,
    prepare: fn(&Path) -> Result<Work>,
}

impl Kernel {
    /// Makes everything that the work needs and does not belong to it. `scratch` is an empty folder.
    ///
    /// # Errors
    /// When the work cannot be done at all.
    pub fn prepare(&self, scratch: &Path) -> Result<Work> {
        (self.prepare)(scratch).with_context(|| format!("kernel {}", self.name))
    }
}

/// Every kernel, in the order of a request's path.
pub static KERNELS: [Kernel; 15] = [
    Kernel { name: "request_1_kb", iterations: 400, prepare: |_| request(1_024) },
    Kernel { name: "request_100_kb", iterations: 40, prepare: |_| request(100 * 1_024) },
    Kernel { name: "scorer_input_100_kb", iterations: 100, prepare: |_| scorer_input() },
    Kernel { name: "score_64_tokens", iterations: 10, prepare: |_| score(fixtures::words(50)) },
    Kernel { name: "score_256_tokens", iterations: 10, prepare: |_| score(fixtures::words(200)) },
    Kernel { name: "score_1_mb", iterations: 5, prepare: |_| score(fixtures::prose(1 << 20)) },
    Kernel { name: "decide_intelligent", iterations: 200, prepare: |_| decide_intelligent() },
    Kernel { name: "decide_full", iterations: 200, prepare: |_| decide_full() },
    Kernel { name: "decide_static", iterations: 200, prepare: |_| decide_static(1) },
    Kernel { name: "decide_static_10000_policies", iterations: 200, prepare: |_| decide_static(10_000) },
    Kernel { name: "decide_direct", iterations: 400, prepare: |_| decide_direct() },
    Kernel { name: "response", iterations: 400, prepare: |_| response() },
    Kernel { name: "sse_parse", iterations: 100, prepare: |_| sse_parse() },
    Kernel { name: "stream_translate", iterations: 20, prepare: |_| stream_translate() },
    Kernel { name: "ledger_record", iterations: 100, prepare: ledger_record },
];

/// Finds a kernel.
pub fn find(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}

fn request(bytes: usize) -> Result<Work> {
    let body = Bytes::from(fixtures::request(bytes, Delivery::Stream));
    ChatRequest::decode(body.clone())?;
    Ok(Box::new(move || {
        let request = ChatRequest::decode(black_box(&body).clone());
        black_box(request.map(|request| request.encode_for("native-model-name")).is_ok());
    }))
}

fn scorer_input() -> Result<Work> {
    let request = ChatRequest::decode(fixtures::request(100 * 1_024, Delivery::Whole).into())?;
    Ok(Box::new(move || {
        black_box(black_box(&request).scorer_input());
    }))
}

fn score(text: String) -> Result<Work> {
    let scorer = scorer::builtin::load()?;
    let input =
        [ScorerInput { text, features: Features { turns: 1, ..Features::default() }, ..ScorerInput::default() }];
    scorer.score(&input)?;
    Ok(Box::new(move || {
        black_box(scorer.score(black_box(&input)).is_ok());
    }))
}

fn decide_intelligent() -> Result<Work> {
    let world = World::new()?;
    world.decide_scored()?;
    Ok(Box::new(move || {
        black_box(black_box(&world).decide_scored().is_ok());
    }))
}

fn decide_full() -> Result<Work> {
    let world = World::full()?;
    world.decide_scored()?;
    Ok(Box::new(move || {
        black_box(black_box(&world).decide_scored().is_ok());
    }))
}

fn decide_static(policies: usize) -> Result<Work> {
    let (world, key) = (World::crowded(policies)?, world::key()?);
    world.decide_static(&key)?;
    Ok(Box::new(move || {
        black_box(black_box(&world).decide_static(&key).is_ok());
    }))
}

fn decide_direct() -> Result<Work> {
    let (world, model) = (World::new()?, ModelId::parse("provider-2/model-6")?);
    world.decide_direct(&model)?;
    Ok(Box::new(move || {
        black_box(black_box(&world).decide_direct(&model).is_ok());
    }))
}

fn response() -> Result<Work> {
    let body = Bytes::from(fixtures::answer());
    ChatResponse::decode(body.clone())?;
    let routing =
        br#"{"requested_model":"auto","selected_model":"provider-2/model-6","reason":"x","cost_usd":"0.0001"}"#;
    Ok(Box::new(move || {
        let answer = ChatResponse::decode(black_box(&body).clone());
        black_box(answer.map(|answer| answer.splice("provider-2/model-6", &[("routing", routing)])).is_ok());
    }))
}

fn sse_parse() -> Result<Work> {
    let stream = fixtures::stream(PIECES);
    let parse = |stream: &[u8]| -> Result<usize, SseFault> {
        let (mut parser, mut events) = (SseParser::new(SseParser::DEFAULT_LIMIT), 0);
        for piece in stream.chunks(READ) {
            parser.push::<SseFault>(piece, |event| {
                events += usize::from(!event.data.is_empty());
                Ok(())
            })?;
        }
        Ok(events)
    };
    anyhow::ensure!(parse(&stream)? == PIECES + 4, "not every event was found");
    Ok(Box::new(move || {
        black_box(parse(black_box(&stream)).is_ok());
    }))
}

fn stream_translate() -> Result<Work> {
    let stream = fixtures::stream(PIECES);
    translate(&stream)?;
    Ok(Box::new(move || {
        black_box(translate(black_box(&stream)).is_ok());
    }))
}

fn translate(stream: &[u8]) -> Result<usize> {
    let mut translator = StreamTranslator::new(StreamOptions {
        model: "provider-2/model-6".to_owned(),
        include_usage: true,
        opening_routing: vec![("routing".to_owned(), br#"{"selected_model":"provider-2/model-6"}"#.to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "chatcmpl-1".into(),
        created: 7,
        echo: dialect::Echo::NONE,
    });
    let (mut out, mut passed_on) = (BytesMut::with_capacity(4 * READ), 0);
    for piece in stream.chunks(READ) {
        translator.push(piece, &mut out)?;
        passed_on += out.len();
        out.clear();
    }
    translator.end()?;
    translator.close(&[("routing", br#"{"cost_usd":"0.0001"}"#)], &mut out);
    Ok(passed_on + out.len())
}

fn ledger_record(scratch: &Path) -> Result<Work> {
    // Draining and syncing are work of another thread at another time: kept out, or the count would depend on timing.
    let quiet = Duration::from_hours(1);
    let options = LedgerOptions {
        durability: ledger::Durability::Grouped(quiet),
        flush_interval: quiet,
        close_deadline: Duration::from_mins(1),
        ..LedgerOptions::default()
    };
    let ledger = Ledger::open(scratch, options)?;
    let (mut record, mut number) = (World::new()?.record()?, 0);
    Ok(Box::new(move || {
        number += 1;
        record.started.id = RequestId::from_parts(1_700_000_000_000 + number, 1);
        let started = ledger.start(&record.started);
        black_box(started.is_ok() && ledger.finish(&record).is_ok());
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_but_scoring_can_be_prepared_and_run() {
        for kernel in KERNELS.iter().filter(|kernel| !kernel.name.starts_with("score_")) {
            let scratch = tempfile::tempdir().expect("a scratch folder");
            let mut work = kernel.prepare(scratch.path()).expect("prepared");
            work();
        }
    }

    #[test]
    fn names_are_unique() {
        for kernel in &KERNELS {
            assert_eq!(KERNELS.iter().filter(|other| other.name == kernel.name).count(), 1, "{}", kernel.name);
        }
    }
}
