//! What the dialect can say, for the laws: requests and answers that lose nothing.

use domain::Usage;
use proptest::prelude::*;

use crate::canonical::{
    Answer, Choice, Json, Media, Message, OutputShape, Part, Reasoning, Request, Role, Sampling, StopReason, Tool,
    ToolChoice,
};

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| format!("t{}", text.replace('\0', "")))
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,12}"
}

fn cache() -> impl Strategy<Value = Option<Json>> {
    proptest::option::of(Just(r#"{"type":"ephemeral"}"#).prop_map(|text| Json::parse(text).expect("JSON")))
}

fn object() -> impl Strategy<Value = String> {
    prop_oneof![Just("{}".to_owned()), (word(), text()).prop_map(|(k, v)| serde_json::json!({ k: v }).to_string())]
}

fn said() -> impl Strategy<Value = Part> {
    (text(), cache()).prop_map(|(text, cache)| Part::Text { text, cache })
}

fn shown() -> impl Strategy<Value = Part> {
    let url = || word().prop_map(|name| Media::Url(format!("https://pictures.example/{name}")));
    let inline = |kind: &'static str, data: &'static str| {
        Just(Media::Inline { media_type: kind.to_owned(), data: data.to_owned() })
    };
    let image = (prop_oneof![url(), inline("image/png", "aGk=")], cache()).prop_map(|(media, cache)| Part::Image {
        media,
        detail: None,
        cache,
    });
    let documents = prop_oneof![url(), inline("application/pdf", "aGk="), inline("text/plain", "aGk=")];
    let document = (documents, proptest::option::of(word()), cache()).prop_map(|(media, name, cache)| Part::File {
        media,
        name,
        cache,
    });
    prop_oneof![said(), image, document]
}

fn thought() -> impl Strategy<Value = Part> {
    prop_oneof![
        (text(), word()).prop_map(|(text, proof)| Part::Reasoning { text, signature: Some(proof), redacted: false }),
        word().prop_map(|data| Part::Reasoning { text: String::new(), signature: Some(data), redacted: true }),
    ]
}

fn called() -> impl Strategy<Value = Part> {
    (word(), word(), object()).prop_map(|(id, name, arguments)| Part::ToolCall { id, name, arguments, signature: None })
}

fn result() -> impl Strategy<Value = Part> {
    (word(), proptest::collection::vec(shown(), 0..3), any::<bool>(), cache())
        .prop_map(|(call, content, is_error, cache)| Part::ToolResult { call, name: None, content, is_error, cache })
}

fn turns() -> impl Strategy<Value = Vec<Message>> {
    let some = |part: BoxedStrategy<Part>| proptest::collection::vec(part, 1..4);
    let plain_said = text().prop_map(Part::text);
    let spoken = prop_oneof![plain_said, thought(), called()];
    let exchange = (some(shown().boxed()), some(spoken.boxed()), proptest::option::of(some(result().boxed())));
    let system = proptest::option::of(proptest::collection::vec(said(), 1..3));
    (system, proptest::collection::vec(exchange, 1..4)).prop_map(|(system, exchanges)| {
        let mut messages: Vec<_> = system.map(|parts| Message::new(Role::System, parts)).into_iter().collect();
        for (asked, answered, results) in exchanges {
            messages.push(Message::new(Role::User, asked));
            messages.push(Message::new(Role::Assistant, answered));
            // Results and what the user says next share a turn.
            messages.extend(results.map(|parts| Message::new(Role::Tool, parts)));
        }
        messages
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    let schema = Just(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#);
    let schema = schema.prop_map(Json::parse);
    let tool = (word(), proptest::option::of(text()), schema, proptest::option::of(any::<bool>()), cache()).prop_map(
        |(name, description, parameters, strict, cache)| Tool { name, description, parameters, strict, cache },
    );
    proptest::collection::vec(tool, 1..3)
}

/// Thought of each kind that a model of its generation takes, with that model's name.
fn thinking() -> impl Strategy<Value = (&'static str, Option<Reasoning>)> {
    let efforts = prop_oneof![Just("low"), Just("high"), Just("max")].prop_map(|it| Some(it.to_owned()));
    let by_effort = (efforts, any::<bool>()).prop_map(|(effort, told)| {
        let summary = told.then(|| "auto".to_owned());
        ("claude-sonnet-4-6", Some(Reasoning { effort, budget_tokens: None, summary }))
    });
    let by_budget = (1_024_u64..3_000).prop_map(|budget| {
        ("claude-haiku-4-5", Some(Reasoning { effort: None, budget_tokens: Some(budget), summary: None }))
    });
    let off = Just(("claude-opus-5", Some(Reasoning { budget_tokens: Some(0), ..Reasoning::default() })));
    prop_oneof![Just(("claude-sonnet-4-6", None)), by_effort, by_budget, off]
}

fn output() -> impl Strategy<Value = OutputShape> {
    let schema = Json::parse(r#"{"type":"object"}"#).expect("JSON");
    let shape = OutputShape::JsonSchema { name: None, description: None, schema, strict: Some(true) };
    prop_oneof![Just(OutputShape::Text), Just(shape)]
}

prop_compose! {
    pub(super) fn request()(
        messages in turns(),
        (tools, tool_choice) in prop_oneof![
            Just((Vec::new(), None)),
            tools().prop_map(|tools| (tools, None)),
            tools().prop_map(|tools| (tools, Some(ToolChoice::Auto))),
        ],
        parallel in any::<bool>(),
        most in 3_000_u64..9_000,
        stop in proptest::collection::vec(word(), 0..3),
        (model, reasoning) in thinking(),
        temperature in proptest::option::of(0_u8..=10),
        top_k in proptest::option::of(1_u64..100),
        output in output(),
        user in proptest::option::of(word()),
        tier in proptest::option::of(prop_oneof![Just("auto".to_owned()), Just("default".to_owned())]),
        stream in any::<bool>(),
    ) -> Request {
        let thinks = reasoning.is_some();
        let mut messages = messages;
        // Models that think by a budget refuse to think about results of calls that were made without a thought.
        if reasoning.as_ref().and_then(|it| it.budget_tokens).is_some_and(|budget| budget > 0) {
            let is_loop = messages.last().is_some_and(|message| message.role == Role::Tool);
            messages.truncate(messages.len() - usize::from(is_loop));
        }
        let sampling = Sampling { temperature: temperature.map(|it| f64::from(it) / 10.0), top_k, ..Sampling::default() };
        Request {
            model: Some(model.to_owned()),
            messages,
            parallel_tool_calls: tool_choice.is_some().then_some(parallel),
            tools,
            tool_choice,
            max_output_tokens: Some(most),
            stop,
            sampling: if thinks { Sampling::default() } else { sampling },
            output,
            reasoning,
            user,
            service_tier: tier,
            stream,
            ..Request::default()
        }
    }
}

fn stop() -> impl Strategy<Value = StopReason> {
    prop_oneof![
        Just(StopReason::Stop),
        Just(StopReason::StopSequence(Some("END".to_owned()))),
        Just(StopReason::Length),
        Just(StopReason::ToolCalls),
        Just(StopReason::Refusal),
        Just(StopReason::Pause),
    ]
}

prop_compose! {
    fn usage()(fresh in 1_u64..1_000, cached in 0_u64..100, written in 0_u64..100, said in 1_u64..100, thought in 0_u64..50)
        -> Usage {
        Usage {
            prompt_tokens: fresh + cached + written,
            cached_tokens: cached,
            cache_write_tokens: written,
            completion_tokens: said + thought,
            reasoning_tokens: thought,
            estimated: false,
        }
    }
}

prop_compose! {
    pub(super) fn answer()(
        parts in proptest::collection::vec(prop_oneof![text().prop_map(Part::text), thought(), called()], 0..5),
        stop in stop(),
        usage in usage(),
    ) -> Answer {
        // A plain stop after calls is told as a stop for them.
        let called = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        let stop = if called && stop == StopReason::Stop { StopReason::ToolCalls } else { stop };
        let choices = vec![Choice { parts, stop, logprobs: None }];
        Answer { id: Some("msg_1".to_owned()), model: Some("m".to_owned()), choices, usage: Some(usage), ..Answer::default() }
    }
}
