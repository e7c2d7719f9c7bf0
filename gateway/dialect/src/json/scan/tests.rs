//! The scanner against `serde_json`: what is JSON, how deep, and where its parts lie.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn scan(text: &str, escapes: Escapes) -> Result<Skipped, SyntaxFault> {
    let mut scanner = Scanner::new(text, escapes);
    let skipped = scanner.skip()?;
    scanner.finish()?;
    Ok(skipped)
}

/// What `serde_json` takes for a document. (It refuses lone surrogates, and takes NUL.)
fn serde_accepts(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

#[track_caller]
fn refused(text: &str, kind: SyntaxKind) {
    assert_eq!(scan(text, Escapes::Strict).map_err(|fault| fault.kind).err(), Some(kind), "{text}");
}

#[test]
fn documents_are_judged_as_serde_json_judges_them() {
    let documents = [
        "",
        " ",
        "{}",
        "[]",
        " [ ] ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "01",
        "1.",
        ".5",
        "-",
        "-0",
        "0.10",
        "1e",
        "1e+",
        "1E-7",
        "1e400",
        "+1",
        "tru",
        "true",
        "truex",
        "nulL",
        "\"a",
        "\"a\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\t\"",
        "{} {}",
        "[[1],{\"a\":[{}]}]",
        "\u{feff}{}",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{\"a\":1]",
        "\"é\"",
        "-1.5e3",
    ];
    for text in documents {
        // The value 1e400 overflows serde_json's float; its grammar is sound, and nobody here reads it.
        if text != "1e400" {
            assert_eq!(scan(text, Escapes::Strict).is_ok(), serde_accepts(text), "{text}");
        }
    }
}

#[test]
fn depth_is_limited_everywhere() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(scan(&nested(127), Escapes::Strict).is_ok());
        assert!(serde_accepts(&nested(127)) && !serde_accepts(&nested(128)));
        refused(&nested(128), SyntaxKind::Depth);
        refused(&nested(10_000), SyntaxKind::Depth);
        refused(&open.repeat(1_000_000), SyntaxKind::Depth);
    }
}

#[test]
fn siblings_do_not_add_up_to_depth() {
    assert!(scan(&format!("[{}[]]", "[],".repeat(1000)), Escapes::Strict).is_ok());
}

#[test]
fn nul_and_lone_surrogates_are_refused_of_callers_only() {
    refused(r#""\u0000""#, SyntaxKind::Nul);
    refused("\"\0\"", SyntaxKind::ControlCharacter);
    refused(r#""a\ud83d""#, SyntaxKind::LoneSurrogate);
    refused(r#"["\ude00"]"#, SyntaxKind::LoneSurrogate);
    assert!(scan(r#"["\ud83d", "\ude00", "\u0000"]"#, Escapes::Lenient).is_ok());
}

#[test]
fn faults_say_where() {
    assert_eq!(scan("[1, x]", Escapes::Strict).unwrap_err().to_string(), "expected a value at byte 4");
}

#[test]
fn a_skipped_value_counts_its_text_without_blanks() {
    let mut spaced = TokenEstimator::new();
    spaced.add_text(r#"{"name":"get é","ids":[1,true,null,{}]}"#);
    let skipped = scan("{ \"name\" : \"get \\u00e9\",\n \"ids\": [1, true, null, {} ] }", Escapes::Strict).unwrap();
    assert_eq!(skipped.count, spaced);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[^\0]*".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[^\0]{0,4}", inner, 0..6).prop_map(serde_json::Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn every_document_is_accepted_whole(value in json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let skipped = scan(&text, Escapes::Strict).unwrap();
            prop_assert_eq!(skipped.span, Span { start: 0, end: text.len() });
        }
        let compact = value.to_string();
        let mut plain = TokenEstimator::new();
        if !compact.contains('\\') {
            plain.add_text(&compact);
            prop_assert_eq!(scan(&compact, Escapes::Strict).unwrap().count, plain);
        }
    }

    #[test]
    fn mutated_documents_are_judged_as_serde_json_judges_them(value in json(), at in any::<prop::sample::Index>(), byte in "[\\[\\]{}\",:\\\\0-9a-z \n]") {
        let mut text = value.to_string();
        let at = text.floor_char_boundary(at.index(text.len()));
        let end = text.ceil_char_boundary(at + 1);
        text.replace_range(at..end, &byte);
        // `serde_json` turns numbers into floats and refuses the infinite; we keep them as text.
        if !text.contains('e') {
            prop_assert_eq!(scan(&text, Escapes::Lenient).is_ok() , serde_accepts(&text) || scan(&text, Escapes::Strict).is_err_and(|fault| fault.kind == SyntaxKind::LoneSurrogate));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = scan(&text, Escapes::Strict);
    }
}
