//! The golden inputs, and how each goes through the crate.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use dialect::answer::Shown;
use dialect::canonical::Loss;
use dialect::{Answer, Dialect, Echo, Request, SseParser, StreamFault, StreamOptions, Target, Translator};

/// One input.
pub(crate) struct Case {
    /// The dialect it is in.
    pub(crate) dialect: Dialect,
    /// Its name: the file's without its ending.
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// Reads the inputs of a kind: `requests`, `answers` or `streams`.
pub(crate) fn cases(kind: &str) -> Vec<Case> {
    let read = |dialect: Dialect| {
        let folder = golden().join(dialect.as_str()).join(kind);
        // A dialect may have no inputs of a kind.
        let files = fs::read_dir(&folder).into_iter().flatten();
        let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a readable folder").path()).collect();
        paths.sort();
        paths.into_iter().map(move |path| Case {
            dialect,
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            bytes: fs::read(&path).expect("a readable file").into(),
        })
    };
    let cases: Vec<Case> = Dialect::ALL.into_iter().flat_map(read).collect();
    assert!(!cases.is_empty(), "there are golden {kind}");
    cases
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The model asked for in a dialect: one of the newest generation.
pub(crate) const fn native_model(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Openai | Dialect::OpenaiResponses => "gpt-5-mini",
        Dialect::Anthropic => "claude-sonnet-5-5",
        Dialect::Gemini => "gemini-3-flash",
    }
}

/// Reads a request as if its path had said what paths say.
pub(crate) fn request(case: &Case) -> Result<Request, dialect::BadRequest> {
    let target = match case.dialect {
        Dialect::Gemini => Target { model: Some("auto".to_owned()), stream: Some(case.name.contains("stream")) },
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => Target::default(),
    };
    Request::decode(case.dialect, case.bytes.clone(), target)
}

const OPENING: &[u8] = br#"{"selected_model":"shown/model"}"#;
/// Members that a finished answer carries.
pub(crate) const CLOSING: (&str, &[u8]) = ("routing", br#"{"cost_usd":"0.000123"}"#);

/// Reads an answer and shows it to a caller.
pub(crate) fn answer(case: &Case, caller: Dialect) -> Result<(Answer, Loss, Bytes), dialect::BadAnswer> {
    let answer = Answer::decode(case.dialect, case.bytes.clone())?;
    let shown = Shown { model: "shown/model", id: "answer_1", created: 1_700_000_000, usage: None, echo: &Echo::NONE };
    let rendered = answer.render(caller, &shown);
    let (loss, body) = (rendered.loss().clone(), rendered.finish(&[CLOSING]));
    Ok((answer, loss, body))
}

/// What became of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Streamed {
    pub(crate) out: BytesMut,
    pub(crate) fault: Option<StreamFault>,
    /// Progress, usage and served model, in words.
    pub(crate) facts: String,
}

/// A translation of a stream, with nothing of the gateway's own in it but the answer's id.
pub(crate) fn translator(upstream: Dialect, caller: Dialect, id: &str) -> Translator {
    let options = StreamOptions {
        model: "acme/one".to_owned(),
        include_usage: false,
        opening_routing: Vec::new(),
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: id.to_owned(),
        created: 7,
        echo: Echo::NONE,
    };
    Translator::new(upstream, caller, options)
}

/// Sends a stream through in pieces; what is complete is closed.
pub(crate) fn stream<'a>(upstream: Dialect, caller: Dialect, pieces: impl IntoIterator<Item = &'a [u8]>) -> Streamed {
    let options = StreamOptions {
        model: "shown/model".to_owned(),
        include_usage: true,
        opening_routing: vec![("routing".to_owned(), OPENING.to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "answer_1".to_owned(),
        created: 1_700_000_000,
        echo: Echo::NONE,
    };
    let mut translator = Translator::new(upstream, caller, options);
    let mut out = BytesMut::new();
    let pushed = pieces.into_iter().try_for_each(|piece| translator.push(piece, &mut out).map(drop));
    let fault = pushed.and_then(|()| translator.end()).err();
    if fault.is_none() {
        translator.close(&[CLOSING], &mut out);
    }
    let (progress, usage, model) = (translator.progress(), translator.usage(), translator.served_model());
    Streamed { out, fault, facts: format!("{progress:?}\n{usage:?}\n{model:?}") }
}
