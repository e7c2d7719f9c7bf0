//! What is known of a request in the canonical form: its needs, what the scorer reads, the turns before.
//!
//! The same figures as of an `OpenAI` chat request, whatever dialect it came in.

use domain::tokens::TokenEstimator;
use domain::{Features, OutputFormat, ScorerInput};

use super::{History, TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE};
use crate::canonical::{Message, OutputShape, Part, Request, Role, ToolChoice};

/// Bytes of each end of the last user turn that the scorer reads.
const TURN_END: usize = 1024;
/// Bytes of the end of the user turn before it.
const CONTEXT_END: usize = 512;

/// Returns what the request needs.
pub(crate) fn features(request: &Request) -> Features {
    let mut counts = Counts::default();
    for message in &request.messages {
        message.parts.iter().for_each(|part| counts.part(part, message.role));
    }
    for tool in &request.tools {
        let schema = tool.parameters.as_ref().map_or("", |it| it.as_str());
        for text in [tool.name.as_str(), tool.description.as_deref().unwrap_or_default(), schema] {
            counts.text.add_text(text);
        }
    }
    let turns = u32::try_from(request.messages.len()).unwrap_or(u32::MAX);
    Features {
        input_tokens: counts.text.tokens() + counts.images * TOKENS_PER_IMAGE + u64::from(turns) * TOKENS_PER_MESSAGE,
        max_output_tokens: request.max_output_tokens,
        stream: request.stream,
        has_tools: !request.tools.is_empty(),
        forces_tool: match &request.tool_choice {
            Some(ToolChoice::Required | ToolChoice::Named(_)) => true,
            Some(ToolChoice::Among { required, .. }) => *required,
            Some(ToolChoice::Auto | ToolChoice::None) | None => false,
        },
        has_images: counts.images > 0,
        has_audio: counts.audio,
        has_files: counts.files,
        output_format: match &request.output {
            OutputShape::Text => OutputFormat::Text,
            OutputShape::JsonObject => OutputFormat::JsonObject,
            OutputShape::JsonSchema { .. } => OutputFormat::JsonSchema,
        },
        turns,
        system_bytes: counts.system_bytes,
        parameters: parameters(request),
    }
}

#[derive(Default)]
struct Counts {
    text: TokenEstimator,
    images: u64,
    audio: bool,
    files: bool,
    system_bytes: u64,
}

impl Counts {
    fn part(&mut self, part: &Part, role: Role) {
        match part {
            Part::Text { text, .. } => {
                self.text.add_text(text);
                if role == Role::System {
                    self.system_bytes += text.len() as u64;
                }
            }
            Part::Refusal { text } | Part::Reasoning { text, .. } => self.text.add_text(text),
            Part::Image { .. } => self.images += 1,
            Part::Audio { .. } => self.audio = true,
            Part::File { .. } => self.files = true,
            Part::ToolCall { name, arguments, .. } => {
                self.text.add_text(name);
                self.text.add_text(arguments);
            }
            Part::ToolResult { content, .. } => content.iter().for_each(|part| self.part(part, role)),
        }
    }
}

/// The names of what is set, as `OpenAI` chat calls them.
fn parameters(request: &Request) -> Vec<String> {
    let sampling = &request.sampling;
    let given = [
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("logprobs", request.logprobs.is_some()),
        ("n", request.choices.is_some_and(|choices| choices != 1)),
        ("parallel_tool_calls", request.parallel_tool_calls.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("reasoning_effort", request.reasoning.as_ref().is_some_and(|it| it.effort.is_some())),
        ("seed", sampling.seed.is_some()),
        ("stop", !request.stop.is_empty()),
        ("temperature", sampling.temperature.is_some()),
        ("top_k", sampling.top_k.is_some()),
        ("top_logprobs", request.logprobs.is_some_and(|most| most > 0)),
        ("top_p", sampling.top_p.is_some()),
        ("verbosity", request.verbosity.is_some()),
    ];
    given.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect()
}

/// Returns what the scorer reads: the last user turn (else the first of anybody but the application), and the end of the
/// user turn before.
pub(crate) fn scorer_input(request: &Request, features: Features) -> ScorerInput {
    let said = |message: &&Message| texts(message).next().is_some();
    let mut users = request.messages.iter().filter(|it| it.role == Role::User).filter(said).rev();
    let task = users.next();
    let before = users.next();
    let other = || request.messages.iter().filter(|it| it.role != Role::System).find(said);
    let any = || request.messages.iter().find(said);
    let text = task.or_else(other).or_else(any).map(joined).unwrap_or_default();
    let (text, truncated) = ends(&text);
    let context = before.map(joined).unwrap_or_default();
    let context = context[context.ceil_char_boundary(context.len().saturating_sub(CONTEXT_END))..].to_owned();
    ScorerInput { text, context, truncated, features }
}

fn texts(message: &Message) -> impl Iterator<Item = &str> {
    message.parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } if !text.is_empty() => Some(text.as_str()),
        _ => None,
    })
}

fn joined(message: &Message) -> String {
    texts(message).collect::<Vec<_>>().join("\n")
}

fn ends(text: &str) -> (String, bool) {
    if text.len() <= 2 * TURN_END {
        return (text.to_owned(), false);
    }
    let head = &text[..text.floor_char_boundary(TURN_END)];
    let tail = &text[text.ceil_char_boundary(text.len() - TURN_END)..];
    (format!("{head}\n{tail}"), true)
}

/// Returns what earlier turns say of the conversation.
pub(crate) fn history(request: &Request, input_tokens: u64) -> History<'_> {
    let messages = &request.messages;
    let last_answer = messages.iter().rposition(|message| message.role == Role::Assistant);
    let system = messages.iter().filter(|message| message.role == Role::System).flat_map(texts);
    let user = messages.iter().find(|message| message.role == Role::User).into_iter().flat_map(texts);
    let share = |end: usize| {
        let bytes = |messages: &[Message]| messages.iter().flat_map(texts).map(|text| text.len() as u128).sum::<u128>();
        let share = u128::from(input_tokens) * bytes(&messages[..end]) / bytes(messages).max(1);
        u64::try_from(share).unwrap_or(u64::MAX)
    };
    History {
        opening: system.chain(user).collect(),
        earlier_tokens: last_answer.map_or(0, |answer| share(answer + 1)),
        in_tool_loop: in_tool_loop(messages, last_answer),
    }
}

/// The last turn brings results, or calls of the last answer have none.
fn in_tool_loop(messages: &[Message], last_answer: Option<usize>) -> bool {
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    if messages.last().is_some_and(|message| message.parts.iter().any(is_result)) {
        return true;
    }
    let Some(answer) = last_answer else { return false };
    let results: Vec<&str> = messages[answer + 1..]
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| if let Part::ToolResult { call, .. } = part { Some(call.as_str()) } else { None })
        .collect();
    messages[answer]
        .parts
        .iter()
        .any(|part| matches!(part, Part::ToolCall { id, .. } if !results.contains(&id.as_str())))
}
