//! A whole answer: judged by its content, not its status, then passed on in the dialect of the caller.

use bytes::Bytes;
use domain::Usage;
use domain::tokens::TokenEstimator;

use crate::canonical::{self, Loss, Part};
use crate::json::{Edit, Escapes, Member, Node, Scanner, checked_utf8, members_of, quoted, splice};
use crate::openai::{self, ChatResponse};
use crate::usage::believed;
use crate::{Dialect, Echo, UpstreamError};

/// A body under status 200 that is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It reports an error.
    #[error("the provider reported an error: {0}")]
    Upstream(UpstreamError),
    /// It is no JSON, or not the dialect's.
    #[error("the provider's answer is malformed: {reason}")]
    Malformed {
        /// What is wrong and where.
        reason: String,
    },
    /// It is a web page.
    #[error("the provider answered with an HTML page")]
    Html,
    /// There is none.
    #[error("the provider's answer is empty")]
    Empty,
    /// It holds no choice.
    #[error("the provider's answer has no choices")]
    NoChoices,
}

/// What an answer shows of us.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The model that answered, as the catalogue calls it.
    pub model: &'a str,
    /// Names the answer, where its dialect had to change.
    pub id: &'a str,
    /// When, in seconds of Unix time.
    pub created: i64,
    /// What is told of the tokens, where the dialect of the answer had to change.
    pub usage: Option<Usage>,
    /// What the request asked for, where the answer repeats it.
    pub echo: &'a Echo,
}

/// An answer for its caller, written but for our own members: what it cost is known only when its loss is recorded.
#[derive(Debug)]
pub struct Rendered<'a> {
    form: Form<'a>,
    loss: Loss,
}

#[derive(Debug)]
enum Form<'a> {
    /// As it came, under this model's name.
    Same(&'a Answer, &'a str),
    Written(Vec<u8>),
}

/// An answer written in another dialect than it came in.
#[derive(Debug)]
pub(crate) struct Written {
    /// An object with some members.
    pub(crate) body: Vec<u8>,
    /// What the dialect cannot say.
    pub(crate) loss: Loss,
}

/// An answer that says something.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `OpenAI` chat, scanned and never taken apart while it stays in its dialect.
    Chat(Box<ChatResponse>),
    /// Any other.
    Other(Box<Whole>),
}

/// An answer in its own dialect and in none.
#[derive(Clone, Debug)]
pub struct Whole {
    dialect: Dialect,
    body: Bytes,
    members: Vec<Member>,
    canonical: canonical::Answer,
}

impl Answer {
    /// Reads the body of a successful response of an upstream.
    ///
    /// # Errors
    /// A body that reports an error, or is no answer.
    pub fn decode(upstream: Dialect, body: Bytes) -> Result<Self, BadAnswer> {
        let decode = match upstream {
            Dialect::Openai => return ChatResponse::decode(body).map(|answer| Self::Chat(Box::new(answer))),
            Dialect::OpenaiResponses => crate::responses::decode::answer,
            Dialect::Anthropic => crate::anthropic::decode::answer,
            Dialect::Gemini => crate::gemini::decode::answer,
        };
        let text = checked_utf8(&body).map_err(|fault| malformed(&fault))?;
        match text.trim_ascii_start().bytes().next() {
            None => return Err(BadAnswer::Empty),
            Some(b'<') => return Err(BadAnswer::Html),
            Some(_) => {}
        }
        let node = Node::parse(text, Escapes::Lenient).map_err(|fault| malformed(&fault))?;
        if node.get("error").is_some() || !node.items().is_empty() {
            return Err(BadAnswer::Upstream(UpstreamError::parse(&body)));
        }
        let canonical = decode(&node)?;
        if canonical.choices.is_empty() {
            return Err(BadAnswer::NoChoices);
        }
        let mut members = Vec::new();
        members_of(&mut Scanner::new(text, Escapes::Lenient), &mut members).map_err(|fault| malformed(&fault))?;
        Ok(Self::Other(Box::new(Whole { dialect: upstream, members, canonical, body })))
    }

    /// The dialect it came in.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat(_) => Dialect::Openai,
            Self::Other(answer) => answer.dialect,
        }
    }

    /// What the call consumed, if the provider says and it can be true.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Chat(answer) => answer.usage(),
            Self::Other(answer) => believed(answer.canonical.usage, written(&answer.canonical)),
        }
    }

    /// The model that the provider says has answered.
    pub fn served_model(&self) -> Option<&str> {
        match self {
            Self::Chat(answer) => answer.served_model(),
            Self::Other(answer) => answer.canonical.model.as_deref(),
        }
    }

    /// The name under which the provider may have kept the answer: those of Responses keep theirs.
    pub fn kept_name(&self) -> Option<&str> {
        match self {
            Self::Other(answer) if answer.dialect == Dialect::OpenaiResponses => answer.canonical.id.as_deref(),
            Self::Chat(_) | Self::Other(_) => None,
        }
    }

    /// The estimated tokens of the answer, for a provider that reports no usage.
    pub fn estimated_completion(&self) -> u64 {
        match self {
            Self::Chat(answer) => answer.estimated_completion(),
            Self::Other(answer) => estimate(&answer.canonical),
        }
    }

    /// Writes the answer for a caller of a dialect.
    pub fn render<'a>(&'a self, caller: Dialect, shown: &Shown<'a>) -> Rendered<'a> {
        let written = match self {
            _ if self.dialect() == caller => {
                return Rendered { form: Form::Same(self, shown.model), loss: Loss::default() };
            }
            Self::Chat(answer) => encode(&openai::decode::answer(answer.body()), caller, shown),
            Self::Other(answer) => encode(&answer.canonical, caller, shown),
        };
        Rendered { form: Form::Written(written.body), loss: written.loss }
    }
}

impl Rendered<'_> {
    /// What the caller's dialect cannot say.
    pub const fn loss(&self) -> &Loss {
        &self.loss
    }

    /// Returns the body with members of ours: names and JSON texts.
    pub fn finish(self, routing: &[(&str, &[u8])]) -> Bytes {
        match self.form {
            Form::Same(Answer::Chat(answer), model) => answer.splice(model, routing),
            Form::Same(Answer::Other(answer), model) => answer.splice(model, routing),
            Form::Written(mut body) => {
                openai::append_members(&mut body, routing);
                body.into()
            }
        }
    }
}

impl Whole {
    fn splice(&self, model: &str, routing: &[(&str, &[u8])]) -> Bytes {
        let model = quoted(model);
        let mut edits = vec![Edit::set(self.dialect.model_member(), &model)];
        edits.extend(openai::own_edits(routing));
        let mut out = Vec::with_capacity(self.body.len() + 256);
        splice(&self.body, &self.members, &edits, &mut out);
        out.into()
    }
}

fn encode(answer: &canonical::Answer, caller: Dialect, shown: &Shown<'_>) -> Written {
    let answer = &*answer.with_named_calls(shown.id);
    let written = match caller {
        Dialect::Openai => openai::encode::answer(answer, shown),
        Dialect::OpenaiResponses => crate::responses::encode::answer(answer, shown),
        Dialect::Anthropic => crate::anthropic::encode::answer(answer, shown),
        Dialect::Gemini => crate::gemini::encode::answer(answer, shown),
    };
    let mut loss = answer.unsaid.clone();
    loss.extend(&written.loss);
    Written { loss, ..written }
}

/// The estimated tokens of an answer that the model has written itself: refusals may be the provider's own words.
fn written(answer: &canonical::Answer) -> u64 {
    let is_written = |part: &Part| match part {
        Part::Text { .. } | Part::Reasoning { .. } | Part::ToolCall { .. } => true,
        Part::Refusal { .. }
        | Part::Image { .. }
        | Part::Audio { .. }
        | Part::File { .. }
        | Part::ToolResult { .. } => false,
    };
    let is_written = answer.choices.iter().flat_map(|choice| &choice.parts).any(is_written);
    if is_written { estimate(answer) } else { 0 }
}

fn estimate(answer: &canonical::Answer) -> u64 {
    let mut text = TokenEstimator::new();
    for part in answer.choices.iter().flat_map(|choice| &choice.parts) {
        match part {
            Part::Text { text: said, .. } | Part::Refusal { text: said } | Part::Reasoning { text: said, .. } => {
                text.add_text(said);
            }
            Part::ToolCall { name, arguments, .. } => {
                text.add_text(name);
                text.add_text(arguments);
            }
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => {}
        }
    }
    text.tokens()
}

fn malformed(fault: &dyn std::fmt::Display) -> BadAnswer {
    BadAnswer::Malformed { reason: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_of_a_refusal_are_missed_where_there_is_no_place_for_them() {
        let body = r#"{"choices":[{"message":{"refusal":"no"},"logprobs":{"content":null,"refusal":[{"token":"no","logprob":-1}]}}]}"#;
        let answer = Answer::decode(Dialect::Openai, Bytes::from_static(body.as_bytes())).expect("an answer");
        let shown = Shown { model: "acme/one", id: "x", created: 7, usage: None, echo: &Echo::NONE };
        for (dialect, place) in [
            (Dialect::OpenaiResponses, "choices[0].logprobs.refusal"),
            (Dialect::Gemini, "choices[0].logprobs.refusal"),
            (Dialect::Anthropic, "choices[0].logprobs"),
        ] {
            let rendered = answer.render(dialect, &shown);
            assert!(rendered.loss().iter().any(|lost| lost.path == place), "{dialect:?}");
        }
    }

    #[test]
    fn what_is_lost_is_known_before_our_members_are_written_and_missing_usage_is_told() {
        let body = r#"{"choices":[{"message":{"content":"a"},"logprobs":{"content":[]}}]}"#;
        let answer = Answer::decode(Dialect::Openai, Bytes::from_static(body.as_bytes())).expect("an answer");
        let usage = Some(Usage { prompt_tokens: 3, completion_tokens: 1, estimated: true, ..Usage::default() });
        let shown = Shown { model: "acme/one", id: "msg_1", created: 7, usage, echo: &Echo::NONE };
        let rendered = answer.render(Dialect::Anthropic, &shown);
        let lost: Vec<_> = rendered.loss().iter().map(|lost| lost.path.as_str()).collect();
        assert_eq!(lost, ["choices[0].logprobs"]);
        let expected = concat!(
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"acme/one","content":[{"type":"text","text":"a"}],"#,
            r#""stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"#,
            r#""cache_read_input_tokens":0,"output_tokens":1},"routing":{"a":1}}"#
        );
        assert_eq!(rendered.finish(&[("routing", br#"{"a":1}"#)]), expected);
    }

    #[test]
    fn a_count_of_nothing_is_believed_of_an_answer_without_words_alone() {
        for (dialect, body) in [
            (
                Dialect::Openai,
                r#"{"choices":[{"message":{"content":"SAID"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#,
            ),
            (
                Dialect::OpenaiResponses,
                r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"SAID"}]}],"usage":{"input_tokens":0}}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"content":[{"type":"text","text":"SAID"}],"usage":{"input_tokens":0,"output_tokens":0}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"candidates":[{"content":{"parts":[{"text":"SAID"}]}}],"usageMetadata":{"totalTokenCount":0}}"#,
            ),
        ] {
            let usage = |body: String| Answer::decode(dialect, body.into()).expect("an answer").usage();
            assert_eq!(usage(body.replace("SAID", "")), Some(Usage::default()), "{dialect:?}");
            assert_eq!(usage(body.replace("SAID", "a")), None, "{dialect:?}");
        }
    }

    #[test]
    fn a_prompt_refused_in_the_providers_words_has_cost_its_prompt_alone() {
        let body = r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"No."},"usageMetadata":{"promptTokenCount":9}}"#;
        let usage = Answer::decode(Dialect::Gemini, Bytes::from_static(body.as_bytes())).expect("an answer").usage();
        assert_eq!(usage, Some(Usage { prompt_tokens: 9, ..Usage::default() }));
    }
}
