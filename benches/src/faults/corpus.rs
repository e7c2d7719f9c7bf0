//! Requests that no client should send: what is refused, how, and which connections may not be used again.

use std::time::Duration;

use anyhow::Result;

use crate::faults::caller::{self, Call, End};
use crate::faults::matrix::{Line, Plan};
use crate::faults::speech::Speech;
use crate::faults::world::{KEY, World, good};

const ANSWER: Duration = Duration::from_secs(5);
/// Heads must be complete within 10 s, and the next piece of a body must come within 30 s.
const SLOW_HEAD: Duration = Duration::from_secs(14);
const SLOW_BODY: Duration = Duration::from_secs(34);
const IDLE_CONNECTIONS: usize = 1_000;

/// A request as bytes, and what should come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Row of the matrix.
    pub number: u8,
    /// What is wrong with it.
    pub what: &'static str,
    /// By whom.
    pub speech: Speech,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The status that it should get.
    pub status: u16,
    /// The connection must not be used again.
    pub closes: bool,
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = smuggling();
    for speech in Speech::ALL {
        cases.extend(bodies(speech));
        cases.extend(heads(speech));
    }
    cases
}

fn good_body(speech: Speech) -> String {
    speech.ask("hello", false, &[good(speech)])
}

fn heads(speech: Speech) -> Vec<Case> {
    let request = caller::request(speech, false, KEY, &good_body(speech));
    let request = String::from_utf8(request).unwrap_or_default();
    let (line, rest) = request.split_once("\r\n").unwrap_or_default();
    let with = |extra: &str| format!("{line}\r\n{extra}{rest}").into_bytes();
    let case = |what, bytes, status| Case { number: 43, what, speech, bytes, status, closes: true };
    let many = "x-h: 1\r\n".repeat(2_000);
    let large = request.replacen("content-length: ", "content-length: 999999", 1).into_bytes();
    vec![
        case("one large header", with(&format!("x-large: {}\r\n", "a".repeat(300 << 10))), 431),
        case("many headers", with(&many), 431),
        Case { number: 44, ..case("larger than allowed", large, 413) },
    ]
}

fn bodies(speech: Speech) -> Vec<Case> {
    let good = good_body(speech);
    let case = |number, what, body: &[u8]| {
        let mut bytes = caller::request(speech, false, KEY, "");
        let head = String::from_utf8(bytes).unwrap_or_default();
        bytes = head.replacen("content-length: 0", &format!("content-length: {}", body.len()), 1).into_bytes();
        bytes.extend_from_slice(body);
        Case { number, what, speech, bytes, status: 400, closes: false }
    };
    let with = |member: &str| format!("{{{member},{}", &good[1..]).into_bytes();
    let nested = format!("\"x\":{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let mut broken = good.clone().into_bytes();
    let place = good.find("hello").unwrap_or(0);
    broken[place] = 0xff;
    let said = |text: &str| good.replacen("hello", text, 1).into_bytes();
    let mut cases = vec![
        case(45, "nested too deep", &with(&nested)),
        case(47, "no UTF-8", &broken),
        case(47, "a NUL in a string", &said("he\u{0}llo")),
        case(46, "cut in half", &good.as_bytes()[..good.len() / 2]),
        case(46, "two values", format!("{good}{good}").as_bytes()),
    ];
    if speech == Speech::Gemini {
        cases.push(case(46, "contents twice", &with("\"contents\":[]")));
        return cases;
    }
    cases.push(case(46, "model twice", &with("\"model\":\"x\"")));
    cases.push(case(46, "stream twice", &with("\"stream\":true")));
    let limit = if speech == Speech::Responses { "max_output_tokens" } else { "max_tokens" };
    let absurd = |value: &str| {
        let text = good.replacen("\"max_tokens\":200,", "", 1);
        format!("{{\"{limit}\":{value},{}", &text[1..]).into_bytes()
    };
    cases.push(case(46, "a limit beyond numbers", &absurd("1e999")));
    cases.push(case(46, "a limit that is NaN", &absurd("NaN")));
    cases.push(case(46, "a limit that is text", &absurd("\"7\"")));
    cases
}

/// Heads that two servers could read in two ways.
fn smuggling() -> Vec<Case> {
    let body = good_body(Speech::Openai);
    let length = body.len();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\nauthorization: Bearer {KEY}\r\n"
    );
    let case = |what, framing: String| Case {
        number: 48,
        what,
        speech: Speech::Openai,
        bytes: format!("{head}{framing}\r\n\r\n{body}").into_bytes(),
        status: 400,
        closes: true,
    };
    let nameless = |what, server: &str, host: &str| {
        Case {
        bytes: format!(
            "POST {server}/v1/chat/completions HTTP/1.1\r\n{host}content-type: application/json\r\nauthorization: Bearer {KEY}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
        ..case(what, String::new())
    }
    };
    let chunked = format!("{length:x}\r\n{body}\r\n0");
    let te = |value: &str| format!("transfer-encoding: {value}\r\n\r\n{chunked}");
    vec![
        case("length and chunks", format!("content-length: {length}\r\ntransfer-encoding: chunked")),
        case("two lengths", format!("content-length: {length}\r\ncontent-length: {}", length + 1)),
        case("two lengths in one", format!("content-length: {length}, {}", length + 1)),
        case("a signed length", format!("content-length: +{length}")),
        case("a length that is none", "content-length: 0x10".to_owned()),
        case("a folded header", format!("content-length:\r\n {length}")),
        case("a space before the colon", format!("content-length : {length}")),
        case("a space before the name", format!(" content-length: {length}")),
        case("bare line feeds", format!("content-length: {length}\nx-a: b")),
        case("a bare carriage return", format!("x-a: b\rc\r\ncontent-length: {length}")),
        case("a NUL in a header", format!("x-a: b\0c\r\ncontent-length: {length}")),
        case("an unknown coding", te("xchunked")),
        case("two codings", te("chunked, identity")),
        case("chunked twice", te("chunked\r\ntransfer-encoding: chunked")),
        case("a vertical tab", te("\u{b}chunked")),
        case("another host", format!("host: other\r\ncontent-length: {length}")),
        case("the same host twice", format!("host: gateway\r\ncontent-length: {length}")),
        nameless("no host", "", ""),
        nameless("a target without its host", "http://gateway", ""),
        nameless("another host in the target", "http://other", "host: gateway\r\n"),
    ]
}

/// The lines of the matrix in which requests are malformed, slow or idle.
///
/// # Errors
/// When the gateway cannot be reached.
pub async fn lines(world: &World, plan: &Plan) -> Result<Vec<Line>> {
    let is_wanted = |number: u8| plan.row.is_none_or(|row| row == number);
    let mut lines = Vec::new();
    for case in cases().into_iter().filter(|case| is_wanted(case.number)) {
        let expected = format!("error {}{}", case.status, if case.closes { ", closed" } else { "" });
        let result = try_case(world, &case).await?;
        lines.push(Line::one(case.number, case.what, case.speech, &expected, result));
    }
    if is_wanted(41) {
        lines.push(Line::one(41, "idle connections", Speech::Openai, "served", idle(world).await?));
    }
    if is_wanted(42) && !plan.quick {
        let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n".to_vec();
        let (body, text) = (good_body(Speech::Openai), caller::request(Speech::Openai, false, KEY, ""));
        let text = String::from_utf8(text).unwrap_or_default();
        let begun = text.replacen("content-length: 0", &format!("content-length: {}", body.len()), 1);
        let begun = format!("{begun}{}", &body[..10]).into_bytes();
        for (what, bytes, wait) in [("a head that stops", head, SLOW_HEAD), ("a body that stops", begun, SLOW_BODY)] {
            let result = slow(world, &bytes, wait).await?;
            lines.push(Line::one(42, what, Speech::Openai, "error 408, closed", result));
        }
    }
    Ok(lines)
}

async fn try_case(world: &World, case: &Case) -> Result<Result<String, String>> {
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&case.bytes).await;
    let seen = call.answer(ANSWER).await;
    if seen.status != case.status {
        return Ok(Err(format!("{} {:?} {}", seen.status, seen.end, seen.body.chars().take(120).collect::<String>())));
    }
    if case.closes && !call.closed(ANSWER).await {
        return Ok(Err("the connection stays open".to_owned()));
    }
    Ok(Ok(format!("error {}", seen.status)))
}

async fn slow(world: &World, bytes: &[u8], wait: Duration) -> Result<Result<String, String>> {
    let mut call = Call::open(world.product.gateway).await?;
    call.send(bytes).await;
    let seen = call.answer(wait).await;
    if seen.status != 408 || seen.end != End::Clean {
        return Ok(Err(format!("{} {:?} after {} s", seen.status, seen.end, seen.took.as_secs())));
    }
    let closed = call.closed(ANSWER).await;
    Ok(if closed { Ok(format!("error 408 after {} s", seen.took.as_secs())) } else { Err("stays open".to_owned()) })
}

/// Those who only hold a connection take nothing from those who ask.
async fn idle(world: &World) -> Result<Result<String, String>> {
    let before = crate::harness::process::resident_mib(world.product.id());
    let mut calls = Vec::with_capacity(IDLE_CONNECTIONS);
    for _ in 0..IDLE_CONNECTIONS {
        calls.push(Call::open(world.product.gateway).await?);
    }
    let bytes = caller::request(Speech::Openai, false, KEY, "{}");
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&bytes).await;
    let seen = call.answer(ANSWER).await;
    let grown = crate::harness::process::resident_mib(world.product.id()) - before;
    Ok(if seen.status == 400 { Ok(format!("served, {grown:.0} MiB more")) } else { Err(format!("{}", seen.status)) })
}
