//! What an operator sees of an API key.

use serde_json::Value;

use crate::server::{Scratch, run, text};

const ASK: &str = r#"{"model":"auto","messages":[{"role":"user","content":"What is the capital of France?"}]}"#;

fn shown(scratch: &Scratch) -> Value {
    let data_dir = scratch.data_dir();
    let output = run(&["keys", "show", "default", "--json", "--data-dir", data_dir.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_key_shows_when_it_was_last_used_and_what_it_consumed() {
    let scratch = Scratch::new();
    let server = scratch.start(&["--demo"]);
    let before = shown(&scratch);
    assert!(before["last_used_at"].is_null() && before["usage"]["requests"] == 0, "{before}");
    assert_eq!(server.chat(&server.key(), ASK).status, 200);
    // The row is written before the answer ends and drained into the database right after it.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while shown(&scratch)["usage"]["requests"] != 1 {
        assert!(std::time::Instant::now() < until, "{}", shown(&scratch));
    }
    let after = shown(&scratch);
    assert!(after["last_used_at"].as_str().is_some_and(|at| at.starts_with("20")), "{after}");
    assert!(after["usage"]["prompt_tokens"].as_u64() > Some(0), "{after}");
}
