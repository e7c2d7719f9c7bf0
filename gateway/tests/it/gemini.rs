//! What clients of Gemini alone do: paths without `models/`.

use serde_json::{Value, json};

use crate::stack::{KEY, TestStack};
use crate::upstream::Upstream;
use crate::wire::{Response, post_with};

const HELLO: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}"#;

fn ask(stack: &TestStack, path: &str, body: &str) -> Response {
    stack.send(&post_with(path, &format!("x-goog-api-key: {KEY}\r\ncontent-type: application/json\r\n"), body))
}

#[test]
fn a_model_is_asked_by_its_bare_name() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    for path in ["/v1beta/p0/small", "/v1beta/p0%2Fsmall", "/v1/p0/small", "/v1beta/models/p0%2Fsmall"] {
        let answer = ask(&stack, &format!("{path}:generateContent"), HELLO);
        assert_eq!(
            (answer.status, &answer.json()["modelVersion"]),
            (200, &json!("p0/small")),
            "{path} {}",
            answer.body
        );
        assert!(ask(&stack, &format!("{path}:countTokens"), HELLO).json()["totalTokens"].as_u64() > Some(0));
    }
    let sent: Value = serde_json::from_str(&upstream.last_body()).unwrap();
    assert_eq!(sent["model"], "native-small");
}

#[test]
fn what_is_no_model_of_ours_is_refused_as_google_refuses() {
    let stack = TestStack::over(&[Upstream::nobody()]);
    for path in ["/v1beta/tunedModels/p0/small:generateContent", "/v1beta/p0/none:generateContent"] {
        let refused = ask(&stack, path, HELLO);
        assert_eq!((refused.status, &refused.json()["error"]["status"]), (404, &json!("NOT_FOUND")), "{path}");
    }
}
