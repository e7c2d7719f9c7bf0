//! The demo provider, driven by the client that drives every other provider.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{OrganisationId, Provider};
use providers::demo::{self, DemoServer};
use providers::{CHAT_COMPLETIONS, Call, ContentKind, Fault, FaultKind, ProviderClient, Upstream, Waits};
use serde_json::{Value, json};

struct Demo {
    _server: DemoServer,
    client: ProviderClient,
    provider: Arc<Provider>,
}

impl Demo {
    async fn start() -> Self {
        let server = DemoServer::start().await.unwrap();
        let spec = demo::provider(server.base_url());
        let provider = Provider {
            headers: std::collections::BTreeMap::new(),
            responses: false,
            slug: spec.slug,
            organisation: OrganisationId::from_random([1; 20]),
            dialect: spec.dialect,
            base_url: spec.base_url,
            auth: spec.auth,
            allow_anonymous: spec.allow_anonymous,
            allow_private_network: spec.allow_private_network,
            zero_data_retention: spec.zero_data_retention,
            collects_data: spec.collects_data,
            timeouts: spec.timeouts,
            query: spec.query,
        };
        Self { _server: server, client: crate::scripted::client(), provider: Arc::new(provider) }
    }

    async fn send(&self, path: &str, body: Bytes, stream: bool) -> Result<Upstream, Fault> {
        let call = Call {
            provider: &self.provider,
            path,
            model: "demo",
            headers: &http::HeaderMap::new(),
            body,
            secret: None,
            stream,
            waits: Waits::default(),
        };
        self.client.send(call).await
    }

    async fn ask(&self, body: Value) -> Result<Value, Fault> {
        let answer = self.send(CHAT_COMPLETIONS, Bytes::from(body.to_string()), false).await?;
        assert_eq!(answer.content_kind(), ContentKind::Json);
        let body = answer.collect(1024 * 1024, Duration::from_secs(5)).await?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    /// The data of all events of a stream, the terminal marker taken off.
    async fn stream(&self, mut body: Value) -> Vec<Value> {
        body["stream"] = json!(true);
        let mut answer = self.send(CHAT_COMPLETIONS, Bytes::from(body.to_string()), true).await.unwrap();
        assert_eq!(answer.content_kind(), ContentKind::EventStream);
        let mut text = String::new();
        let mut reads = 0;
        while let Some(chunk) = answer.next_chunk_within(Duration::from_secs(5)).await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            reads += 1;
        }
        let text = text.strip_suffix("data: [DONE]\n\n").expect("a terminal marker");
        let events: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(&event["data: ".len()..]).unwrap())
            .collect();
        assert!(reads >= events.len() / 2, "{reads} reads for {} events: not token by token", events.len());
        events
    }
}

fn plain(prompt: &str) -> Value {
    json!({"model": "demo-small", "messages": [{"role": "user", "content": prompt}]})
}

#[tokio::test]
async fn models_are_listed() {
    let answer = Demo::start().await.send("/models", Bytes::new(), false).await.unwrap();
    let body = answer.collect(10_000, Duration::from_secs(5)).await.unwrap();
    let list: Value = serde_json::from_slice(&body).unwrap();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["demo-small", "demo-medium", "demo-large"]);
}

#[tokio::test]
async fn an_answer_has_the_shape_of_a_chat_completion() {
    let answer = Demo::start().await.ask(plain("Why is the sky blue?")).await.unwrap();
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("demo-small")));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["role"]), (&json!("stop"), &json!("assistant")));
    assert!(choice["message"]["content"].as_str().unwrap().starts_with("demo/small here: "));
    let (usage, count) = (&answer["usage"], |name: &str| answer["usage"][name].as_u64().unwrap());
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"), "{usage}");
}

#[tokio::test]
async fn a_stream_says_the_same_as_the_document() {
    let demo = Demo::start().await;
    let whole = demo.ask(plain("What is 6 * 7?")).await.unwrap();
    let mut body = plain("What is 6 * 7?");
    body["stream_options"] = json!({"include_usage": true});
    let events = demo.stream(body).await;
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    let (last, before) = (events.last().unwrap(), &events[events.len() - 2]);
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
    assert_eq!(before["choices"][0]["finish_reason"], "stop");
    assert!(events[..events.len() - 1].iter().all(|event| event["usage"].is_null()));
    let deltas = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), whole["choices"][0]["message"]["content"].as_str().unwrap());
}

#[tokio::test]
async fn usage_is_streamed_only_when_asked_for() {
    let events = Demo::start().await.stream(plain("hi")).await;
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn a_tool_call_is_streamed_in_parts_and_its_result_answered() {
    let demo = Demo::start().await;
    let parameters = json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]);
    let mut body = plain("How is the weather in Paris?");
    body["tools"] = tools;
    let events = demo.stream(body.clone()).await;
    let calls: Vec<_> = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0)).collect();
    assert_eq!(calls[0]["function"]["name"], "get_weather");
    assert!(calls.len() > 2 && calls[0]["id"].as_str().is_some_and(|id| id.starts_with("call_demo_")));
    let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({"city": "Paris"}));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");

    let messages = body["messages"].as_array_mut().unwrap();
    let function = json!({"name": "get_weather", "arguments": arguments});
    let call = json!({"id": calls[0]["id"], "type": "function", "function": function});
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    messages.push(json!({"role": "tool", "tool_call_id": calls[0]["id"], "content": "18 degrees"}));
    let answer = demo.ask(body).await.unwrap();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.contains("18 degrees"), "{content}");
}

#[tokio::test]
async fn errors_have_the_shape_that_clients_expect() {
    let demo = Demo::start().await;
    let unknown = demo.ask(json!({"model": "gpt", "messages": [{"role": "user", "content": "x"}]})).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.code()), (FaultKind::ModelNotFound, Some("model_not_found")), "{unknown}");
    let malformed = demo.send(CHAT_COMPLETIONS, Bytes::from_static(b"{\"model\": "), false).await.unwrap_err();
    assert_eq!((malformed.kind, malformed.error_type()), (FaultKind::Refused, Some("invalid_request_error")));
    let long = demo.ask(plain(&"long ".repeat(40_000))).await.unwrap_err();
    assert_eq!(long.kind, FaultKind::ContextLength, "{long}");
    let lost = demo.send("/nothing", Bytes::new(), false).await.unwrap_err();
    assert_eq!(lost.status, Some(404), "{lost}");
}

#[tokio::test]
async fn all_models_answer_many_callers_at_once() {
    let demo = Arc::new(Demo::start().await);
    let calls =
        (0..60).map(|index| {
            let demo = demo.clone();
            let mut body = plain(&format!("question {index}"));
            body["model"] = json!(["demo-small", "demo-medium", "demo-large"][index % 3]);
            async move {
                if index % 2 == 0 { demo.stream(body).await.len() } else { demo.ask(body).await.map(|_| 99).unwrap() }
            }
        });
    assert!(futures_util::future::join_all(calls).await.into_iter().all(|events| events > 10));
}

#[tokio::test]
async fn the_server_ends_with_its_handle() {
    let server = DemoServer::start().await.unwrap();
    let address = server.base_url()["http://".len()..].trim_end_matches("/v1").to_owned();
    drop(server);
    for _ in 0..1000 {
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("still listening");
}
