//! The decision record's JSON, as the command line prints it and the ledger keeps it.

use domain::{Axis, CapabilityTag, Decision, RequestId, Route, Strategy};
use policy::Scoring;
use serde_json::json;

use crate::support::{World, capable, decided, facts, listed, model, score};

#[test]
fn decision_record_has_the_documented_shape() {
    let small_context = model(&json!({"id": "acme/vision", "capability": 0.6, "context_length": 100}));
    let mut world = World::of([capable("acme/small", 0.3), capable("acme/large", 0.9), small_context]);
    let strategy = Strategy::Intelligent { axis: Axis::Performance };
    let policy = world.policy("support", listed(&["acme/small", "acme/vision", "acme/large"]), strategy);
    let facts = facts(&json!({"features": {"input_tokens": 220, "stream": true}, "requested_model": "auto"}));
    let mut score = score(0.52);
    score.capabilities = vec![(CapabilityTag::Code, 0.91), (CapabilityTag::Chat, 0.02)];
    let seed = RequestId::from_parts(1_700_000_000_000, 7);
    let decision = decided(world.ask(&Route::Policy(policy), &facts, Scoring::Known(&score), seed));

    let json = serde_json::to_string_pretty(&decision).unwrap();
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}
