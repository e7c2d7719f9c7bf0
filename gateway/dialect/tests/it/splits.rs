//! The same bytes cut anywhere give the same stream.

use dialect::Dialect;
use proptest::prelude::*;

use crate::cases::{self, Case, Streamed};

/// A stream in one piece, for every golden input and every caller.
fn whole() -> Vec<(Case, Dialect, Streamed)> {
    let mut streams = Vec::new();
    for caller in Dialect::ALL {
        for case in cases::cases("streams") {
            let streamed = cases::stream(case.dialect, caller, [&*case.bytes]);
            streams.push((case, caller, streamed));
        }
    }
    streams
}

#[test]
fn a_cut_at_every_byte_changes_nothing() {
    for (case, caller, expected) in whole() {
        let found = cases::stream(case.dialect, caller, case.bytes.chunks(1));
        assert_eq!(found, expected, "{} of {} for {}", case.name, case.dialect.as_str(), caller.as_str());
    }
}

#[test]
fn a_cut_at_any_one_place_changes_nothing() {
    // Each place once, shared out among the callers; the stream before and after it is in one piece.
    for (case, caller, expected) in whole() {
        let share = caller as usize;
        for place in (share..case.bytes.len()).step_by(Dialect::ALL.len() * 4) {
            let (head, tail) = case.bytes.split_at(place);
            let found = cases::stream(case.dialect, caller, [head, tail]);
            assert_eq!(found, expected, "{} cut at {place}", case.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn pieces_of_any_length_change_nothing(lengths in proptest::collection::vec(1_usize..200, 1..40)) {
        for (case, caller, expected) in whole() {
            let mut rest = &*case.bytes;
            let mut pieces = Vec::new();
            for length in lengths.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(cases::stream(case.dialect, caller, pieces), expected, "{}", case.name);
        }
    }

    #[test]
    fn a_stream_that_breaks_off_never_ends_well(place in 0_usize..100_000) {
        for (case, caller, _) in whole() {
            // Of these, the terminal marker alone is the end; of others, the last finish may be.
            if !matches!(case.dialect, Dialect::Anthropic | Dialect::OpenaiResponses) {
                continue;
            }
            let place = place % case.bytes.trim_ascii_end().len();
            let cut = cases::stream(case.dialect, caller, [&case.bytes[..place]]);
            prop_assert!(cut.fault.is_some(), "{} cut at {}", case.name, place);
        }
    }

    #[test]
    fn a_changed_byte_never_panics(place in 0_usize..100_000, byte in any::<u8>()) {
        for (case, caller, _) in whole() {
            let mut bytes = case.bytes.to_vec();
            let place = place % bytes.len();
            bytes[place] = byte;
            let (head, tail) = bytes.split_at(place);
            let cut = cases::stream(case.dialect, caller, [head, tail]);
            prop_assert_eq!(cut, cases::stream(case.dialect, caller, [&*bytes]));
        }
    }
}
