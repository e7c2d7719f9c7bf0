//! Framings that are clear pass untouched, however they are cut; all others are stopped at the same byte.

use proptest::prelude::*;

use super::*;

/// How many of the bytes are clear when they come in pieces of these sizes.
fn clear(bytes: &[u8], pieces: &[usize]) -> usize {
    let (mut guard, mut clear) = (FramingGuard::default(), 0);
    let mut sizes = pieces.iter().copied().cycle();
    while clear < bytes.len() {
        let piece = sizes.next().unwrap_or(bytes.len()).clamp(1, bytes.len() - clear);
        let taken = guard.inspect(&bytes[clear..clear + piece]);
        clear += taken;
        if taken < piece {
            assert_eq!((guard.place, guard.inspect(b"GET / HTTP/1.1\r\n\r\n")), (Place::Refused, 0));
            break;
        }
    }
    clear
}

const CLEAR: [&str; 6] = [
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\ncookie: a:b\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\nx\ny\r\n\r\nz: \n\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n5\r\na\nb\nc\r\n00A;x=y\r\n0123456789\r\n0\r\nt: u\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length:0\r\n\r\n",
    "POST / HTTP/1.1\r\ntrailer: t\r\ncontent-length: 2 \r\n\r\n{}",
];

const AMBIGUOUS: [&str; 17] = [
    "POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
    "POST / HTTP/1.1\r\ncontent-length: 4, 4\r\n\r\nabcd",
    "POST / HTTP/1.1\r\ncontent-length: +4\r\n\r\nabcd",
    "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length:\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer_encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length : 4\r\n\r\nabcd",
    "GET / HTTP/1.1\r\nx: a\r\n b\r\n\r\n",
    "GET / HTTP/1.1\nhost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: a\n\r\n",
    "GET / HTTP/1.1\r\nhost: a\r\n\n",
    "\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
];

const BROKEN_CHUNKS: [&str; 6] = ["x\r\n", "\r\n", "5\n", "-5\r\n", "11111111111111111\r\n", "2\r\nabc\r\n"];

fn piece_sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..40, 1..12)
}

proptest! {
    #[test]
    fn clear_requests_pass_untouched_however_they_are_cut(
        order in prop::collection::vec(0..CLEAR.len(), 1..6), sizes in piece_sizes(),
    ) {
        let bytes: Vec<u8> = order.iter().flat_map(|index| CLEAR[*index].bytes()).collect();
        prop_assert_eq!(clear(&bytes, &sizes), bytes.len());
    }

    #[test]
    fn ambiguous_requests_are_stopped_at_the_same_byte_however_they_are_cut(
        before in 0..CLEAR.len(), which in 0..AMBIGUOUS.len(), sizes in piece_sizes(),
    ) {
        let bytes: Vec<u8> = [CLEAR[before], AMBIGUOUS[which], CLEAR[0]].concat().into_bytes();
        let stopped = clear(&bytes, &[bytes.len()]);
        // Within the ambiguous head, before any line end that another reader could take for its last one.
        let head_end = CLEAR[before].len() + AMBIGUOUS[which].rfind('\n').unwrap_or_default();
        prop_assert!((CLEAR[before].len()..=head_end).contains(&stopped), "{} at {stopped}", AMBIGUOUS[which]);
        prop_assert_eq!(clear(&bytes, &sizes), stopped);
    }

    #[test]
    fn what_is_clear_does_not_hang_on_where_it_is_cut(
        bytes in prop::collection::vec(prop::sample::select(&b"\r\n: ,;_-0a5GTcontelghrasfiduk/1."[..]), 0..200),
        sizes in piece_sizes(),
    ) {
        prop_assert_eq!(clear(&bytes, &sizes), clear(&bytes, &[bytes.len().max(1)]));
    }
}

#[test]
fn chunks_that_are_none_end_the_connection() {
    for chunk in BROKEN_CHUNKS {
        let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        let bytes = [head, chunk, CLEAR[0]].concat().into_bytes();
        let stopped = clear(&bytes, &[7]);
        assert!((head.len()..head.len() + chunk.len()).contains(&stopped), "{chunk:?} at {stopped}");
    }
}

#[test]
fn a_head_is_known_to_be_under_way() {
    let mut guard = FramingGuard::default();
    for (bytes, within) in [
        ("", false),
        ("\r\n", false),
        ("PO", true),
        ("ST / HTTP/1.1\r\ncontent-length: 1\r\n\r", true),
        ("\n", false),
        ("x", false),
    ] {
        guard.inspect(bytes.as_bytes());
        assert_eq!(guard.is_within_head(), within, "{bytes:?}");
    }
}

#[test]
fn long_lines_cost_no_memory() {
    let mut guard = FramingGuard::default();
    guard.inspect(b"GET / HTTP/1.1\r\nx: ");
    for _ in 0..1_000 {
        guard.inspect(&[b'a'; 1_000]);
    }
    assert!(guard.line.kept.capacity() <= 2 * KEPT);
    guard.inspect(b"\r\n\r\n");
    assert_eq!(guard.place, Place::Start);
}
