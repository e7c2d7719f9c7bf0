//! Requests as property tests draw them: what every dialect can say, each adding its own turns of assistant and tools.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{
    CacheHints, Json, Media, Message, OutputShape, Part, Reasoning, Request, Role, Sampling, Tool, ToolChoice,
};

/// A few characters, the awkward ones among them.
pub(crate) fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n{}]{1,12}"
}

fn media() -> impl Strategy<Value = Media> {
    prop_oneof![
        "[a-z]{1,8}".prop_map(|host| Media::Url(format!("https://{host}.example/x"))),
        "[A-Za-z0-9+/]{4}".prop_map(|data| Media::Inline { media_type: "image/png".into(), data }),
    ]
}

/// What a person may send: texts, images, PDFs with a name.
pub(crate) fn content() -> impl Strategy<Value = Part> {
    let image = (media(), prop_oneof![Just("low"), Just("high"), Just("auto")]);
    let file = ("[A-Za-z0-9+/]{4}", "[a-z]{1,5}");
    prop_oneof![
        words().prop_map(Part::text),
        image.prop_map(|(media, detail)| Part::Image { media, detail: Some(detail.into()), cache: None }),
        file.prop_map(|(data, name)| Part::File {
            media: Media::Inline { media_type: "application/pdf".into(), data },
            name: Some(name),
            cache: None
        }),
    ]
}

/// Turns of a conversation: those of the dialect, mixed with what people and applications say.
pub(crate) fn turns(own: impl Strategy<Value = Message> + 'static) -> impl Strategy<Value = Vec<Message>> {
    let user = prop::collection::vec(content(), 1..4).prop_map(|parts| Message::new(Role::User, parts));
    let system = words().prop_map(|text| Message::text(Role::System, text));
    prop::collection::vec(prop_oneof![user, system, own], 0..6)
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>)> {
    let tool = ("[a-z]{1,5}", prop::option::of(words()), any::<bool>()).prop_map(|(name, description, strict)| Tool {
        name,
        description,
        parameters: Json::parse(r#"{"type":"object","properties":{}}"#),
        strict: Some(strict),
        cache: None,
    });
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        "[a-z]{1,5}".prop_map(ToolChoice::Named),
        any::<bool>().prop_map(|required| ToolChoice::Among { names: vec!["a".into()], required }),
    ];
    (prop::collection::vec(tool, 1..3), prop::option::of(choice))
}

prop_compose! {
    fn cache_hints()(
        prompt_cache_key in prop::option::of(words()),
        prompt_cache_retention in prop::option::of("24h|in_memory"),
        prompt_cache_options in prop::option::of(Just(r#"{"ttl":"30m"}"#)),
    ) -> CacheHints {
        let prompt_cache_options = prompt_cache_options.and_then(Json::parse);
        CacheHints { prompt_cache_key, prompt_cache_retention, prompt_cache_options }
    }
}

prop_compose! {
    /// A request without turns: tools, choices, shapes and settings.
    pub(crate) fn settings()(
        (tools, tool_choice) in tools(),
        parallel in prop::option::of(any::<bool>()),
        most in prop::option::of(16_u64..9000),
        temperature in prop::option::of(0_u8..8),
        logprobs in prop::option::of(0_u64..5),
        effort in prop::option::of("low|high"),
        verbosity in prop::option::of("low|high"),
        user in prop::option::of(words()),
        safety_identifier in prop::option::of(words()),
        cache_hints in cache_hints(),
        shaped in any::<bool>(),
        stream in any::<bool>(),
    ) -> Request {
        let schema = OutputShape::JsonSchema {
            name: Some("book".into()),
            description: None,
            schema: Json::parse(r#"{"type":"object"}"#).unwrap(),
            strict: Some(true),
        };
        Request {
            model: Some("native-1".into()),
            tools,
            tool_choice,
            parallel_tool_calls: parallel,
            max_output_tokens: most,
            sampling: Sampling { temperature: temperature.map(|it| f64::from(it) / 4.0), ..Sampling::default() },
            logprobs,
            output: if shaped { schema } else { OutputShape::Text },
            reasoning: effort.map(|effort| Reasoning { effort: Some(effort), summary: Some("auto".into()), ..Reasoning::default() }),
            verbosity,
            user,
            safety_identifier,
            cache_hints,
            metadata: Json::parse(r#"{"team":"docs"}"#),
            service_tier: Some("flex".into()),
            stream,
            ..Request::default()
        }
    }
}
