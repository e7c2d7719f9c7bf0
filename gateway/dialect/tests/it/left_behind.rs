//! What a translation leaves behind takes along what makes no sense without it, and what is left is said.

use bytes::Bytes;
use dialect::{Dialect, Request, Target};
use serde_json::{Value, json};

/// What goes to an upstream, and the paths of what was lost.
fn sent(caller: Dialect, body: &Value, upstream: Dialect) -> (Value, Vec<String>) {
    sent_to(caller, body, upstream, "native")
}

fn sent_to(caller: Dialect, body: &Value, upstream: Dialect, model: &str) -> (Value, Vec<String>) {
    let request = Request::decode(caller, Bytes::from(body.to_string()), Target::default()).expect("a sound request");
    let encoded = request.encode_for(upstream, model).expect("something to say");
    let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).expect("JSON"), lost)
}

fn anthropic(tools: &[&Value], choice: &Value) -> Value {
    json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": tools,
        "tool_choice": choice})
}

#[test]
fn no_choice_of_tools_is_sent_without_them() {
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let named = json!({"type": "tool", "name": "web_search"});
    for upstream in [Dialect::Openai, Dialect::OpenaiResponses, Dialect::Gemini] {
        for choice in [&named, &json!({"type": "any"})] {
            let (body, lost) = sent(Dialect::Anthropic, &anthropic(&[&search], choice), upstream);
            assert!(body.get("tool_choice").is_none() && body.get("toolConfig").is_none(), "{body}");
            assert!(lost.iter().any(|path| path == "tool_choice"), "{lost:?}");
        }
    }
    let function = json!({"name": "f", "input_schema": {"type": "object"}});
    let (body, lost) = sent(Dialect::Anthropic, &anthropic(&[&search, &function], &named), Dialect::Openai);
    assert_eq!((&body["tools"][0]["function"]["name"], body.get("tool_choice")), (&json!("f"), None));
    assert!(lost.iter().any(|path| path == "tool_choice"), "{lost:?}");
}

#[test]
fn a_choice_among_tools_keeps_those_that_are_sent() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]);
    let named = |names: &[&str]| -> Value {
        let tools: Vec<_> = names.iter().map(|name| json!({"type": "function", "name": name})).collect();
        json!({"type": "allowed_tools", "mode": "required", "tools": tools})
    };
    let body = |names: &[&str]| json!({"model": "m", "input": "hi", "tools": tools, "tool_choice": named(names)});
    let (both, lost) = sent(Dialect::OpenaiResponses, &body(&["f", "g"]), Dialect::Openai);
    let kept = both["tool_choice"]["allowed_tools"]["tools"].as_array().expect("a choice");
    assert_eq!((kept.len(), &kept[0]["function"]["name"]), (1, &json!("f")));
    assert!(lost.iter().any(|path| path == "tool_choice"), "{lost:?}");
    let (none, _) = sent(Dialect::OpenaiResponses, &body(&["g"]), Dialect::Openai);
    assert_eq!(none.get("tool_choice"), None);
    let (all, lost) = sent(Dialect::OpenaiResponses, &body(&["f"]), Dialect::Openai);
    assert!(all.get("tool_choice").is_some() && !lost.iter().any(|path| path == "tool_choice"), "{all}");
}

#[test]
fn hints_for_caches_are_lost_aloud_and_the_caller_s_user_is_kept() {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "prompt_cache_key": "k",
        "safety_identifier": "u"});
    let (body, lost) = sent(Dialect::Openai, &chat, Dialect::Anthropic);
    assert_eq!((lost, &body["metadata"]["user_id"]), (vec!["prompt_cache_key".to_owned()], &json!("u")));
    let (_, lost) = sent(Dialect::Openai, &chat, Dialect::Gemini);
    assert!(lost.iter().any(|path| path == "safety_identifier"), "{lost:?}");
    let responses = json!({"model": "m", "input": "hi", "prompt_cache_key": "k", "prompt_cache_retention": "24h"});
    let (_, lost) = sent(Dialect::OpenaiResponses, &responses, Dialect::Gemini);
    let both = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "user": "u",
        "safety_identifier": "s"});
    let (body, two) = sent(Dialect::Openai, &both, Dialect::Anthropic);
    assert_eq!((two, &body["metadata"]["user_id"]), (vec!["safety_identifier".to_owned()], &json!("u")));
    assert!(
        ["prompt_cache_key", "prompt_cache_retention"].iter().all(|it| lost.iter().any(|path| path == it)),
        "{lost:?}"
    );
}

/// The members about caches and users that chat and Responses name alike.
fn hints() -> Value {
    json!({"prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"ttl": "30m"},
        "safety_identifier": "s", "user": "u", "service_tier": "fast"})
}

fn with_hints(mut body: Value) -> Value {
    let hints = hints();
    body.as_object_mut().expect("an object").extend(hints.as_object().expect("an object").clone());
    body
}

#[test]
fn hints_for_caches_and_users_go_between_chat_and_responses() {
    let chat = with_hints(json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}));
    let responses = with_hints(json!({"model": "m", "input": "hi"}));
    for (caller, body, upstream) in
        [(Dialect::Openai, chat, Dialect::OpenaiResponses), (Dialect::OpenaiResponses, responses, Dialect::Openai)]
    {
        for model in ["gpt-5-mini", "openai/o4-mini"] {
            let (sent, lost) = sent_to(caller, &body, upstream, model);
            assert_eq!(lost, [""; 0], "{model}");
            for (name, value) in hints().as_object().expect("an object") {
                assert_eq!(sent.get(name), Some(value), "{model} is not told {name}");
            }
        }
    }
}

#[test]
fn servers_that_may_refuse_a_hint_are_not_told_it() {
    let body = with_hints(json!({"model": "m", "input": "hi"}));
    let hints = ["prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"];
    for model in ["mistral-large", "openai/gpt-oss-120b"] {
        let (sent, lost) = sent_to(Dialect::OpenaiResponses, &body, Dialect::Openai, model);
        assert_eq!((&sent["user"], lost), (&json!("u"), hints.map(str::to_owned).to_vec()), "{model}");
        assert!(hints.iter().all(|name| sent.get(*name).is_none()), "{sent}");
    }
    let alone = json!({"model": "m", "input": "hi", "safety_identifier": "s"});
    let (sent, lost) = sent_to(Dialect::OpenaiResponses, &alone, Dialect::Openai, "mistral-large");
    assert_eq!((&sent["user"], sent.get("safety_identifier"), lost), (&json!("s"), None, vec![]));
}

#[test]
fn a_user_that_is_too_long_for_the_vendor_is_a_digest_there_and_stays_elsewhere() {
    let user = format!(r#"{{"device_id":"{}","session_id":"1f0c"}}"#, "d".repeat(64));
    let body = json!({"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"user_id": user}});
    let [chat, responses] = [Dialect::Openai, Dialect::OpenaiResponses].map(|it| sent(Dialect::Anthropic, &body, it));
    assert_eq!(chat.0["user"].as_str().map(str::len), Some(64));
    assert_eq!(chat.0["user"], responses.0["user"]);
    for lost in [chat.1, responses.1] {
        assert_eq!(lost, ["metadata.user_id"]);
    }
    let (same, lost) = sent(Dialect::Anthropic, &body, Dialect::Anthropic);
    assert_eq!((same["metadata"]["user_id"].as_str(), lost.len()), (Some(user.as_str()), 0));
}

#[test]
fn names_of_calls_are_as_short_as_the_vendor_takes_and_still_those_of_their_results() {
    let id = "x".repeat(300);
    let body = json!({"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "1"}]}]});
    let (chat, lost) = sent(Dialect::Anthropic, &body, Dialect::Openai);
    let called = &chat["messages"][1]["tool_calls"][0]["id"];
    assert_eq!((called.as_str().map(str::len), lost.len()), (Some(40), 0));
    assert_eq!(chat["messages"][2]["tool_call_id"], *called);
    let (responses, _) = sent(Dialect::Anthropic, &body, Dialect::OpenaiResponses);
    let called = &responses["input"][1]["call_id"];
    assert_eq!(called.as_str().map(str::len), Some(64));
    assert_eq!(responses["input"][2]["call_id"], *called);
}

#[test]
fn a_request_of_which_nothing_is_left_is_refused_by_name() {
    for (caller, path, body) in [
        (
            Dialect::Openai,
            "messages",
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "odd"}]}]}),
        ),
        (Dialect::OpenaiResponses, "input", json!({"model": "m", "input": [{"type": "item_reference", "id": "x"}]})),
    ] {
        let request = Request::decode(caller, Bytes::from(body.to_string()), Target::default()).expect("read");
        let bad = request.encode_for(Dialect::Anthropic, "native").expect_err("nothing to say");
        assert_eq!((bad.param.as_deref(), bad.code), (Some(path), "invalid_value"));
    }
}

/// Every result of a call in turns of Anthropic, and every call: their ids.
fn calls_and_results(body: &Value) -> (Vec<String>, Vec<String>) {
    let blocks = body["messages"].as_array().expect("turns").iter();
    let blocks: Vec<&Value> = blocks.flat_map(|turn| turn["content"].as_array().expect("blocks")).collect();
    let ids = |name: &str| blocks.iter().filter_map(|block| block[name].as_str()).map(str::to_owned).collect();
    (ids("id"), ids("tool_use_id"))
}

#[test]
fn calls_of_the_time_before_tools_are_carried_with_their_results() {
    let call = |name: &str| json!({"role": "assistant", "content": null, "function_call": {"name": name, "arguments": "{\"a\":1}"}});
    let result = |name: &str| json!({"role": "function", "name": name, "content": "r"});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}, call("f"), result("f"), call("f"),
        call("g"), result("g"), result("f"), result("h")]});
    let (sent_on, lost) = sent(Dialect::Openai, &body, Dialect::Anthropic);
    let (calls, results) = calls_and_results(&sent_on);
    assert_eq!((results.len(), lost), (3, vec!["messages[7]".to_owned()]), "{sent_on}");
    assert_eq!([&results[0], &results[1], &results[2]], [&calls[0], &calls[2], &calls[1]]);
    assert_eq!(sent_on["messages"][1]["content"][0]["input"], json!({"a": 1}));
    for upstream in [Dialect::OpenaiResponses, Dialect::Gemini] {
        assert_eq!(sent(Dialect::Openai, &body, upstream).1, ["messages[7]"], "{upstream:?}");
    }
}

#[test]
fn a_call_that_is_left_behind_takes_its_result_along() {
    let custom = json!({"id": "c", "type": "custom", "custom": {"name": "k", "input": "raw"}});
    let function = json!({"id": "d", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "r"});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [custom, function]}, result("c"), result("d")]});
    let (sent_on, lost) = sent(Dialect::Openai, &body, Dialect::Anthropic);
    assert_eq!(calls_and_results(&sent_on), (vec!["d".to_owned()], vec!["d".to_owned()]));
    assert_eq!(lost, ["messages[1].tool_calls[0].custom", "messages[2]"]);
}
