//! Proofs of thoughts in chunks of chat: clients put lists together by the `index` of their entries.

use bytes::BytesMut;
use dialect::Dialect;
use serde_json::{Value, json};

use crate::cases;

fn translated(events: &[Value]) -> Vec<Value> {
    let mut translator = cases::translator(Dialect::Anthropic, Dialect::Openai, "msg_1");
    let mut out = BytesMut::new();
    for event in events {
        translator.push(format!("data: {event}\n\n").as_bytes(), &mut out).expect("a sound event");
    }
    let text = String::from_utf8(out.to_vec()).expect("text");
    text.lines().filter_map(|it| serde_json::from_str(it.strip_prefix("data: ")?).ok()).collect()
}

#[test]
fn every_proof_has_its_place_in_the_list_and_pieces_of_one_share_it() {
    let begin = |block: &Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let more = |delta: &Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let thinks = |text: &str| more(&json!({"type": "thinking_delta", "thinking": text}));
    let proves = |text: &str| more(&json!({"type": "signature_delta", "signature": text}));
    let withheld = json!({"type": "redacted_thinking", "data": "w"});
    let events = [thinks("a"), proves("s1"), proves("s2"), begin(&withheld), thinks("b"), proves("t")];
    let chunks = translated(&events);
    let details = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["reasoning_details"][0]);
    let details: Vec<_> = details.filter(|detail| detail.is_object()).map(|it| (&it["index"], &it["type"])).collect();
    let [text, encrypted] = [json!("reasoning.text"), json!("reasoning.encrypted")];
    let places = [json!(0), json!(0), json!(1), json!(2)];
    let expected: Vec<_> = places.iter().zip([&text, &text, &encrypted, &text]).collect();
    assert_eq!(details, expected);
}
