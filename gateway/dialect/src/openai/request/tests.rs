//! Requests: every refusal with its path, the token rule, the scorer's text, and untouched bytes.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::{MinQuality, Money, OutputFormat};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::request::{DataCollection, Extensions, Tag, extensions};

fn decode(body: &str) -> Result<ChatRequest, BadRequest> {
    ChatRequest::decode(Bytes::copy_from_slice(body.as_bytes()))
}

/// A sound request with more members.
fn request_with(members: &str) -> ChatRequest {
    decode(&body_with(members)).unwrap()
}

fn body_with(members: &str) -> String {
    format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"hi"}}]{members}}}"#)
}

#[track_caller]
fn refused(body: &str, param: Option<&str>, code: &str) {
    let fault = decode(body).expect_err(body);
    assert_eq!((fault.param.as_deref(), fault.code), (param, code), "{body}: {fault}");
}

#[track_caller]
fn member_refused(members: &str, param: &str, code: &str) {
    refused(&body_with(members), Some(param), code);
}

#[track_caller]
fn messages_refused(messages: &str, param: &str, code: &str) {
    refused(&format!(r#"{{"messages":{messages}}}"#), Some(param), code);
}

fn encoded(body: &str) -> String {
    String::from_utf8(decode(body).unwrap().encode_for("native-1").to_vec()).unwrap()
}

// === Reading ===

#[test]
fn a_plain_request_is_read() {
    let request = request_with(r#","max_tokens":64,"user":"u-1""#);
    assert_eq!((request.model(), request.stream(), request.n()), (Some("auto"), false, 1));
    assert_eq!(request.features().max_output_tokens, Some(64));
    assert_eq!(request.features().turns, 1);
    assert_eq!(request.member("user"), Some(&b"\"u-1\""[..]));
    assert_eq!(request.member("metadata"), None);
    assert_eq!(request.extensions(), &Extensions::default());
}

#[test]
fn absent_null_and_empty_models_are_none() {
    for model in ["", r#""model":null,"#, r#""model":"","#] {
        let request = decode(&format!(r#"{{{model}"messages":[{{"role":"user","content":"hi"}}]}}"#)).unwrap();
        assert_eq!(request.model(), None, "{model}");
    }
}

#[test]
fn an_escaped_key_or_model_is_the_same() {
    let request = decode(r#"{"mod\u0065l":"a\/b","messages":[{"r\u006fle":"user"}]}"#).unwrap();
    assert_eq!(request.model(), Some("a/b"));
}

#[test]
fn the_newer_output_limit_wins() {
    let request = request_with(r#","max_completion_tokens":5,"max_tokens":9"#);
    assert_eq!(request.features().max_output_tokens, Some(5));
}

#[test]
fn needs_are_found() {
    let body = json!({
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_data": "AAAA"}},
            ]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "stream": true, "temperature": 0.2, "seed": 7, "top_p": null, "logprobs": false, "n": 2,
    });
    let request = decode(&body.to_string()).unwrap();
    let features = request.features();
    assert!(features.has_images && features.has_audio && features.has_files);
    assert!(features.has_tools && features.forces_tool && features.stream);
    assert_eq!(features.output_format, OutputFormat::JsonSchema);
    assert_eq!(features.parameters, ["n", "seed", "temperature"]);
    assert_eq!((features.turns, features.system_bytes), (2, 9));
}

#[test]
fn only_a_demand_forces_a_tool() {
    let forces = |choice: &str| request_with(&format!(r#","tool_choice":{choice}"#)).features().forces_tool;
    for choice in [
        r#""required""#,
        r#"{"type":"function","function":{"name":"f"}}"#,
        r#"{"type":"custom","custom":{"name":"f"}}"#,
    ] {
        assert!(forces(choice), "{choice}");
    }
    assert!(forces(r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}"#));
    for choice in [
        r#""auto""#,
        r#""none""#,
        "null",
        r#"{"type":"auto"}"#,
        r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto"}}"#,
    ] {
        assert!(!forces(choice), "{choice}");
    }
}

#[test]
fn tokens_are_estimated_by_the_one_rule() {
    // 40 ASCII bytes of text and 4 of a name, 2 CJK characters, 4 other bytes, one image, two messages.
    let text = format!("{}你好éé", "a".repeat(39));
    let body = json!({"messages": [
        {"role": "system", "name": "root", "content": text},
        {"role": "user", "content": [{"type": "text", "text": "\n"}, {"type": "image_url", "image_url": {"url": "x"}}]},
    ]});
    assert_eq!(decode(&body.to_string()).unwrap().features().input_tokens, 11 + 2 + 2 + 1000 + 8);
}

#[test]
fn tool_schemas_count_without_their_blanks() {
    let tools = r#"[{"type":"function","function":{"name":"lookup","parameters":{"type":"object"}}}]"#;
    let tokens = |tools: &str| request_with(&format!(r#","tools":{tools}"#)).features().input_tokens;
    let without = request_with("").features().input_tokens;
    assert_eq!(tokens(tools), without - 1 + (2 + tools.len() as u64 - 2).div_ceil(4));
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(tools).unwrap()).unwrap();
    assert_eq!(tokens(&pretty), tokens(tools));
}

#[test]
fn extensions_are_read() {
    let request = request_with(
        r#","routing":{"instructions":"cheap","max_cost_usd":0.01,"min_quality":0.9},"tags":[{"key":"tier","value":"gold"}],
        "project_id":"prj_1","routing_policy_id":"pol_1","models":["a/b","c"],
        "provider":{"only":["acme"],"ignore":["other"],"data_collection":"deny","zdr":true},"include_routing_metadata":false"#,
    );
    let extensions = request.extensions();
    assert_eq!(extensions.routing.instructions.as_deref(), Some("cheap"));
    assert_eq!(extensions.routing.max_cost_usd, Some(Money::parse("0.01").unwrap()));
    assert_eq!(extensions.routing.min_quality.map(MinQuality::get), Some(0.9));
    assert_eq!(request.constraints().min_quality, extensions.routing.min_quality);
    assert_eq!(extensions.tags, [Tag { key: "tier".into(), value: "gold".into() }]);
    assert_eq!(
        (extensions.project_id.as_deref(), extensions.routing_policy_id.as_deref()),
        (Some("prj_1"), Some("pol_1"))
    );
    assert_eq!(extensions.models.as_deref(), Some(&["a/b".to_owned(), "c".to_owned()][..]));
    assert_eq!(extensions.provider.only.as_ref().map(|only| only[0].as_str()), Some("acme"));
    assert_eq!(extensions.provider.ignore[0].as_str(), "other");
    assert_eq!((extensions.provider.data_collection, extensions.provider.zdr), (Some(DataCollection::Deny), true));
    assert!(!extensions.include_routing_metadata);
}

#[test]
fn null_extensions_are_absent_ones() {
    let nulls = extensions::NAMES.map(|name| format!(r#","{name}":null"#));
    assert_eq!(request_with(&nulls.concat()).extensions(), &Extensions::default());
}

// === Refusing ===

#[test]
fn what_is_no_json_object_is_refused() {
    for body in ["", "  ", "{", "nonsense", "{'model':1}", "{\"a\":1}}", "{\"messages\":[}"] {
        refused(body, None, "invalid_json");
    }
    for body in ["[]", "null", "\"text\"", "7"] {
        refused(body, None, "invalid_type");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let fault = ChatRequest::decode(Bytes::from_static(b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}"));
    assert_eq!(fault.unwrap_err().code, "invalid_utf8");
    for content in ["\\ud800", "\\u0000", "\u{1}", "\0"] {
        refused(&format!(r#"{{"messages":[{{"role":"user","content":"{content}"}}]}}"#), None, "invalid_character");
    }
    refused(&body_with(r#","metadata":{"a":["\udc00"]}"#), None, "invalid_character");
}

#[test]
fn deep_nesting_is_refused_wherever_it_stands() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for value in [&deep, &deep_object] {
        refused(&body_with(&format!(r#","metadata":{value}"#)), None, "nesting_too_deep");
        refused(&body_with(&format!(r#","tools":[{{"x":{value}}}]"#)), None, "nesting_too_deep");
        refused(
            &body_with(&format!(r#","provider":{{"zdr":true}},"stream_options":{{"x":{value}}}"#)),
            None,
            "nesting_too_deep",
        );
        refused(&format!(r#"{{"messages":[{{"role":"user","x":{value}}}]}}"#), None, "nesting_too_deep");
        refused(
            &format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"x","y":{value}}}]}}]}}"#),
            None,
            "nesting_too_deep",
        );
    }
    refused(&deep, None, "nesting_too_deep");
}

#[test]
fn duplicate_members_are_refused() {
    member_refused(r#","model":"b""#, "model", "duplicate_field");
    member_refused(r#","mode\u006c":"b""#, "model", "duplicate_field");
    member_refused(r#","x":1,"x":2"#, "x", "duplicate_field");
    member_refused(r#","routing":{"min_quality":1,"min_quality":1}"#, "routing.min_quality", "duplicate_field");
    member_refused(r#","provider":{"zdr":true,"zdr":false}"#, "provider.zdr", "duplicate_field");
    member_refused(r#","tags":[{"key":"a","value":"b","key":"c"}]"#, "tags[0].key", "duplicate_field");
    member_refused(
        r#","stream_options":{"include_usage":false,"include_usage":true}"#,
        "stream_options.include_usage",
        "duplicate_field",
    );
    let many = (0..100).map(|index| format!(r#","k{index}":0"#)).collect::<Vec<_>>().concat();
    member_refused(&format!(r#"{many},"k99":0"#), "k99", "duplicate_field");
    member_refused(&format!(r#"{many},"k1":0"#), "k1", "duplicate_field");
}

#[test]
fn wrong_types_are_refused_with_their_path() {
    for (members, param) in [
        (r#","stream":1"#, "stream"),
        (r#","stream":"true""#, "stream"),
        (r#","stream_options":[]"#, "stream_options"),
        (r#","stream_options":{"include_usage":"yes"}"#, "stream_options.include_usage"),
        (r#","max_tokens":"5""#, "max_tokens"),
        (r#","n":[1]"#, "n"),
        (r#","tools":{}"#, "tools"),
        (r#","tools":[7]"#, "tools[0]"),
        (r#","tool_choice":7"#, "tool_choice"),
        (r#","response_format":"json""#, "response_format"),
        (r#","response_format":{"type":7}"#, "response_format.type"),
        (r#","routing_policy_id":{"strategy":"single"}"#, "routing_policy_id"),
        (r#","project_id":7"#, "project_id"),
        (r#","models":"a/b""#, "models"),
        (r#","models":["a/b",7]"#, "models[1]"),
        (r#","provider":"acme""#, "provider"),
        (r#","provider":{"only":"acme"}"#, "provider.only"),
        (r#","provider":{"zdr":"yes"}"#, "provider.zdr"),
        (r#","routing":[]"#, "routing"),
        (r#","routing":{"instructions":7}"#, "routing.instructions"),
        (r#","routing":{"max_cost_usd":{}}"#, "routing.max_cost_usd"),
        (r#","routing":{"min_quality":"0.9"}"#, "routing.min_quality"),
        (r#","tags":{"a":"b"}"#, "tags"),
        (r#","tags":[{"key":"a","value":1}]"#, "tags[0].value"),
        (r#","include_routing_metadata":"no""#, "include_routing_metadata"),
    ] {
        member_refused(members, param, "invalid_type");
    }
    refused(r#"{"model":7,"messages":[]}"#, Some("model"), "invalid_type");
}

#[test]
fn wrong_values_are_refused_with_their_path() {
    let long = "é".repeat(2001);
    for (members, param) in [
        (r#","max_tokens":0"#, "max_tokens"),
        (r#","max_tokens":-1"#, "max_tokens"),
        (r#","max_tokens":1.5"#, "max_tokens"),
        (r#","max_tokens":1e3"#, "max_tokens"),
        (r#","max_completion_tokens":99999999999999999999999"#, "max_completion_tokens"),
        (r#","n":0"#, "n"),
        (r#","n":129"#, "n"),
        (r#","models":[]"#, "models"),
        (r#","provider":{"only":["Not A Slug"]}"#, "provider.only[0]"),
        (r#","provider":{"data_collection":"maybe"}"#, "provider.data_collection"),
        (r#","routing":{"max_cost_usd":"cheap"}"#, "routing.max_cost_usd"),
        (r#","routing":{"max_cost_usd":-1}"#, "routing.max_cost_usd"),
        (r#","routing":{"min_quality":1.1}"#, "routing.min_quality"),
        (r#","routing":{"min_quality":0}"#, "routing.min_quality"),
        (&format!(r#","routing":{{"instructions":"{long}"}}"#), "routing.instructions"),
    ] {
        member_refused(members, param, "invalid_value");
    }
    assert!(decode(&body_with(&format!(r#","routing":{{"instructions":"{}"}}"#, "é".repeat(2000)))).is_ok());
}

#[test]
fn misspelt_members_of_our_own_objects_are_refused() {
    member_refused(r#","routing":{"max_cost":1}"#, "routing.max_cost", "unknown_field");
    member_refused(r#","provider":{"zero_data_retention":true}"#, "provider.zero_data_retention", "unknown_field");
    member_refused(r#","tags":[{"key":"a","val":"b"}]"#, "tags[0].val", "unknown_field");
    member_refused(r#","tags":[{"key":"a"}]"#, "tags[0].value", "missing_field");
}

#[test]
fn keys_that_differ_in_case_from_guarded_ones_are_refused() {
    member_refused(r#","Model":"expensive""#, "Model", "unknown_field");
    member_refused(r#","MAX_TOKENS":1"#, "MAX_TOKENS", "unknown_field");
}

#[test]
fn a_policy_inside_a_request_is_refused() {
    for name in extensions::REFUSED {
        member_refused(&format!(r#","{name}":{{"type":"single"}}"#), name, "not_a_request_field");
    }
}

#[test]
fn unsound_messages_are_refused_with_their_path() {
    refused("{}", Some("messages"), "missing_field");
    messages_refused("null", "messages", "invalid_type");
    messages_refused("\"hi\"", "messages", "invalid_type");
    messages_refused("[]", "messages", "invalid_value");
    messages_refused(r#"["hi"]"#, "messages[0]", "invalid_type");
    messages_refused(r#"[{"content":"hi"}]"#, "messages[0].role", "missing_field");
    messages_refused(r#"[{"role":7}]"#, "messages[0].role", "invalid_type");
    messages_refused(
        r#"[{"role":"user"},{"role":"user"},{"role":"user","content":7}]"#,
        "messages[2].content",
        "invalid_type",
    );
    messages_refused(r#"[{"role":"user","content":{"text":"hi"}}]"#, "messages[0].content", "invalid_type");
    messages_refused(r#"[{"role":"user","content":["hi"]}]"#, "messages[0].content[0]", "invalid_type");
    messages_refused(r#"[{"role":"user","content":[{"text":"hi"}]}]"#, "messages[0].content[0].type", "missing_field");
    messages_refused(
        r#"[{"role":"user","content":[{"type":"text","text":7}]}]"#,
        "messages[0].content[0].text",
        "invalid_type",
    );
}

#[test]
fn a_message_says_what_and_how_to_mend_it() {
    let fault = decode(r#"{"messages":[{"role":"user","content":7}]}"#).unwrap_err();
    assert_eq!(fault.to_string(), "`messages[0].content` must be a string, an array of parts or null, not a number");
    let fault = decode(&body_with(r#","routing":{"max_cost":1}"#)).unwrap_err();
    let expected = "`routing.max_cost` is not a field of this object; it takes instructions, max_cost_usd, min_quality";
    assert_eq!(fault.to_string(), expected);
}

// === Sending on ===

#[test]
fn only_the_model_changes() {
    let body = "{ \"messages\" : [{\"role\":\"user\", \"content\":\"\\u00e9\"}],\n \"model\":\"auto\", \"x\": 1.50 }";
    assert_eq!(encoded(body), body.replace("\"auto\"", "\"native-1\""));
}

#[test]
fn an_absent_model_is_added() {
    assert_eq!(encoded(r#"{"messages":[{"role":"user"}]}"#), r#"{"messages":[{"role":"user"}],"model":"native-1"}"#);
}

#[test]
fn our_own_members_do_not_go_on() {
    let body = r#"{"routing":{},"messages":[{"role":"user"}],"tags":[],"project_id":"p","model":"auto","provider":{},"user":"u","models":["a"],"routing_policy_id":"p","include_routing_metadata":true}"#;
    assert_eq!(encoded(body), r#"{"messages":[{"role":"user"}],"model":"native-1","user":"u"}"#);
}

#[test]
fn streams_ask_for_usage() {
    let check = |members: &str, expected: &str| {
        let body = encoded(&body_with(&format!(r#","stream":true{members}"#)));
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["stream_options"].to_string(), expected, "{members}");
        assert_eq!(body.matches("stream_options").count(), 1);
    };
    check("", r#"{"include_usage":true}"#);
    check(r#","stream_options":null"#, r#"{"include_usage":true}"#);
    check(r#","stream_options":{}"#, r#"{"include_usage":true}"#);
    check(r#","stream_options":{"include_usage":null}"#, r#"{"include_usage":true}"#);
    check(r#","stream_options":{"include_usage":false,"x":1}"#, r#"{"include_usage":true,"x":1}"#);
    check(r#","stream_options":{"x":1,"include_usage":true}"#, r#"{"include_usage":true,"x":1}"#);
    assert!(!request_with(r#","stream":true,"stream_options":{"include_usage":false}"#).include_usage());
    assert!(request_with(r#","stream":true,"stream_options":{"include_usage":true}"#).include_usage());
}

#[test]
fn options_without_a_stream_are_the_upstreams_to_judge() {
    let body = body_with(r#","stream_options":{"include_usage":false}"#);
    assert_eq!(encoded(&body), body.replace("\"auto\"", "\"native-1\""));
}

// === The scorer's text ===

fn scorer_text(messages: &Value) -> (String, bool) {
    let input = decode(&json!({"messages": messages}).to_string()).unwrap().scorer_input();
    (input.text, input.truncated)
}

#[test]
fn a_lone_user_turn_is_the_text() {
    assert_eq!(scorer_text(&json!([{"role": "user", "content": "a \"b\"\né"}])), ("a \"b\"\né".into(), false));
}

#[test]
fn the_last_user_turn_is_read_alone() {
    let messages = json!([
        {"role": "system", "content": "S"}, {"role": "user", "content": "U1"}, {"role": "assistant", "content": "A1"},
        {"role": "user", "content": [{"type": "text", "text": "U2"}, {"type": "text", "text": "more"}]},
        {"role": "tool", "content": "result"},
    ]);
    assert_eq!(scorer_text(&messages), ("U2\nmore".into(), false));
}

#[test]
fn the_end_of_the_user_turn_before_is_context() {
    let context = |messages: Value| decode(&json!({"messages": messages}).to_string()).unwrap().scorer_input().context;
    let user = |text: &str| json!({"role": "user", "content": text});
    let other = |role: &str| json!({"role": role, "content": "other"});
    assert_eq!(context(json!([other("system"), user("U1")])), "");
    let turns = [other("system"), user("U0"), user("U1"), other("assistant"), user("U2"), other("tool")];
    assert_eq!(context(json!(turns)), "U1");
    let long = format!("{}{}", "a".repeat(5_000), "z".repeat(512));
    assert_eq!(context(json!([user(&long), other("assistant"), user("U2")])), "z".repeat(512));
}

#[test]
fn a_long_turn_keeps_its_two_ends() {
    let exact = "x".repeat(2048);
    assert_eq!(scorer_text(&json!([{"role": "user", "content": exact}])), (exact, false));
    let long = format!("{}{}{}", "a".repeat(1024), "é".repeat(5_000), "z".repeat(1024));
    let expected = format!("{}\n{}", "a".repeat(1024), "z".repeat(1024));
    assert_eq!(scorer_text(&json!([{"role": "user", "content": long}])), (expected, true));
}

#[test]
fn cuts_fall_on_whole_characters() {
    let (text, truncated) = scorer_text(&json!([{"role": "user", "content": "\u{1F600}\u{1}".repeat(2_000)}]));
    assert!(truncated && text.chars().all(|character| matches!(character, '\u{1F600}' | '\u{1}' | '\n')));
    assert!(text.len() <= 2049);
}

#[test]
fn of_many_parts_the_first_and_the_last_are_kept() {
    let parts: Vec<_> = (0..10).map(|index| json!({"type": "text", "text": index.to_string()})).collect();
    assert_eq!(scorer_text(&json!([{"role": "user", "content": parts}])), ("0\n1\n8\n9".into(), true));
}

#[test]
fn without_a_user_turn_something_is_read_still() {
    assert_eq!(scorer_text(&json!([{"role": "system", "content": "S"}])), ("S".into(), false));
    assert_eq!(scorer_text(&json!([{"role": "assistant", "content": "A"}])), ("A".into(), false));
    assert_eq!(scorer_text(&json!([{"role": "user", "content": null}])), (String::new(), false));
}

// === Laws ===

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,4}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn untouched_members_go_on_byte_for_byte(
        others in prop::collection::btree_map("x_[a-z\"\\\\é]{1,6}", json_value(), 0..8),
        own in prop::sample::subsequence(extensions::NAMES.to_vec(), 0..4),
        at in any::<prop::sample::Index>(),
        blank in "[ \n\t]{0,2}",
        pretty in any::<bool>(),
    ) {
        let write = |value: &Value| if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() };
        let mut members: Vec<_> = others.iter().map(|(key, value)| format!("{}{blank}:{}", Value::from(key.as_str()), write(value))).collect();
        let kept = members.clone();
        for member in own.iter().map(|name| format!("\"{name}\":null")).chain([r#""messages":[{"role":"user"}]"#.into(), r#""model":"a""#.into()]) {
            members.insert(at.index(members.len() + 1), member);
        }
        let out = encoded(&format!("{{{blank}{}{blank}}}", members.join(&format!("{blank},{blank}"))));
        for member in &kept {
            prop_assert!(out.contains(member.as_str()), "{member} in {out}");
        }
        let value: Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(&value["model"], "native-1");
        prop_assert_eq!(value.as_object().unwrap().len(), others.len() + 2);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read(data in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::request(&data);
    }

    #[test]
    fn arbitrary_requests_keep_their_laws(messages in json_value(), key in "[a-z_]{1,9}", value in json_value(), stream in any::<bool>()) {
        let mut body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "x": messages}]});
        body[key] = value;
        crate::fuzz::request(body.to_string().as_bytes());
    }

    #[test]
    fn damaged_requests_keep_their_laws(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = body_with(r#","stream":true,"stream_options":{"x":1},"tags":[{"key":"a","value":"b"}],"tools":[{}],"n":1"#).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        crate::fuzz::request(&body);
    }
}
