//! The canonical form to chat completions.

use serde::Serialize;

use super::{types, usage};
use crate::answer::{Rendered, Shown};
use crate::canonical::{
    Answer, Choice, Json, Loss, Media, Message, OutputShape, Part, Reasoning, Request, Role, Tool, ToolChoice,
};
use crate::json::quoted;
use crate::request::Encoded;

const NO_UPLOADS: &str = "an upload at another provider cannot be read here";

// === Requests ===

#[derive(Serialize)]
struct WireRequest<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Thought<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

/// A text alone is a string: some compatible servers take nothing else.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(String),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Json>,
    },
    ImageUrl {
        image_url: ImageUrl<'a>,
    },
    InputAudio {
        input_audio: InputAudio<'a>,
    },
    File {
        file: WireFile<'a>,
    },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct InputAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
struct WireFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Thought<'a> {
    #[serde(rename = "reasoning.text")]
    Text { text: &'a str, signature: &'a str },
    #[serde(rename = "reasoning.encrypted")]
    Encrypted { data: &'a str },
}

#[derive(Serialize)]
pub(super) struct WireCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<Extra<'a>>,
}

#[derive(Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct Extra<'a> {
    google: Google<'a>,
}

#[derive(Serialize)]
struct Google<'a> {
    thought_signature: &'a str,
}

impl<'a> Extra<'a> {
    pub(super) fn of(signature: Option<&'a String>) -> Option<Self> {
        signature.map(|signature| Self { google: Google { thought_signature: signature } })
    }
}

#[derive(Serialize)]
struct WireTool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireChoice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, function: Name<'a> },
    Among { r#type: &'static str, allowed_tools: Allowed<'a> },
}

#[derive(Serialize)]
struct Allowed<'a> {
    mode: &'static str,
    tools: Vec<AllowedTool<'a>>,
}

#[derive(Serialize)]
struct AllowedTool<'a> {
    r#type: &'static str,
    function: Name<'a>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: Schema<'a> },
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Writes a request.
pub(crate) fn request(request: &Request, native_model: &str) -> Encoded {
    let mut loss = Loss::default();
    let sampling = request.sampling;
    let thinks = request.reasoning.as_ref();
    if thinks.is_some_and(|it| it.effort.is_none() && it.budget_tokens.is_some()) {
        loss.note("reasoning.budget_tokens", "this dialect has efforts, no budgets: the nearest effort is asked for");
    }
    let wire = WireRequest {
        model: native_model,
        messages: messages(&request.messages, &mut loss),
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: request.tool_choice.as_ref().map(tool_choice),
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !request.tools.is_empty()),
        // Reasoning models refuse the old name, everything else knows it.
        max_completion_tokens: request.max_output_tokens.filter(|_| thinks.is_some()),
        max_tokens: request.max_output_tokens.filter(|_| thinks.is_none()),
        stop: &request.stop,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        seed: sampling.seed,
        n: request.choices,
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|most| *most > 0),
        response_format: format(&request.output),
        reasoning_effort: thinks.and_then(Reasoning::nearest_effort),
        verbosity: request.verbosity.as_deref(),
        user: request.user.as_deref(),
        metadata: request.metadata.as_ref(),
        service_tier: request.service_tier.as_deref(),
        stream: request.stream,
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
    };
    Encoded { body: json(&wire), loss }
}

fn messages<'a>(messages: &'a [Message], loss: &mut Loss) -> Vec<WireMessage<'a>> {
    let mut wire = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}]");
        // Results of tools are messages of their own here, before whatever else the turn says.
        wire.extend(message.parts.iter().filter_map(|part| result(part, &path, loss)));
        wire.extend(turn(message, &path, loss));
    }
    wire
}

fn result<'a>(part: &'a Part, path: &str, loss: &mut Loss) -> Option<WireMessage<'a>> {
    let Part::ToolResult { call, content, is_error, .. } = part else { return None };
    let mut text = plain(content, path, loss);
    if *is_error {
        text.insert_str(0, "Error: ");
    }
    Some(WireMessage { tool_call_id: Some(call), content: Some(Content::Text(text)), ..WireMessage::new("tool") })
}

/// The texts of a tool's result; nothing else has a place in it.
fn plain(content: &[Part], path: &str, loss: &mut Loss) -> String {
    let mut texts = Vec::new();
    for part in content {
        match part {
            Part::Text { text, .. } => texts.push(text.as_str()),
            _ => loss.note(format!("{path}.content"), "results of tools are text in this dialect"),
        }
    }
    texts.join("\n")
}

fn turn<'a>(message: &'a Message, path: &str, loss: &mut Loss) -> Option<WireMessage<'a>> {
    let role = match message.role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    };
    let mut wire = WireMessage { name: message.name.as_deref(), ..WireMessage::new(role) };
    let mut parts = Vec::new();
    for part in &message.parts {
        wire.say(part, &mut parts, path, loss);
    }
    let only_text = parts.iter().all(|part| matches!(part, WirePart::Text { cache_control: None, .. }));
    wire.content = match parts.as_slice() {
        [] => None,
        [WirePart::Text { text, cache_control: None }] => Some(Content::Text((*text).to_owned())),
        _ if only_text && message.role == Role::Assistant => Some(Content::Text(joined(&parts))),
        _ => Some(Content::Parts(parts)),
    };
    (!wire.is_empty()).then_some(wire)
}

fn joined(parts: &[WirePart<'_>]) -> String {
    parts.iter().map(|part| if let WirePart::Text { text, .. } = part { text } else { "" }).collect()
}

impl<'a> WireMessage<'a> {
    const fn new(role: &'static str) -> Self {
        Self {
            role,
            content: None,
            name: None,
            refusal: None,
            reasoning_content: None,
            reasoning_details: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.content.is_none()
            && self.refusal.is_none()
            && self.tool_calls.is_empty()
            && self.reasoning_content.is_none()
    }

    fn say(&mut self, part: &'a Part, parts: &mut Vec<WirePart<'a>>, path: &str, loss: &mut Loss) {
        match part {
            Part::Text { text, cache } => parts.push(WirePart::Text { text, cache_control: cache.as_ref() }),
            Part::Refusal { text } => self.refusal.get_or_insert_default().push_str(text),
            Part::Image { media, detail, .. } => match media.to_url() {
                Some(url) => parts.push(WirePart::ImageUrl { image_url: ImageUrl { url, detail: detail.as_deref() } }),
                None => loss.note(format!("{path}.content"), NO_UPLOADS),
            },
            Part::Audio { media: Media::Inline { media_type, data } } => {
                let input_audio = InputAudio { data, format: types::audio_format(media_type) };
                parts.push(WirePart::InputAudio { input_audio });
            }
            Part::Audio { media: Media::Url(_) | Media::Id(_) } => {
                loss.note(format!("{path}.content"), "sound is sent inline in this dialect");
            }
            Part::File { media: Media::Id(_), .. } => loss.note(format!("{path}.content"), NO_UPLOADS),
            Part::File { media, name, .. } => {
                parts.push(WirePart::File { file: WireFile { filename: name.as_deref(), file_data: media.to_url() } });
            }
            Part::Reasoning { text, signature, redacted } => self.think(text, signature.as_deref(), *redacted),
            Part::ToolCall { id, name, arguments, signature } => self.tool_calls.push(WireCall {
                index: None,
                id,
                kind: "function",
                function: Function { name, arguments },
                extra_content: Extra::of(signature.as_ref()),
            }),
            Part::ToolResult { .. } => {}
        }
    }

    fn think(&mut self, text: &'a str, signature: Option<&'a str>, redacted: bool) {
        if !text.is_empty() {
            self.reasoning_content.get_or_insert_default().push_str(text);
        }
        self.reasoning_details.extend(signature.map(|signature| {
            if redacted { Thought::Encrypted { data: signature } } else { Thought::Text { text, signature } }
        }));
    }
}

fn tool(tool: &Tool) -> WireTool<'_> {
    let function = WireFunction {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: tool.parameters.as_ref(),
        strict: tool.strict,
    };
    WireTool { kind: "function", function }
}

fn tool_choice(choice: &ToolChoice) -> WireChoice<'_> {
    const FUNCTION: &str = "function";
    match choice {
        ToolChoice::Auto => WireChoice::Word("auto"),
        ToolChoice::None => WireChoice::Word("none"),
        ToolChoice::Required => WireChoice::Word("required"),
        ToolChoice::Named(name) => WireChoice::Named { r#type: FUNCTION, function: Name { name } },
        ToolChoice::Among { names, required } => WireChoice::Among {
            r#type: "allowed_tools",
            allowed_tools: Allowed {
                mode: if *required { "required" } else { "auto" },
                tools: names.iter().map(|name| AllowedTool { r#type: FUNCTION, function: Name { name } }).collect(),
            },
        },
    }
}

fn format(output: &OutputShape) -> Option<WireFormat<'_>> {
    match output {
        OutputShape::Text => None,
        OutputShape::JsonObject => Some(WireFormat::JsonObject),
        OutputShape::JsonSchema { name, description, schema, strict } => Some(WireFormat::JsonSchema {
            json_schema: Schema {
                name: name.as_deref().unwrap_or("answer"),
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        }),
    }
}

// === Answers ===

#[derive(Serialize)]
struct WireAnswer<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<AnswerChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Json>,
}

#[derive(Serialize)]
struct AnswerChoice<'a> {
    index: usize,
    message: AnswerMessage<'a>,
    logprobs: Option<&'a Json>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct AnswerMessage<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Thought<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
}

/// Writes an answer.
pub(crate) fn answer(answer: &Answer, shown: &Shown<'_>) -> Rendered {
    let mut loss = Loss::default();
    let wire = WireAnswer {
        id: shown.id,
        object: "chat.completion",
        created: shown.created,
        model: shown.model,
        choices: answer.choices.iter().enumerate().map(|(index, it)| choice(index, it, &mut loss)).collect(),
        usage: answer.usage.as_ref().and_then(|usage| Json::parse(usage::write(usage))),
    };
    let mut body = Vec::from(json(&wire));
    append_members(&mut body, shown.routing);
    Rendered { body: body.into(), loss }
}

fn choice<'a>(index: usize, choice: &'a Choice, loss: &mut Loss) -> AnswerChoice<'a> {
    let path = format!("choices[{index}].message");
    let mut wire = WireMessage::new("assistant");
    let mut parts = Vec::new();
    choice.parts.iter().for_each(|part| wire.say(part, &mut parts, &path, loss));
    if parts.iter().any(|part| !matches!(part, WirePart::Text { .. })) {
        loss.note(format!("{path}.content"), "answers are text in this dialect");
    }
    let message = AnswerMessage {
        role: "assistant",
        content: (!parts.is_empty()).then(|| joined(&parts)),
        refusal: wire.refusal,
        reasoning_content: wire.reasoning_content,
        reasoning_details: wire.reasoning_details,
        tool_calls: wire.tool_calls,
    };
    let finish_reason = types::finish_reason(&choice.stop);
    AnswerChoice { index, message, logprobs: choice.logprobs.as_ref(), finish_reason }
}

/// Adds members to an object that has some.
pub(crate) fn append_members(object: &mut Vec<u8>, members: &[(&str, &[u8])]) {
    object.pop();
    for (name, json) in members {
        object.push(b',');
        object.extend_from_slice(&quoted(name));
        object.push(b':');
        object.extend_from_slice(json);
    }
    object.push(b'}');
}

fn json(value: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON").into()
}
