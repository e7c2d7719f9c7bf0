//! What comes in may be anything: golden inputs with bytes changed, in every pair of dialects.

use dialect::{Dialect, fuzz};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;

/// The bytes of a case with some of them changed.
fn changed(kind: &'static str) -> impl Strategy<Value = (Dialect, Vec<u8>)> {
    let cases = cases::cases(kind);
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        Just(b"{}".to_vec()),
        Just(b"null".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"-1".to_vec()),
        Just(Vec::new()),
    ];
    let changes = proptest::collection::vec((any::<Index>(), any::<Index>(), piece), 0..4);
    (any::<Index>(), changes).prop_map(move |(case, changes)| {
        let case = case.get(&cases);
        let mut bytes = case.bytes.to_vec();
        for (start, length, piece) in changes {
            if !bytes.is_empty() {
                let start = start.index(bytes.len());
                let end = (start + length.index(8)).min(bytes.len());
                bytes.splice(start..end, piece);
            }
        }
        (case.dialect, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_request_is_refused_or_sound((dialect, bytes) in changed("requests")) {
        for upstream in Dialect::ALL {
            fuzz::request_of(dialect, upstream, &bytes);
        }
    }

    #[test]
    fn any_answer_is_refused_or_sound((dialect, bytes) in changed("answers")) {
        for caller in Dialect::ALL {
            fuzz::answer_of(dialect, caller, &bytes);
        }
    }

    #[test]
    fn any_stream_is_the_same_however_cut((dialect, bytes) in changed("streams"), place in any::<Index>()) {
        let place = if bytes.is_empty() { 0 } else { place.index(bytes.len()) };
        for caller in Dialect::ALL {
            fuzz::stream_of(dialect, caller, &bytes, place);
        }
    }
}
