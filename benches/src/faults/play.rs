//! The ways in which an upstream breaks, each as a list of things to do with a connection.

use std::io::Write as _;
use std::time::Duration;

use crate::faults::random::Random;
use crate::faults::speech::{Script, Speech, Spent};
use crate::harness::http::push_chunk;

/// One thing to do once a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Says nothing for so long, unless the other side leaves.
    Pause(Duration),
    /// Says nothing until the other side leaves.
    Hold,
    /// Sends these bytes again and again, and counts them, so many times or until nobody takes them.
    Flood(Vec<u8>, usize),
    /// Ends the connection in an orderly way.
    Close,
    /// Breaks the connection.
    Reset,
    /// Breaks the connection if it was used before.
    ResetIfUsed,
}

macro_rules! faults {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// How an upstream breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fault { $(#[doc = $meaning] $variant,)* }

        impl Fault {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in markers and tables.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What happens, in words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

faults! {
    None = "none", "A good answer.";
    Unreachable = "unreachable", "Nobody listens.";
    ResetBeforeHead = "reset_before_head", "A reset before the head.";
    Stale = "stale", "A reset on a connection that was used before.";
    CloseIdle = "close_idle", "The connection is closed after a good answer.";
    ResetAfterHead = "reset_after_head", "A reset after the head.";
    ResetMid = "reset_mid", "A reset after content.";
    SlowHead = "slow_head", "No head.";
    StallBeforeContent = "stall_before_content", "Silence before content.";
    StallMid = "stall_mid", "Silence after content.";
    RateLimited = "rate_limited", "429 with Retry-After in seconds.";
    RateLimitedDate = "rate_limited_date", "429 with Retry-After as a date.";
    RateLimitedAbsurd = "rate_limited_absurd", "429 with a negative or absurd Retry-After.";
    Status500 = "500", "Status 500.";
    Status502 = "502", "Status 502 with a web page.";
    Status503 = "503", "Status 503.";
    Status504 = "504", "Status 504.";
    Status529 = "529", "Status 529.";
    Status400 = "400", "Status 400.";
    Status401 = "401", "Status 401.";
    Status404 = "404", "Status 404.";
    Status422 = "422", "Status 422.";
    ErrorUnder200 = "error_under_200", "Status 200 with an error.";
    ErrorEventFirst = "error_event_first", "An error event before content.";
    ErrorEventMid = "error_event_mid", "An error event after content.";
    MalformedFirst = "malformed_first", "An event that is no JSON before content.";
    MalformedMid = "malformed_mid", "An event that is no JSON after content.";
    EndBeforeContent = "end_before_content", "A clean end before content.";
    EndMid = "end_mid", "A clean end after content.";
    BareMarkerMid = "bare_marker_mid", "A terminal marker after content, and no word of why the answer ends.";
    CloseMid = "close_mid", "A closed connection after content.";
    HalfEventMid = "half_event_mid", "A clean end within an event after content.";
    Truncated = "truncated", "An answer shorter than its length.";
    NotJson = "not_json", "An answer that is half of its JSON.";
    NoUsage = "no_usage", "A good answer that says no usage.";
    UsageTwice = "usage_twice", "Usage in an earlier event too.";
    NoType = "no_type", "A good answer without a content type.";
    WebPage = "web_page", "A web page with status 200.";
    HugeLineFirst = "huge_line_first", "An endless line before content.";
    HugeLineMid = "huge_line_mid", "An endless line after content.";
    Gzip = "gzip", "A good answer, compressed.";
    Bomb = "bomb", "A decompression bomb.";
    Split = "split", "A good answer in two writes, cut anywhere.";
    Drip = "drip", "A good answer byte by byte, with CRLF and a byte order mark in streams.";
    SlowStream = "slow_stream", "A good stream with pauses.";
    Paced = "paced", "A good stream, one event a second.";
    Flood = "flood", "A stream that is large.";
}

impl Fault {
    /// The fault of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

/// What is answered, and how.
#[derive(Clone, Debug)]
pub struct Scene {
    /// In which dialect.
    pub speech: Speech,
    /// As a stream.
    pub stream: bool,
    /// The model's name there.
    pub model: String,
    /// What it says it has consumed.
    pub spent: Spent,
    /// Chooses where things break.
    pub seed: u64,
}

/// An endless line is this long: more than an event may have.
const HUGE: usize = (1 << 20) + 4_096;
const BOMB: usize = 96 << 20;
const BREATH: Duration = Duration::from_millis(2);
const PACE: Duration = Duration::from_secs(1);
const PACED_EVENTS: usize = 10;
/// What a flood sends in all, in events of 4 KiB.
const FLOOD_EVENTS: usize = 16_384;

/// What an upstream does for a fault.
pub fn acts(fault: Fault, scene: &Scene) -> Vec<Act> {
    match fault {
        Fault::None | Fault::Unreachable => good(scene),
        Fault::Stale => [vec![Act::ResetIfUsed], good(scene)].concat(),
        Fault::CloseIdle => [good(scene), vec![Act::Close]].concat(),
        Fault::ResetBeforeHead => vec![Act::Reset],
        Fault::SlowHead => vec![Act::Hold],
        Fault::RateLimited => status(429, "retry-after: 7\r\n", scene),
        Fault::RateLimitedDate => status(429, "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n", scene),
        Fault::RateLimitedAbsurd => {
            let absurd = ["-5", "99999999999999999999", "soon", ""][(scene.seed % 4) as usize];
            status(429, &format!("retry-after: {absurd}\r\n"), scene)
        }
        Fault::Status500 => status(500, "", scene),
        Fault::Status502 => page(502),
        Fault::Status503 => status(503, "", scene),
        Fault::Status504 => status(504, "", scene),
        Fault::Status529 => status(529, "", scene),
        Fault::Status400 => status(400, "", scene),
        Fault::Status401 => status(401, "", scene),
        Fault::Status404 => status(404, "", scene),
        Fault::Status422 => status(422, "", scene),
        Fault::ErrorUnder200 => vec![Act::Send(whole(200, JSON, error(200).as_bytes()))],
        Fault::WebPage => page(200),
        Fault::Truncated => vec![Act::Send(shortened(scene)), Act::Close],
        Fault::NotJson => {
            let body = body(scene);
            vec![Act::Send(whole(200, JSON, &body.as_bytes()[..body.len() / 2]))]
        }
        Fault::NoUsage => without_usage(scene),
        Fault::NoType => without_type(scene),
        Fault::Gzip => compressed(body(scene).as_bytes()),
        Fault::Bomb => compressed(&vec![b' '; BOMB]),
        Fault::Split => split(scene),
        Fault::Drip => drip(scene),
        Fault::ResetAfterHead
        | Fault::ResetMid
        | Fault::StallBeforeContent
        | Fault::StallMid
        | Fault::ErrorEventFirst
        | Fault::ErrorEventMid
        | Fault::MalformedFirst
        | Fault::MalformedMid
        | Fault::EndBeforeContent
        | Fault::EndMid
        | Fault::BareMarkerMid
        | Fault::CloseMid
        | Fault::HalfEventMid
        | Fault::UsageTwice
        | Fault::HugeLineFirst
        | Fault::HugeLineMid
        | Fault::SlowStream
        | Fault::Paced
        | Fault::Flood => of_stream(fault, scene),
    }
}

const JSON: &str = "content-type: application/json\r\n";
const SSE: &str = "content-type: text/event-stream\r\n";

fn body(scene: &Scene) -> String {
    scene.speech.answer(&scene.model, scene.spent).to_string()
}

fn script(scene: &Scene) -> Script {
    scene.speech.stream(&scene.model, scene.spent)
}

fn error(status: u16) -> String {
    format!(r#"{{"error":{{"message":"a scripted {status}","type":"scripted_error","code":null,"param":null}}}}"#)
}

fn whole(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

fn status(status: u16, headers: &str, _scene: &Scene) -> Vec<Act> {
    vec![Act::Send(whole(status, &format!("{JSON}{headers}"), error(status).as_bytes()))]
}

fn page(status: u16) -> Vec<Act> {
    vec![Act::Send(whole(status, "content-type: text/html\r\n", b"<!doctype html><title>Bad gateway</title>"))]
}

fn stream_head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{SSE}transfer-encoding: chunked\r\n\r\n").into_bytes()
}

fn framed(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    push_chunk(&mut out, text.as_bytes());
    out
}

/// The whole of a good answer's bytes.
fn good_bytes(scene: &Scene) -> Vec<u8> {
    if !scene.stream {
        return whole(200, JSON, body(scene).as_bytes());
    }
    let mut out = stream_head();
    for event in script(scene).events {
        push_chunk(&mut out, event.as_bytes());
    }
    push_chunk(&mut out, b"");
    out
}

fn good(scene: &Scene) -> Vec<Act> {
    vec![Act::Send(good_bytes(scene))]
}

fn shortened(scene: &Scene) -> Vec<u8> {
    let bytes = whole(200, JSON, body(scene).as_bytes());
    let head = bytes.len() - body(scene).len();
    let kept = Random::of(scene.seed, 1).below(bytes.len() - head - 1);
    bytes[..head + kept].to_vec()
}

fn without_usage(scene: &Scene) -> Vec<Act> {
    if !scene.stream {
        let mut answer = scene.speech.answer(&scene.model, scene.spent);
        for name in ["usage", "usageMetadata"] {
            if let Some(members) = answer.as_object_mut() {
                members.remove(name);
            }
        }
        return vec![Act::Send(whole(200, JSON, answer.to_string().as_bytes()))];
    }
    let mut out = stream_head();
    for event in script(scene).events {
        push_chunk(&mut out, drop_usage(&event).as_bytes());
    }
    push_chunk(&mut out, b"");
    vec![Act::Send(out)]
}

/// The event without its usage, wherever that stands.
fn drop_usage(event: &str) -> String {
    let Some((before, data)) = event.split_once("data: ") else { return event.to_owned() };
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(data.trim()) else { return event.to_owned() };
    for holder in ["", "/message", "/response"] {
        if let Some(members) = value.pointer_mut(holder).and_then(serde_json::Value::as_object_mut) {
            members.remove("usage");
            members.remove("usageMetadata");
        }
    }
    format!("{before}data: {value}\n\n")
}

fn without_type(scene: &Scene) -> Vec<Act> {
    let text = String::from_utf8(good_bytes(scene)).unwrap_or_default();
    vec![Act::Send(text.replacen(if scene.stream { SSE } else { JSON }, "", 1).into_bytes())]
}

fn compressed(body: &[u8]) -> Vec<Act> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let packed = packer.write_all(body).and_then(|()| packer.finish()).unwrap_or_default();
    vec![Act::Send(whole(200, &format!("{JSON}content-encoding: gzip\r\n"), &packed))]
}

/// The seed is the offset.
fn split(scene: &Scene) -> Vec<Act> {
    let mut bytes = good_bytes(scene);
    let place = usize::try_from(scene.seed).unwrap_or(0) % bytes.len();
    let rest = bytes.split_off(place);
    vec![Act::Send(bytes), Act::Pause(BREATH), Act::Send(rest)]
}

/// How many places a good answer can be cut at.
pub fn places(scene: &Scene) -> usize {
    good_bytes(scene).len()
}

fn drip(scene: &Scene) -> Vec<Act> {
    let bytes = if scene.stream {
        let text = format!("\u{feff}{}", script(scene).events.concat()).replace('\n', "\r\n");
        [stream_head(), framed(&text), framed("")].concat()
    } else {
        good_bytes(scene)
    };
    bytes.into_iter().map(|byte| Act::Send(vec![byte])).collect()
}

/// Where a stream breaks, and with what.
fn of_stream(fault: Fault, scene: &Scene) -> Vec<Act> {
    let script = script(scene);
    let before = script.events[..script.first_content].concat();
    // After at least one content event, before the one that finishes.
    let room = script.finish - script.first_content - 1;
    let until = script.first_content + 1 + Random::of(scene.seed, 2).below(room);
    let mid = script.events[..until].concat();
    let opening = |text: &str| {
        let mut out = stream_head();
        if !text.is_empty() {
            push_chunk(&mut out, text.as_bytes());
        }
        Act::Send(out)
    };
    let chunk = |text: &str| Act::Send(framed(text));
    let huge = format!("data: {}", "x".repeat(HUGE));
    match fault {
        Fault::ResetAfterHead => vec![opening(&before), Act::Pause(BREATH), Act::Reset],
        Fault::ResetMid => vec![opening(&mid), Act::Pause(BREATH), Act::Reset],
        Fault::StallBeforeContent => vec![opening(&before), Act::Hold],
        Fault::StallMid => vec![opening(&mid), Act::Hold],
        Fault::ErrorEventFirst => vec![opening(&before), chunk(&scene.speech.error_event()), chunk("")],
        Fault::ErrorEventMid => vec![opening(&mid), chunk(&scene.speech.error_event()), chunk("")],
        Fault::MalformedFirst => vec![opening(&before), chunk("data: {\"oops\": [\n\n"), Act::Hold],
        Fault::MalformedMid => vec![opening(&mid), chunk("data: {\"oops\": [\n\n"), Act::Hold],
        Fault::EndBeforeContent => vec![opening(&before), chunk("")],
        Fault::EndMid => vec![opening(&mid), chunk("")],
        Fault::BareMarkerMid => vec![opening(&mid), chunk(&scene.speech.bare_marker()), chunk("")],
        Fault::CloseMid => vec![opening(&mid), Act::Pause(BREATH), Act::Close],
        Fault::HalfEventMid => {
            let event = &script.events[until];
            let kept = (1..event.len() - 2).rev().find(|end| event.is_char_boundary(*end) && *end <= event.len() / 2);
            vec![opening(&mid), chunk(&event[..kept.unwrap_or(1)]), chunk("")]
        }
        Fault::HugeLineFirst => vec![opening(&before), chunk(&huge), Act::Hold],
        Fault::HugeLineMid => vec![opening(&mid), chunk(&huge), Act::Hold],
        Fault::UsageTwice => usage_twice(scene, &script),
        Fault::Flood => flood(&script),
        Fault::Paced => paced(&script),
        // But for the first, those that are no matter of streams: they have been played already.
        Fault::SlowStream
        | Fault::None
        | Fault::Unreachable
        | Fault::ResetBeforeHead
        | Fault::Stale
        | Fault::CloseIdle
        | Fault::SlowHead
        | Fault::RateLimited
        | Fault::RateLimitedDate
        | Fault::RateLimitedAbsurd
        | Fault::Status500
        | Fault::Status502
        | Fault::Status503
        | Fault::Status504
        | Fault::Status529
        | Fault::Status400
        | Fault::Status401
        | Fault::Status404
        | Fault::Status422
        | Fault::ErrorUnder200
        | Fault::Truncated
        | Fault::NotJson
        | Fault::NoUsage
        | Fault::NoType
        | Fault::WebPage
        | Fault::Gzip
        | Fault::Bomb
        | Fault::Split
        | Fault::Drip => slow(&script),
    }
}

/// All that counts comes at the end; the same event with half of it comes before.
fn usage_twice(scene: &Scene, script: &Script) -> Vec<Act> {
    let half = Spent { prompt: scene.spent.prompt, completion: 1 };
    let early = scene.speech.stream(&scene.model, half);
    let mut out = stream_head();
    for (place, event) in script.events.iter().enumerate() {
        if scene.speech == Speech::Openai && place == script.finish {
            push_chunk(&mut out, early.events[script.finish + 1].as_bytes());
        }
        push_chunk(&mut out, event.as_bytes());
    }
    push_chunk(&mut out, b"");
    vec![Act::Send(out)]
}

fn slow(script: &Script) -> Vec<Act> {
    let mut acts = vec![Act::Send(stream_head())];
    for event in &script.events {
        acts.extend([Act::Send(framed(event)), Act::Pause(Duration::from_millis(20))]);
    }
    acts.push(Act::Send(framed("")));
    acts
}

/// Ten pieces, a second apart.
fn paced(script: &Script) -> Vec<Act> {
    let (mut opening, word) = (stream_head(), &script.events[script.first_content]);
    for event in &script.events[..script.first_content] {
        push_chunk(&mut opening, event.as_bytes());
    }
    let mut acts = vec![Act::Send(opening)];
    for _ in 0..PACED_EVENTS {
        acts.extend([Act::Send(framed(word)), Act::Pause(PACE)]);
    }
    acts.push(Act::Send([framed(&script.events[script.finish..].concat()), framed("")].concat()));
    acts
}

fn flood(script: &Script) -> Vec<Act> {
    let word = script.events[script.first_content].replace("Alpha ", &"x".repeat(4_096));
    let opening = script.events[..=script.first_content].concat();
    vec![
        Act::Send([stream_head(), framed(&opening)].concat()),
        Act::Flood(framed(&word), FLOOD_EVENTS),
        Act::Send([framed(&script.events[script.finish..].concat()), framed("")].concat()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(speech: Speech, seed: u64) -> Scene {
        Scene { speech, stream: true, model: "m".to_owned(), spent: Spent { prompt: 7, completion: 3 }, seed }
    }

    fn sent(acts: &[Act]) -> String {
        let bytes: Vec<u8> =
            acts.iter().flat_map(|act| if let Act::Send(bytes) = act { bytes.clone() } else { vec![] }).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn every_fault_is_found_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.name()), Some(*fault));
        }
    }

    #[test]
    fn a_stream_that_breaks_has_content_and_no_end() {
        for speech in Speech::ALL {
            for fault in [Fault::ResetMid, Fault::EndMid, Fault::CloseMid, Fault::HalfEventMid, Fault::StallMid] {
                for seed in 0..20 {
                    let text = sent(&acts(fault, &scene(speech, seed)));
                    let reading = speech.read_stream(&text);
                    assert!(reading.text.starts_with("Alpha ") && !reading.terminal, "{speech:?} {fault:?} {text}");
                }
            }
        }
    }

    #[test]
    fn a_bare_marker_looks_like_an_end_where_a_dialect_has_one() {
        for speech in Speech::ALL {
            let reading = speech.read_stream(&sent(&acts(Fault::BareMarkerMid, &scene(speech, 1))));
            let has_marker = matches!(speech, Speech::Openai | Speech::Anthropic);
            assert_eq!((reading.terminal, reading.garbage), (has_marker, 0), "{speech:?}");
            assert!(reading.text.starts_with("Alpha "), "{reading:?}");
        }
    }

    #[test]
    fn the_same_seed_breaks_at_the_same_place() {
        let scene = scene(Speech::Openai, 5);
        assert_eq!(acts(Fault::ResetMid, &scene), acts(Fault::ResetMid, &scene));
    }
}
