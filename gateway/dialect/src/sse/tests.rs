//! The event parser: line ends, fields and limits, cut anywhere.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// Parses the pieces; events as `name|data`, then what was cut off by the end.
fn parse(pieces: &[&[u8]], limit: usize) -> Result<Vec<String>, SseFault> {
    let mut parser = SseParser::new(limit);
    let mut events = Vec::new();
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for piece in pieces {
        parser.push(piece, |event| -> Result<(), SseFault> {
            events.push(format!("{}|{}", shown(event.name), shown(event.data)));
            Ok(())
        })?;
    }
    events.extend(parser.finish()?.map(|rest| format!("cut|{}", shown(rest))));
    Ok(events)
}

/// Checks the events of a stream in one piece, in single bytes and at every cut.
#[track_caller]
fn check(stream: &str, expected: &[&str]) {
    let stream = stream.as_bytes();
    assert_eq!(parse(&[stream], 1000).unwrap(), expected);
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(parse(&bytes, 1000).unwrap(), expected, "byte by byte");
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(parse(&[head, tail], 1000).unwrap(), expected, "cut at {cut}");
        assert_eq!(parse(&[head, b"", tail], 1000).unwrap(), expected, "cut at {cut}, with an empty piece");
    }
}

#[test]
fn every_line_ending_is_understood() {
    check("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n", &["|a", "|b", "|c", "|d"]);
}

#[test]
fn a_bom_comes_first_or_not_at_all() {
    check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["|a"]);
}

#[test]
fn one_blank_after_the_colon_is_no_data() {
    check("data:a\n\ndata: b\n\ndata:  c\n\ndata\n\n", &["|a", "|b", "| c", "|"]);
}

#[test]
fn lines_of_one_event_are_joined() {
    check("event: x\ndata: {\ndata:\ndata: }\nid: 7\nretry: 1\n\ndata: é😀\n\n", &["x|{\n\n}", "|é😀"]);
}

#[test]
fn comments_and_events_without_data_are_dropped() {
    check(": ping\n\nevent: ping\n\n:\n\ndata: a\n: in between\ndata: b\n\n", &["|a\nb"]);
}

#[test]
fn an_event_cut_off_by_the_end_is_told() {
    check("data: a\n\ndata: b\n", &["|a", "cut|b"]);
    check("data: a\n\ndata: b", &["|a", "cut|b"]);
    check("data: a\n\nda", &["|a", "cut|"]);
    check("data: a\n\n: pi", &["|a"]);
    check("data: a\n\n\r", &["|a"]);
}

#[test]
fn json_and_html_are_no_event_streams() {
    for body in ["{\"error\":1}", "{\n}\n", "\n <html>\n", "[1]\n"] {
        assert_eq!(parse(&[body.as_bytes()], 1000), Err(SseFault::NotEvents), "{body}");
    }
}

#[test]
fn an_event_over_the_cap_is_refused_at_any_cut() {
    let fits = format!("data: {}\n\n", "x".repeat(94));
    let long = format!("data: {}\n\n", "x".repeat(95));
    let many = format!("{}\n", "data: xxxxxxxx\n".repeat(12));
    for cut in 0..fits.len() {
        let parse = |stream: &str| parse(&[&stream.as_bytes()[..cut], &stream.as_bytes()[cut..]], 100);
        assert!(parse(&fits).is_ok());
        assert_eq!(parse(&long), Err(SseFault::TooLong { limit: 100 }));
        assert_eq!(parse(&many), Err(SseFault::TooLong { limit: 100 }));
    }
}

#[test]
fn an_endless_line_takes_no_more_memory_than_the_cap() {
    let mut parser = SseParser::new(1000);
    let taken = (0..100).take_while(|_| parser.push(&[b'x'; 64], |_| Ok::<_, SseFault>(())).is_ok()).count();
    assert_eq!(taken, 1000 / 64);
    assert!(parser.line.capacity() <= 2048);
}

proptest! {
    #[test]
    fn cuts_do_not_matter(stream in "(data|event|:|\r|\n|\r\n|: |x|\u{feff}|é|\\{){0,40}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let stream = stream.as_bytes();
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).chain([0, stream.len()]).collect();
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(parse(&[stream], 30), parse(&pieces, 30));
    }
}
