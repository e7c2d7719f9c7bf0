//! What holds of any bytes, by the functions that the fuzz targets call.

use policy::fuzz;
use proptest::prelude::*;

const RULES: &str = r#"[
    {"priority": 10, "name": "code", "when": {"all": [
        {"field": "capability.code", "op": "gt", "value": 0.5}, {"not": {"field": "tag.tier", "op": "eq", "value": "free"}}]},
     "use": {"policy": "pol_11111111111111111111"}},
    {"priority": 5, "when": {"any": [{"field": "input_tokens", "op": "gte", "value": 100}, {"field": "model", "op": "matches", "value": "^a+$"}]},
     "use": {"strategy": {"type": "single", "model": "acme/large"}}},
    {"priority": 7, "when": {"field": "stream", "op": "eq", "value": true}, "use": {"strategy": {"type": "split"}}}
]"#;
const BLENDED: &str = r#"{"scorecards": [
    {"id": "evl_00000000000000000000", "organisation": "org_00000000000000000000", "name": "judge", "metric": "accuracy",
     "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0}, "source": {"kind": "eval"}, "capabilities": ["code"],
     "cells": [{"model": "acme/small", "score": 0.5, "n": 10}, {"model": "acme/large", "score": 0.75, "standard_error": 0.05}]},
    {"id": "evl_11111111111111111111", "organisation": "org_00000000000000000000", "name": "time", "metric": "seconds", "direction": "lower",
     "normalisation": {"type": "log", "min": 1.0, "max": 100.0}, "source": {"kind": "eval"}, "missing": "median",
     "cells": [{"model": "acme/small", "score": 2.5}, {"model": "beta/middle", "score": 20.0, "interval": {"low": 10.0, "high": 30.0}}]}],
 "blend": {"id": "bld_00000000000000000000", "organisation": "org_00000000000000000000", "name": "ours", "boost": 2.0, "rank_by": "lcb", "z": 1.0,
     "weights": [{"benchmark": "evl_00000000000000000000", "weight": 0.75, "missing": "renormalise"}, {"benchmark": "evl_11111111111111111111", "weight": 0.25}],
     "overrides": [{"benchmark": "evl_11111111111111111111", "model": "acme/large", "score": 9.0, "author": "dana", "reason": "timed out", "expires_at": 1900000000000000}],
     "fallback_model": "beta/middle"}}"#;

const PIECES: [&str; 30] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "null",
    "true",
    "0",
    "1",
    "-1",
    "0.5",
    "0.25",
    "1e308",
    "-1e-308",
    "99999999999",
    "\"matches\"",
    "\"(\"",
    "\"min\"",
    "\"zero\"",
    "\"exclude\"",
    "\"lower_bound\"",
    "\"mean\"",
    "\"higher\"",
    "\"elo_expected\"",
    "\"exists\"",
    "\"acme/large\"",
    "\"é\"",
    "\\u0000",
    " ",
];

/// A document with a few pieces of it replaced.
fn mutated(document: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES.to_vec()));
    prop::collection::vec(change, 0..3).prop_map(move |changes| {
        let mut bytes = document.as_bytes().to_vec();
        for (place, length, piece) in changes {
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece.bytes());
        }
        bytes
    })
}

/// A document with some of its numbers replaced, so that it can still be read.
fn renumbered(document: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        prop::sample::select(vec!["0.0", "1.0", "0.5", "-0.0", "1e-300", "1e300", "100.0", "0.9999999"])
            .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no infinities", |it| it.is_finite()).prop_map(|it| format!("{it:?}")),
    ];
    prop::collection::vec(prop::option::weighted(0.2, number), 32).prop_map(move |numbers| {
        let mut numbers = numbers.into_iter().cycle();
        // Numbers stand after a colon; what is between two colons begins with one, or has none.
        let mut text = String::new();
        for part in document.split_inclusive(": ") {
            let end = part.find([',', '}']).unwrap_or(0);
            let is_number = part[..end].parse::<f64>().is_ok();
            match numbers.next().flatten().filter(|_| is_number) {
                Some(number) => text.extend([number.as_str(), &part[end..]]),
                None => text.push_str(part),
            }
        }
        text.into_bytes()
    })
}

#[test]
fn the_documents_come_to_decisions() {
    assert!(fuzz::rules(RULES.as_bytes()) && fuzz::blend(BLENDED.as_bytes()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_decide(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::rules(&bytes);
        fuzz::blend(&bytes);
        fuzz::instructions(&bytes);
    }

    #[test]
    fn mutated_rules_are_refused_or_decide(bytes in mutated(RULES)) {
        fuzz::rules(&bytes);
    }

    #[test]
    fn mutated_blends_are_refused_or_rank(bytes in mutated(BLENDED)) {
        fuzz::blend(&bytes);
    }

    #[test]
    fn blends_of_any_numbers_are_refused_or_rank(bytes in renumbered(BLENDED)) {
        fuzz::blend(&bytes);
    }

    #[test]
    fn any_words_are_instructions(
        words in prop::collection::vec("(avoid|prefer|only|not|unless|if|code|complex|cheap|fast|acme|beta|large|over|than|otherwise|eu|[a-zé]{1,6}|[,.;!?])", 0..30),
    ) {
        fuzz::instructions(words.join(" ").as_bytes());
    }
}
