//! The sealing key of a running server is changed, and what is kept outlives it.

use serde_json::Value;

use crate::server::{Scratch, Server, run, text};

const ASK: &str = r#"{"model":"auto","messages":[{"role":"user","content":"What is the capital of France?"}]}"#;

fn seal(scratch: &Scratch, command: &str) -> Value {
    let data_dir = scratch.data_dir();
    let output = run(&["seal", command, "--json", "--data-dir", data_dir.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_serves(server: &Server, key: &str) {
    assert_eq!(server.chat(key, ASK).status, 200);
}

#[test]
fn sealing_key_is_rotated_while_requests_are_served() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo"]);
    let key = server.key();
    assert_serves(&server, &key);
    let before = seal(&scratch, "status");
    assert!(before["previous_key"].is_null() && before["can_rotate"] == true, "{before}");

    let after = seal(&scratch, "rotate");
    assert_eq!(after["previous_key"], before["current_key"]);
    assert_eq!((&after["sealed_with_others"], &after["rotating"]), (&Value::from(0), &Value::from(false)));
    assert_eq!(seal(&scratch, "status"), after);
    assert_serves(&server, &key);

    server.stop();
    std::fs::remove_file(scratch.data_dir().join("sealing.previous.key")).unwrap();
    let server = scratch.start(&["--demo"]);
    assert_serves(&server, &key);
    assert_eq!(seal(&scratch, "status")["current_key"], after["current_key"]);
}

#[test]
fn sealing_keys_from_outside_are_used_and_seals_moved_from_the_previous_to_the_current() {
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let mut server = scratch.start(&["--demo"]);
    let key = server.key();
    server.stop();
    elsewhere.start(&["--demo"]).stop();
    let [new, old] = [&elsewhere, &scratch].map(|it| it.data_dir().join("sealing.key").display().to_string());
    let server = scratch.start(&["--demo", "--sealing-key", &new, "--previous-sealing-key", &old]);
    assert_ne!(seal(&scratch, "status")["sealed_with_others"], 0);
    let moved = seal(&scratch, "rotate");
    assert_eq!((&moved["sealed_with_others"], &moved["can_rotate"]), (&Value::from(0), &Value::from(false)));
    assert_serves(&server, &key);
    drop(server);
    assert_serves(&scratch.start(&["--demo", "--sealing-key", &new]), &key);
}
