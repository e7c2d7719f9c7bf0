//! A stream ends well only if its answer has said why it ends. A marker without that is what some servers send behind an
//! answer that they lost, and no client tells it from a whole one.

use dialect::{Dialect, StreamFault};

use crate::cases::{self, Streamed};

/// A golden stream, whole.
fn text(dialect: Dialect) -> String {
    let case = cases::cases("streams").into_iter().find(|case| case.dialect == dialect && case.name == "text");
    String::from_utf8(case.expect("a text of every dialect").bytes.to_vec()).expect("text")
}

/// The stream without what says why the answer ends, and then the marker that clients wait for.
fn without_reason(dialect: Dialect) -> String {
    let (reason, marker) = match dialect {
        Dialect::Openai => ("finish_reason", "data: [DONE]\n\n"),
        Dialect::Gemini => ("finishReason", "data: [DONE]\n\n"),
        Dialect::OpenaiResponses => ("response.completed", "data: [DONE]\n\n"),
        Dialect::Anthropic => ("stop_reason", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    };
    let whole = text(dialect);
    assert!(whole.contains(reason), "something says why");
    whole.replace(reason, "unheard_of").replace(marker, "") + marker
}

/// What a client of a dialect takes for the end of a whole answer.
const ENDS: [&str; 6] =
    ["[DONE]", "\"finish_reason\":\"", "finishReason", "\"stop_reason\":\"", "message_stop", "response.completed"];

fn each_pair(check: impl Fn(Dialect, Dialect)) {
    for upstream in Dialect::ALL {
        for caller in Dialect::ALL {
            check(upstream, caller);
        }
    }
}

#[test]
fn a_marker_without_a_reason_is_no_clean_end_for_anyone() {
    each_pair(|upstream, caller| {
        let stream = without_reason(upstream);
        for pieces in [vec![stream.as_bytes()], stream.split_inclusive("\n\n").map(str::as_bytes).collect()] {
            let Streamed { out, fault, facts } = cases::stream(upstream, caller, pieces);
            let out = String::from_utf8_lossy(&out);
            let pair = format!("{} for {}: {facts}\n{out}", upstream.as_str(), caller.as_str());
            assert_eq!(fault, Some(StreamFault::Truncated), "{pair}");
            assert!(facts.contains("terminal: false") && !out.is_empty(), "{pair}");
            assert!(!ENDS.iter().any(|end| out.contains(end)), "{pair}");
        }
    });
}

#[test]
fn a_reason_alone_ends_what_has_no_other_marker() {
    each_pair(|upstream, caller| {
        for marker in ["data: [DONE]\n\n", "data: [DONE]\n", "data: [DONE]", ""] {
            let stream = text(upstream).replace("data: [DONE]\n\n", "") + marker;
            let fault = cases::stream(upstream, caller, [stream.as_bytes()]).fault;
            assert_eq!(fault, None, "{} for {}, {marker:?}", upstream.as_str(), caller.as_str());
        }
    });
}

#[test]
fn every_alternative_that_began_must_have_ended() {
    let cases = cases::cases("streams");
    for (dialect, name, reason) in [
        (Dialect::Openai, "several", "\"finish_reason\":\"stop\""),
        (Dialect::Gemini, "two_candidates", "finishReason"),
    ] {
        let case = cases.iter().find(|case| case.dialect == dialect && case.name == name).expect("alternatives");
        let whole = std::str::from_utf8(&case.bytes).expect("text");
        let last = whole.rfind(reason).expect("a reason");
        let start = whole[..last].rfind("data: ").expect("its event");
        let marked = format!("{}data: [DONE]\n\n", &whole[..start]);
        assert!(marked.contains(reason), "the other has ended");
        for stream in [&whole[..start], &marked] {
            is_truncated_for_all(dialect, stream);
        }
    }
    // In chat an alternative begins with its role, before it says a word.
    let several = cases.iter().find(|case| case.name == "several").expect("alternatives");
    let whole = std::str::from_utf8(&several.bytes).expect("text");
    let only_begun = |event: &&str| !event.contains("\"index\":1") || event.contains("\"role\"");
    let stream: String = whole.split_inclusive("\n\n").filter(only_begun).collect();
    assert!(stream.contains("\"index\":1") && !stream.contains("Tails"), "{stream}");
    is_truncated_for_all(Dialect::Openai, &stream);
}

#[track_caller]
fn is_truncated_for_all(upstream: Dialect, stream: &str) {
    for caller in Dialect::ALL {
        let fault = cases::stream(upstream, caller, [stream.as_bytes()]).fault;
        assert_eq!(fault, Some(StreamFault::Truncated), "{} for {}: {stream}", upstream.as_str(), caller.as_str());
    }
}
