//! Every golden input against every dialect, as snapshots: the body and what was lost on the way.
//!
//! The inputs are ours, in `tests/golden/DIALECT/{requests,answers,streams}`; a snapshot is named after its input and the
//! dialect that it goes to.

use std::fmt::Write;

use dialect::Dialect;
use dialect::canonical::Loss;

use crate::cases::{self, Case};

#[test]
fn requests_say_the_same_in_every_dialect() {
    check("requests", |case, upstream| match cases::request(case) {
        Ok(request) => match request.encode_for(upstream, cases::native_model(upstream)) {
            Ok(encoded) => shown(&encoded.body, &encoded.loss),
            Err(refusal) => format!("refused: {refusal}\n"),
        },
        Err(refusal) => format!("refused: {refusal}\n"),
    });
}

#[test]
fn answers_say_the_same_in_every_dialect() {
    check("answers", |case, caller| match cases::answer(case, caller) {
        Ok((answer, loss, body)) => {
            let (model, usage) = (answer.served_model(), answer.usage());
            format!("{model:?}\n{usage:?}\n{}", shown(&body, &loss))
        }
        Err(fault) => format!("refused: {fault}\n"),
    });
}

#[test]
fn streams_say_the_same_in_every_dialect() {
    check("streams", |case, caller| {
        let streamed = cases::stream(case.dialect, caller, [&*case.bytes]);
        let ending = streamed.fault.map_or_else(|| "complete".to_owned(), |fault| fault.to_string());
        format!("{ending}\n{}\n\n{}", streamed.facts, String::from_utf8_lossy(&streamed.out))
    });
}

fn check(kind: &str, run: impl Fn(&Case, Dialect) -> String) {
    for case in cases::cases(kind) {
        for target in Dialect::ALL {
            let found = run(&case, target);
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(format!("snapshots/{}/{kind}", case.dialect.as_str()));
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            let name = format!("{}.to_{}", case.name, target.as_str());
            settings.bind(|| insta::assert_snapshot!(name, found));
        }
    }
}

/// The loss, a line each, and the body: indented, for that is how it is read.
fn shown(body: &[u8], loss: &Loss) -> String {
    let mut text = String::new();
    for lost in loss.iter() {
        writeln!(text, "lost {}: {}", lost.path, lost.reason).expect("a string");
    }
    let body: serde_json::Value = serde_json::from_slice(body).expect("a body is JSON");
    text + &serde_json::to_string_pretty(&body).expect("JSON")
}
