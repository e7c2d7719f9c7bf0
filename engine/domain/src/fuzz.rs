//! What must hold of any bytes that come as JSON: they are read or refused with a place and a reason, never a panic, and
//! what was read can be written and read again.

use serde_json::Value;

use crate::desired::Desired;
use crate::rule::Rules;

/// Reads bytes as a list of rules.
///
/// # Panics
/// When a law does not hold.
pub fn rules(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    match Rules::parse(&value) {
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a reason");
            assert!(faults.0.iter().all(|it| !it.path.is_empty() && !it.message.is_empty()), "{faults}");
        }
        Ok(rules) => {
            assert!(rules.declared().iter().all(|rule| !rule.to_string().is_empty()));
            let priorities: Vec<i32> = rules.ascending().map(|(_, rule)| rule.priority).collect();
            assert!(priorities.is_sorted() && priorities.len() == rules.declared().len());
            let written = serde_json::to_value(rules.declared()).expect("rules are JSON");
            assert_eq!(Rules::parse(&written).as_ref(), Ok(&rules), "what was written is read");
        }
    }
}

/// Reads bytes as the document of `apply`.
///
/// # Panics
/// When a law does not hold.
pub fn desired(bytes: &[u8]) {
    let Ok(desired) = serde_json::from_slice::<Desired>(bytes) else { return };
    let written = serde_json::to_value(&desired).expect("a document is JSON");
    let again: Desired = serde_json::from_value(written.clone()).expect("what was written is read");
    assert_eq!(serde_json::to_value(&again).expect("a document is JSON"), written);
    assert!(!format!("{desired:?}").is_empty());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    const RULES: &str = r#"[
        {"priority": 10, "name": "EU premium", "when": {"all": [
            {"field": "tag.tier", "op": "eq", "value": "premium"},
            {"any": [{"field": "tag.region", "op": "in", "value": ["eu", "uk"]}, {"field": "header.x-region", "op": "starts_with", "value": "eu-"}]}]},
         "use": {"policy": "pol_00000000000000000000"}},
        {"priority": -1, "when": {"not": {"field": "complexity", "op": "gte", "value": 0.7}}, "use": {"strategy": {"type": "single", "model": "acme/large"}}},
        {"priority": 3, "when": {"field": "user", "op": "matches", "value": "^a+$"}, "use": {"strategy": {"type": "intelligent", "axis": "cost"}}},
        {"priority": 4, "when": {"field": "metadata.plan", "op": "not_exists"}, "use": {"strategy": {"type": "blend", "blend": "bld_00000000000000000000"}}}
    ]"#;
    const DESIRED: &str = r#"{
        "scorecards": [{"name": "judge", "version": "1", "metric": "accuracy", "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0},
            "source": {"kind": "eval"}, "scores": [{"model": "acme/large", "score": 0.5, "n": 10, "interval": {"low": 0.4, "high": 0.6}}]}],
        "blends": [{"name": "ours", "weights": [{"benchmark": "judge", "weight": 1.0, "missing": "zero"}], "rank_by": "lcb", "z": 1.0}]
    }"#;
    const PIECES: [&str; 28] = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "0",
        "-1",
        "0.5",
        "1e308",
        "-0.0",
        "99999999999",
        "\"eq\"",
        "\"matches\"",
        "\"(\"",
        "\"not\"",
        "\"all\"",
        "\"any\"",
        "\"tag.\"",
        "\"model\"",
        "\"exists\"",
        "\"zero\"",
        "\"é\"",
        "\\u0000",
        " ",
    ];

    /// A document with a few pieces of it replaced.
    fn mutated(document: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let change = (any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES.to_vec()));
        prop::collection::vec(change, 0..4).prop_map(move |changes| {
            let mut bytes = document.as_bytes().to_vec();
            for (place, length, piece) in changes {
                let start = place.index(bytes.len());
                let end = (start + length).min(bytes.len());
                bytes.splice(start..end, piece.bytes());
            }
            bytes
        })
    }

    #[test]
    fn the_documents_are_sound() {
        assert_eq!(
            serde_json::from_str(RULES).map(|it| super::Rules::parse(&it).unwrap().declared().len()).unwrap(),
            4
        );
        let desired: super::Desired = serde_json::from_str(DESIRED).unwrap();
        assert_eq!((desired.scorecards.len(), desired.blends.len()), (1, 1));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::rules(&bytes);
            super::desired(&bytes);
        }

        #[test]
        fn mutated_rules_are_read_or_refused(bytes in mutated(RULES)) {
            super::rules(&bytes);
        }

        #[test]
        fn mutated_documents_are_read_or_refused(bytes in mutated(DESIRED)) {
            super::desired(&bytes);
        }
    }
}
