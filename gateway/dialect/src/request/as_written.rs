//! Names what a translation lost as the caller wrote it: `generationConfig.topK`, not `top_k`.
//!
//! Encoders know the canonical form only and speak of its members. Where parts of turns stood was noted when they were
//! read; for all else a table says what a dialect calls a member. Of several names the one that the body has is taken.

use crate::Dialect;
use crate::canonical::{Loss, Part, Request};
use crate::gemini::snake;
use crate::json::{Escapes, Node};

/// Returns the loss of a request in the words of its caller, whose body this is.
pub(super) fn as_written(loss: &Loss, request: &Request, dialect: Dialect, body: &str) -> Loss {
    let mut written = Loss::default();
    if loss.is_empty() {
        return written;
    }
    let body = Node::parse(body, Escapes::Lenient).ok();
    let names = Names { request, dialect, body: body.as_ref() };
    loss.iter().for_each(|lost| written.note(names.of(&lost.path), lost.reason));
    written
}

struct Names<'r, 'a> {
    request: &'r Request,
    dialect: Dialect,
    body: Option<&'r Node<'a>>,
}

impl Names<'_, '_> {
    fn of(&self, path: &str) -> String {
        let indexed = |list: &str| index(path.strip_prefix(list)?.strip_prefix('[')?);
        if let Some((turn, rest)) = indexed("messages") {
            return self.in_turn(turn, rest).unwrap_or_else(|| path.to_owned());
        }
        if let Some((tool, rest)) = indexed("tools") {
            let place = self.request.tool_places.get(tool);
            let member = rest.trim_start_matches('.');
            let names = [member.to_owned(), format!("function.{member}")];
            return place.map_or_else(|| path.to_owned(), |place| self.below(place, &names));
        }
        let (member, index) = path.split_at(path.find('[').unwrap_or(path.len()));
        let names: Vec<_> = names(self.dialect, member).iter().map(|name| format!("{name}{index}")).collect();
        let written = names.iter().find_map(|name| self.written(name));
        written.or_else(|| names.first().cloned()).unwrap_or_else(|| path.to_owned())
    }

    /// `.content[0].cache_control` of a turn.
    fn in_turn(&self, turn: usize, rest: &str) -> Option<String> {
        let message = self.request.messages.get(turn)?;
        let Some((part, rest)) = rest.strip_prefix(".content[").and_then(index) else {
            let first = message.places.get(0)?;
            let end = first.find(']').map_or(first.len(), |end| end + 1);
            return Some(format!("{}{rest}", &first[..end]));
        };
        let place = message.places.get(part)?;
        Some(self.below(place, &in_part(message.parts.get(part)?, rest)))
    }

    /// The first of these members that the thing at a place has; the thing itself, if it has none.
    fn below(&self, place: &str, names: &[String]) -> String {
        let has = |name: &String| (!name.is_empty()).then(|| self.written(&format!("{place}.{name}"))).flatten();
        names.iter().find_map(has).unwrap_or_else(|| place.to_owned())
    }

    /// A path with the names of the body, which may be in the other case; `None` = the body has no such thing.
    fn written(&self, path: &str) -> Option<String> {
        let mut node = self.body?;
        let mut written = String::with_capacity(path.len());
        for step in path.split('.') {
            let (name, mut indices) = step.split_at(step.find('[').unwrap_or(step.len()));
            let snake = snake(name);
            let name = if node.get(name).is_some() { name } else { &snake };
            node = node.get(name)?;
            if !written.is_empty() {
                written.push('.');
            }
            written.push_str(name);
            while let Some((at, rest)) = indices.strip_prefix('[').and_then(index) {
                node = node.items().get(at)?;
                let length = indices.len() - rest.len();
                written.push_str(&indices[..length]);
                indices = rest;
            }
        }
        Some(written)
    }
}

/// Reads `2].content` after its opening bracket.
fn index(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once(']')?;
    Some((number.parse().ok()?, rest))
}

/// What dialects call a member of a part; no two of them use one name for different things.
fn in_part(part: &Part, member: &str) -> Vec<String> {
    if let Some((place, rest)) = member.strip_prefix(".content[").and_then(index) {
        // Google keeps the text of a result apart from its media.
        let media = place.checked_sub(1).map(|place| format!("functionResponse.parts[{place}]"));
        let names = [Some(format!("content[{place}]")), Some(format!("output[{place}]")), media];
        let whole = ["content", "output", "functionResponse.response"].map(str::to_owned);
        let names = names.into_iter().flatten();
        return names.flat_map(|name| [format!("{name}{rest}"), name]).chain(whole).collect();
    }
    let names: &[&str] = match (part, member) {
        (Part::ToolCall { .. }, ".signature") => &["extra_content.google.thought_signature", "thoughtSignature"],
        (Part::ToolCall { .. }, ".arguments") => &["function.arguments", "arguments", "input", "functionCall.args"],
        (Part::Reasoning { .. }, ".signature") => &["signature", "data", "encrypted_content", "thoughtSignature"],
        (Part::Image { .. }, ".detail") => &["image_url.detail", "detail", "mediaResolution"],
        (Part::File { .. }, ".name") => {
            &["file.filename", "filename", "title", "inlineData.displayName", "fileData.displayName"]
        }
        (Part::ToolResult { .. }, ".name") => &["name", "functionResponse.name"],
        (_, member) => return vec![member.trim_start_matches('.').to_owned()],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What a dialect calls a member of a request; none = as the canonical form does.
fn names(dialect: Dialect, member: &str) -> &'static [&'static str] {
    match dialect {
        Dialect::Openai => match member {
            "choices" => &["n"],
            "max_output_tokens" => &["max_completion_tokens", "max_tokens"],
            "output" => &["response_format"],
            "output.description" => &["response_format.json_schema.description"],
            "output.strict" => &["response_format.json_schema.strict"],
            "reasoning" => &["reasoning", "reasoning_effort"],
            "reasoning.effort" => &["reasoning_effort", "reasoning.effort"],
            "reasoning.budget_tokens" => &["reasoning.max_tokens"],
            _ => &[],
        },
        Dialect::OpenaiResponses => match member {
            "logprobs" => &["top_logprobs", "include"],
            "messages" => &["input", "instructions"],
            "output" => &["text.format"],
            "output.description" => &["text.format.description"],
            "output.strict" => &["text.format.strict"],
            "reasoning.summary" => &["reasoning.summary", "reasoning.generate_summary"],
            "verbosity" => &["text.verbosity"],
            _ => &[],
        },
        Dialect::Anthropic => match member {
            "max_output_tokens" => &["max_tokens"],
            "output" => &["output_config.format", "output_format"],
            "output.strict" => &["output_config.format.schema", "output_format.schema"],
            "parallel_tool_calls" => &["tool_choice.disable_parallel_tool_use"],
            "reasoning" => &["thinking", "output_config.effort"],
            "reasoning.budget_tokens" => &["thinking.budget_tokens", "thinking.type"],
            "reasoning.effort" => &["output_config.effort"],
            "reasoning.summary" => &["thinking.display"],
            "stop" => &["stop_sequences"],
            "user" => &["metadata.user_id"],
            _ => &[],
        },
        Dialect::Gemini => match member {
            "choices" => &["generationConfig.candidateCount"],
            "frequency_penalty" => &["generationConfig.frequencyPenalty"],
            "logprobs" => &["generationConfig.responseLogprobs"],
            "max_output_tokens" => &["generationConfig.maxOutputTokens"],
            "messages" => &["contents"],
            "metadata" => &["labels"],
            "output" | "output.strict" | "output.description" => &[
                "generationConfig.responseJsonSchema",
                "generationConfig.responseSchema",
                "generationConfig.responseMimeType",
            ],
            "presence_penalty" => &["generationConfig.presencePenalty"],
            "reasoning" => &["generationConfig.thinkingConfig"],
            "reasoning.budget_tokens" => &["generationConfig.thinkingConfig.thinkingBudget"],
            "reasoning.effort" => &["generationConfig.thinkingConfig.thinkingLevel"],
            "reasoning.summary" => &["generationConfig.thinkingConfig.includeThoughts"],
            "seed" => &["generationConfig.seed"],
            "service_tier" => &["serviceTier"],
            "stop" => &["generationConfig.stopSequences"],
            "temperature" => &["generationConfig.temperature"],
            "tool_choice" => &["toolConfig.functionCallingConfig"],
            "top_k" => &["generationConfig.topK"],
            "top_p" => &["generationConfig.topP"],
            _ => &[],
        },
    }
}
