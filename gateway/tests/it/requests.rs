//! One good request: what goes to the provider, what comes back, who is let in, and where it may go.

use domain::{Money, Outcome};
use serde_json::{Value, json};

use crate::stack::{
    ADMIN, EXPIRED, KEY, NARROW, REVOKED, Setup, TestStack, UNKNOWN, ask, ask_for_stream, own_key, own_secret,
    policy_id, router_id, summary, upstream_secret,
};
use crate::upstream::{ANSWER, Act, Upstream, good_stream, whole};
use crate::wire::{get, post, post_with};

/// A stack over one good upstream.
fn good() -> (TestStack, Upstream) {
    let upstream = Upstream::good();
    (TestStack::over(&[upstream.address]), upstream)
}

fn chat_path() -> &'static str {
    "/v1/chat/completions"
}

// === The answer ===

#[test]
fn answer_has_the_vendors_shape_and_says_how_it_was_routed() {
    let (stack, _upstream) = good();
    let answer = stack.chat(&ask(""));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let mut body = answer.json();
    let mut routing = body.as_object_mut().unwrap().remove("routing").unwrap();
    let mut vendors: Value = serde_json::from_str(ANSWER).unwrap();
    vendors["model"] = json!("p0/small");
    assert_eq!(body, vendors);

    let latency = routing.as_object_mut().unwrap().remove("latency_ms").unwrap();
    assert!(latency["total"].as_f64() >= latency["upstream"].as_f64() && latency["upstream"].as_f64() > Some(0.0));
    assert!(latency["decision"].is_number());
    let reason = routing.as_object_mut().unwrap().remove("reason").unwrap();
    assert!(reason.as_str().is_some_and(|reason| reason.contains("main")), "{reason}");
    let attempts = routing.as_object_mut().unwrap().remove("attempts").unwrap();
    assert_eq!((&attempts[0]["model"], &attempts[0]["outcome"]), (&json!("p0/small"), &json!("ok")));
    let told: Vec<_> = attempts[0].as_object().unwrap().keys().collect();
    assert_eq!(told, ["millis", "model", "outcome"], "the secret's id and the like stay here");
    let expected = json!({
        "requested_model": "auto", "selected_model": "p0/small", "policy_id": policy_id().to_string(),
        "rule": null, "strategy": "priority", "complexity": null, "capabilities": {}, "scorer_version": null, "truncated": null,
        "degraded": null, "cost_usd": "0.00003", "saved_usd": "0",
    });
    assert_eq!(routing, expected);
}

#[test]
fn headers_name_request_model_policy_reason_and_overhead() {
    let (stack, _upstream) = good();
    let answer = stack.chat(&ask(""));
    let id = stack.record().finished.started.id.to_string();
    assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
    assert_eq!(answer.header("x-routing-model"), Some("p0/small"));
    assert_eq!(answer.header("x-routing-policy"), Some("main"));
    assert_eq!(answer.header("x-routing-reason"), answer.json()["routing"]["reason"].as_str());
    assert_eq!(answer.header("x-routing-degraded"), None);
    let overhead: f64 = answer.header("x-overhead-ms").unwrap().parse().unwrap();
    assert!((0.0..1_000.0).contains(&overhead), "{overhead}");
}

#[test]
fn one_row_tells_what_was_asked_served_and_paid() {
    let (stack, _upstream) = good();
    stack.chat(&ask(""));
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
    let finished = record.finished;
    assert_eq!(finished.started.requested_model.as_deref(), Some("auto"));
    assert_eq!(finished.model.unwrap().as_str(), "p0/small");
    assert_eq!(finished.served_model.as_deref(), Some("native-small"));
    assert_eq!(finished.policy, Some(policy_id()));
    let usage = finished.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (10, 5, false));
    assert_eq!(finished.cost, Some(Money::from_pico(30_000_000)));
    assert!(finished.total_micros > 0 && finished.upstream_micros.is_some() && finished.decision_micros.is_some());
}

#[test]
fn usage_that_the_provider_leaves_out_is_estimated() {
    let mut answer: Value = serde_json::from_str(ANSWER).unwrap();
    answer.as_object_mut().unwrap().remove("usage");
    let upstream = Upstream::answering(whole("200 OK", "", &answer.to_string()));
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.chat(&ask("")).status, 200);
    let finished = stack.record().finished;
    let usage = finished.usage.unwrap();
    assert!(usage.estimated && usage.prompt_tokens > 0 && usage.completion_tokens > 0, "{usage:?}");
    assert!(finished.cost.unwrap() > Money::ZERO);
}

#[test]
fn routing_object_is_left_out_on_demand_and_headers_stay() {
    let (stack, upstream) = good();
    let answer = stack.chat(&ask(r#","include_routing_metadata":false"#));
    assert_eq!(answer.json().get("routing"), None);
    assert_eq!(answer.header("x-routing-model"), Some("p0/small"));
    assert!(!upstream.last_body().contains("include_routing_metadata"));
}

#[test]
fn the_other_name_of_the_object_comes_with_the_other_name_of_auto() {
    let (stack, _upstream) = good();
    let body = stack.chat(&ask("").replace("\"auto\"", "\"dari/routing\"")).json();
    assert_eq!(body["routing"], body["dari_routing"]);
    assert_eq!(body["routing"]["requested_model"], "dari/routing");
    assert_eq!(stack.chat(&ask("")).json().get("dari_routing"), None);
}

// === What goes upstream ===

#[test]
fn what_is_not_ours_passes_untouched() {
    let (stack, upstream) = good();
    let theirs = r#""messages" : [ {"role":"user","content":[{"type":"text","text":"caf\u00e9 \ud83d\ude00"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]} ], "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"x":{"type":"number"}}}}}],"tool_choice":"auto","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},"temperature":1e-1,"seed":9007199254740993,"logit_bias":{"50256":-100},"stop":["\n"],"metadata":{"a":"b"},"vendor_field":{"deep":[1,2.50,{"x":null}]}"#;
    let answer = stack.chat(&format!(r#"{{"model":"auto",{theirs}}}"#));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sent = upstream.last_body();
    assert!(sent.contains(theirs), "{sent}");
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap()["model"], "native-small");
}

#[test]
fn our_own_fields_and_the_callers_key_stay_here() {
    let (stack, upstream) = good();
    let own = r#","routing":{"instructions":"be quick","max_cost_usd":"1"},"tags":[{"key":"team","value":"x"}],"models":["p0/small"],"provider":{"ignore":["p9"]},"include_routing_metadata":true"#;
    let headers = format!(
        "authorization: Bearer {KEY}\r\nx-api-key: {KEY}\r\nx-project-id: \r\ncookie: session=1\r\ncontent-type: application/json; charset=utf-8\r\n"
    );
    let answer = stack.send(&post_with(chat_path(), &headers, &ask(own)));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sent: Value = serde_json::from_str(&upstream.last_body()).unwrap();
    let names: Vec<_> = sent.as_object().unwrap().keys().collect();
    assert_eq!(names, ["messages", "model"]);
    let head = upstream.last_request().to_ascii_lowercase();
    assert!(head.contains(&format!("authorization: bearer {}\r\n", upstream_secret(0))), "{head}");
    for secret in [KEY, "x-api-key", "cookie"] {
        assert!(!head.contains(secret), "{head}");
    }
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
}

#[test]
fn connections_upstream_are_used_again() {
    let (stack, upstream) = good();
    for _ in 0..5 {
        assert_eq!(stack.chat(&ask("")).status, 200);
    }
    assert_eq!((upstream.calls(), upstream.connections()), (5, 1));
}

#[test]
fn connection_used_again_after_a_stream_that_ended_well() {
    let upstream = Upstream::acting(good_stream());
    let stack = TestStack::over(&[upstream.address]);
    for _ in 0..3 {
        assert!(stack.chat(&ask_for_stream("")).complete);
    }
    assert_eq!((upstream.calls(), upstream.connections()), (3, 1));
}

// === Where a request goes ===

#[test]
fn a_model_named_in_full_or_bare_is_called_directly() {
    let (first, second) = (Upstream::good(), Upstream::good());
    let stack = TestStack::over(&[first.address, second.address]);
    let direct = stack.chat(&ask("").replace("\"auto\"", "\"p1/small\""));
    assert_eq!((direct.status, &direct.json()["model"]), (200, &json!("p1/small")));
    assert_eq!((first.calls(), second.calls()), (0, 1));
    let ambiguous = stack.chat(&ask("").replace("\"auto\"", "\"small\""));
    ambiguous.assert_error(400, "invalid_request_error", "model_ambiguous");
    assert_eq!(ambiguous.json()["error"]["param"], "model");

    let (alone, _upstream) = good();
    assert_eq!(alone.chat(&ask("").replace("\"auto\"", "\"small\"")).json()["model"], "p0/small");
}

#[test]
fn what_does_not_exist_is_named() {
    let (stack, upstream) = good();
    let check = |body: String, status, kind, code, param: Option<&str>| {
        let answer = stack.chat(&body);
        answer.assert_error(status, kind, code);
        assert_eq!(answer.json()["error"]["param"].as_str(), param, "{}", answer.body);
        assert_eq!(answer.json()["error"]["source"], "gateway");
    };
    let missing = "not_found_error";
    check(ask("").replace("\"auto\"", "\"p0/none\""), 404, missing, "model_not_found", Some("model"));
    check(ask(r#","models":["p0/small","p0/none"]"#), 404, missing, "model_not_found", Some("models[1]"));
    let invalid = "invalid_request_error";
    check(ask("").replace("\"auto\"", "\"@alias/none\""), 400, invalid, "policy_not_found", Some("model"));
    check(ask(r#","routing_policy_id":"pol_none""#), 400, invalid, "policy_not_found", Some("routing_policy_id"));
    check(ask(r#","project_id":"prj_none""#), 404, missing, "project_not_found", Some("project_id"));
    check(ask(r#","strategy":{"type":"split"}"#), 400, invalid, "not_a_request_field", Some("strategy"));
    check(ask(r#","policy":{}"#), 400, invalid, "not_a_request_field", Some("policy"));
    check(ask(r#","routing":{"max_costs":1}"#), 400, invalid, "unknown_field", Some("routing.max_costs"));
    assert_eq!(upstream.calls(), 0);
    assert_eq!(stack.records().len(), 8, "one row per request");
}

#[test]
fn a_policy_is_named_by_alias_id_or_header() {
    let (stack, _upstream) = good();
    let by_alias = stack.chat(&ask("").replace("\"auto\"", "\"@alias/main\""));
    let by_id = stack.chat(&ask(&format!(r#","routing_policy_id":"{}""#, policy_id())));
    let headers = format!("authorization: Bearer {KEY}\r\nx-routing-policy-id: {}\r\n", policy_id());
    let by_header = stack.send(&post_with(chat_path(), &headers, &ask("")));
    for answer in [by_alias, by_id, by_header] {
        assert_eq!(answer.header("x-routing-policy"), Some("main"), "{}", answer.body);
    }
}

#[test]
fn a_router_answers_at_its_own_path() {
    let (stack, _upstream) = good();
    for rest in ["chat/completions", "v1/chat/completions"] {
        let answer = stack.send(&post(&format!("/{}/{rest}", router_id()), KEY, &ask("")));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let unknown = stack.send(&post("/rtr_00000000000000000000/chat/completions", KEY, &ask("")));
    unknown.assert_error(404, "not_found_error", "router_not_found");
}

#[test]
fn a_routers_requests_show_the_keys_that_it_names_and_no_others() {
    let upstream = Upstream::good();
    let stack = TestStack::start(Setup { upstreams: vec![upstream.address], own_secrets: true, ..Setup::default() });
    for _ in 0..3 {
        let answer = stack.send(&post(&format!("/{}/chat/completions", router_id()), KEY, &ask("")));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let head = upstream.last_request().to_ascii_lowercase();
        assert!(head.contains(&format!("authorization: bearer {}\r\n", own_secret(0))), "{head}");
    }
}

#[test]
fn a_key_stays_within_its_models() {
    let (first, second) = (Upstream::good(), Upstream::good());
    let stack = TestStack::over(&[first.address, second.address]);
    let refused = stack.send(&post(chat_path(), NARROW, &ask("").replace("\"auto\"", "\"p1/small\"")));
    refused.assert_error(403, "permission_error", "model_not_allowed");
    assert_eq!(stack.send(&post(chat_path(), NARROW, &ask(""))).json()["model"], "p0/small");
    assert_eq!(second.calls(), 0);
}

#[test]
fn tokens_are_counted_for_models_of_the_key_alone() {
    let stack = TestStack::over(&[Upstream::nobody(), Upstream::nobody()]);
    let count = |key: &str, model: &str| {
        let answer =
            stack.send(&post("/v1/messages/count_tokens", key, &ask("").replace("\"auto\"", &format!("\"{model}\""))));
        (answer.status, answer.json()["error"]["type"].as_str().map(str::to_owned))
    };
    let refused = |status, kind: &str| (status, Some(kind.to_owned()));
    assert_eq!(count(NARROW, "p1/small"), refused(403, "permission_error"));
    assert_eq!(count(NARROW, "p0/none"), refused(404, "not_found_error"));
    assert_eq!(count(KEY, "@alias/none"), refused(400, "invalid_request_error"));
    for (key, model) in [(NARROW, "p0/small"), (NARROW, "auto"), (KEY, "p1/small")] {
        assert_eq!(count(key, model), (200, None), "{model}");
    }
    let gemini = |model: &str| {
        let path = format!("/v1beta/models/{model}:countTokens");
        stack.send(&post(&path, NARROW, r#"{"contents":[{"parts":[{"text":"Paris"}]}]}"#)).status
    };
    assert_eq!([gemini("p0/small"), gemini("p1/small"), gemini("p0/none")], [200, 403, 404]);
}

// === Who is let in ===

#[test]
fn keys_that_open_nothing_are_told_why_and_leave_no_row() {
    let (stack, upstream) = good();
    let mut mistyped = own_key();
    mistyped.pop();
    mistyped.push('!');
    for (key, code) in [
        ("", "missing_api_key"),
        (mistyped.as_str(), "malformed_api_key"),
        ("sk-sb-tooshort", "malformed_api_key"),
        (UNKNOWN, "invalid_api_key"),
        (REVOKED, "revoked_api_key"),
        (EXPIRED, "expired_api_key"),
    ] {
        let answer = stack.send(&post(chat_path(), key, &ask("")));
        answer.assert_error(401, "authentication_error", code);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(key.is_empty() || !answer.body.contains(key), "the key is repeated: {}", answer.body);
    }
    let without = stack.send(&post_with(chat_path(), "content-type: application/json\r\n", &ask("")));
    without.assert_error(401, "authentication_error", "missing_api_key");
    let admin = stack.send(&post(chat_path(), ADMIN, &ask("")));
    admin.assert_error(403, "permission_error", "missing_scope");
    assert_eq!((upstream.calls(), stack.records().len()), (0, 0));
}

#[test]
fn nobody_unknown_has_a_body_read() {
    let (stack, _upstream) = good();
    let mut call = stack.call();
    // The body is announced and never sent.
    call.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {UNKNOWN}\r\ncontent-length: 1000\r\n\r\n"
    ));
    call.answer().assert_error(401, "authentication_error", "invalid_api_key");
}

#[test]
fn keys_are_taken_from_either_header() {
    let (stack, _upstream) = good();
    let own = own_key();
    for headers in [
        format!("authorization: bearer {KEY}\r\n"),
        format!("x-api-key: {KEY}\r\n"),
        format!("authorization: Basic dXNlcjpwYXNz\r\nx-api-key: {KEY}\r\n"),
        format!("authorization: Bearer {own}\r\n"),
    ] {
        assert_eq!(stack.send(&post_with(chat_path(), &headers, &ask(""))).status, 200, "{headers}");
    }
}

// === Lists and health ===

#[test]
fn models_are_listed_filtered_and_found() {
    let (first, second) = (Upstream::nobody(), Upstream::nobody());
    let stack =
        TestStack::start(Setup { upstreams: vec![first, second], context_lengths: vec![8_000], ..Setup::default() });
    let ids = |path: &str, key: &str| {
        let body = stack.send(&get(path, key)).json();
        assert_eq!(body["object"], "list");
        let entries = body["data"].as_array().unwrap();
        entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/v1/models", KEY), ["p0/small", "p1/small"]);
    assert_eq!(ids("/v1/models", NARROW), ["p0/small"]);
    assert_eq!(ids("/v1/models?provider=p1", KEY), ["p1/small"]);
    assert_eq!(ids("/v1/models?q=P0%2Fsm", KEY), ["p0/small"]);
    assert_eq!(ids("/v1/models?output_modalities=text", KEY).len(), 2);
    assert_eq!(ids("/v1/models?output_modalities=image", KEY).len(), 0);

    for path in ["/v1/models/p0/small", "/v1/models/p0%2Fsmall"] {
        let model = stack.send(&get(path, KEY)).json();
        assert_eq!((&model["id"], &model["object"]), (&json!("p0/small"), &json!("model")));
        assert_eq!((&model["owned_by"], &model["context_length"]), (&json!("p0"), &json!(8000)));
        assert_eq!(model["pricing"]["prompt"], "0.000001");
    }
    stack.send(&get("/v1/models/p1/small", NARROW)).assert_error(404, "not_found_error", "model_not_found");
    stack.send(&get("/v1/models", UNKNOWN)).assert_error(401, "authentication_error", "invalid_api_key");
}

#[test]
fn health_needs_no_key_and_readiness_a_configuration() {
    let (ready, _upstream) = good();
    let bare = TestStack::start(Setup { configured: false, ..Setup::default() });
    let status =
        |stack: &TestStack, path: &str| stack.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).status;
    assert_eq!((status(&ready, "/healthz"), status(&ready, "/readyz")), (200, 200));
    assert_eq!((status(&bare, "/healthz"), status(&bare, "/readyz")), (200, 503));
    let refused = bare.chat(&ask(""));
    refused.assert_error(503, "overloaded_error", "not_ready");
    assert_eq!(refused.header("retry-after"), Some("1"));
}

// === The engine is away ===

#[test]
fn a_scored_policy_uses_its_most_capable_model_while_the_engine_is_away() {
    let (weak, strong) = (Upstream::good(), Upstream::good());
    let strategy = domain::Strategy::Intelligent { axis: domain::Axis::Performance };
    let upstreams = vec![weak.address, strong.address];
    let stack = TestStack::start(Setup { upstreams, strategy, ..Setup::default() });
    let answer = stack.chat(&ask(""));
    assert_eq!((answer.status, answer.header("x-routing-degraded")), (200, Some("engine")));
    let body = answer.json();
    assert_eq!((&body["model"], &body["routing"]["degraded"]), (&json!("p1/small"), &json!("engine")));
    assert_eq!(weak.calls(), 0);
    assert_eq!(stack.record().finished.decision.unwrap().degraded, Some(domain::Degradation::Engine));
}

#[test]
fn a_policy_that_needs_no_score_does_not_miss_the_engine() {
    let (stack, _upstream) = good();
    assert_eq!(stack.chat(&ask("")).header("x-routing-degraded"), None);
}

// === HTTP/2 ===

#[test]
fn http2_with_prior_knowledge_is_spoken_too() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let upstream = Upstream::start(vec![vec![Act::Send(whole("200 OK", "", ANSWER))], good_stream()]);
    let stack = TestStack::over(&[upstream.address]);
    let bodies = stack.runtime().block_on(async {
        let stream = tokio::net::TcpStream::connect(stack.address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let mut bodies = Vec::new();
        for body in [ask(""), ask_for_stream("")] {
            let request = http::Request::post(format!("http://{}/v1/chat/completions", stack.address))
                .header("authorization", format!("Bearer {KEY}"))
                .body(Full::<bytes::Bytes>::from(body))
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
            bodies.push(response.into_body().collect().await.unwrap().to_bytes());
        }
        bodies
    });
    assert_eq!(serde_json::from_slice::<Value>(&bodies[0]).unwrap()["model"], "p0/small");
    assert!(bodies[1].ends_with(b"data: [DONE]\n\n"));
    assert_eq!(stack.records().len(), 2);
}

#[test]
fn nothing_of_the_callers_head_goes_to_the_provider() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let mine = "authorization: Bearer CANARY\r\nx-forwarded-for: CANARY\r\nforwarded: for=CANARY\r\nx-real-ip: CANARY\r\n\
                cookie: CANARY\r\nproxy-authorization: CANARY\r\nte: trailers\r\nconnection: keep-alive, x-hop\r\n\
                x-hop: CANARY\r\nx-routing-policy-id: \r\nx-tags: CANARY=1\r\nx-custom: CANARY\r\nuser-agent: CANARY\r\n\
                origin: CANARY\r\nopenai-organization: CANARY\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
                content-type: application/json\r\naccept-encoding: gzip\r\n";
    let headers = mine.replace("Bearer CANARY", &format!("Bearer {KEY}"));
    assert_eq!(stack.send(&post_with("/v1/chat/completions", &headers, &ask(""))).status, 200);
    let sent = upstream.last_request();
    let head = sent.split_once("\r\n\r\n").unwrap().0.to_ascii_lowercase();
    assert!(!head.contains("canary") && !head.contains(KEY), "{head}");
    let mut names: Vec<_> = head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"]
    );
}
