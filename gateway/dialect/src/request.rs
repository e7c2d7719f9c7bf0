//! What a caller asks for, in whatever dialect: checked once, asked many times, and sent on in the upstream's dialect.
//!
//! A request that stays in its dialect travels as the slices it came in; one that changes it goes through the
//! [`canonical`] form, and says what was lost. Which model answers is not decided here.

mod as_written;
mod derive;
pub(crate) mod extensions;
mod fault;
mod labels;
mod parameters;
pub(crate) mod read;
pub(crate) mod reader;
mod scorer_text;
mod tags;
mod translated;

use std::ops::Deref;

use bytes::Bytes;
use domain::{Constraints, Features, ScorerInput};

use crate::canonical::{self, Loss};
use crate::json::{Escapes, Member, Node, Scanner, members_of, utf8};
use crate::openai::{self, ChatRequest};
use crate::{Dialect, Echo};

pub use extensions::{DataCollection, Extensions, ProviderLimits, RoutingHints};
pub use fault::BadRequest;
pub(crate) use parameters::ParameterSet;
pub(crate) use scorer_text::{ScorerText, Speaker, Turn};
pub use tags::Tag;
pub(crate) use translated::Top;
pub use translated::Translated;

/// Tokens that an image is taken for.
pub(crate) const TOKENS_PER_IMAGE: u64 = 1000;
/// Tokens that the frame of a message is taken for.
pub(crate) const TOKENS_PER_MESSAGE: u64 = 4;

/// What earlier turns say of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<'a> {
    /// The system text and the first user message, as the caller wrote them, in order: they stay the same from turn to
    /// turn.
    pub opening: Vec<&'a str>,
    /// Tokens of the request before the last turn, by the usual estimate.
    pub earlier_tokens: u64,
    /// Tools have been called, and their results are just coming in or are still missing.
    pub in_tool_loop: bool,
}

/// What the path of a request says that others write into the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The model.
    pub model: Option<String>,
    /// Whether a stream is wanted.
    pub stream: Option<bool>,
}

/// A body for an upstream.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// It.
    pub body: Bytes,
    /// What the upstream's dialect cannot say.
    pub loss: Loss,
}

/// A request in the dialect of its caller.
#[derive(Clone, Debug)]
pub enum Request {
    /// `OpenAI` chat, scanned once and never taken apart while it stays in its dialect.
    Chat(Box<ChatRequest>),
    /// Any other.
    Other(Box<Translated>),
}

impl Request {
    /// Reads a request body.
    ///
    /// # Errors
    /// A body that is not the dialect's, with the path of the field at fault.
    pub fn decode(dialect: Dialect, body: Bytes, target: Target) -> Result<Self, BadRequest> {
        let decode = match dialect {
            Dialect::Openai => return ChatRequest::decode(body).map(|request| Self::Chat(Box::new(request))),
            Dialect::OpenaiResponses => crate::responses::decode::request,
            Dialect::Anthropic => crate::anthropic::decode::request,
            Dialect::Gemini => crate::gemini::decode::request,
        };
        Translated::decode(dialect, body, target, decode).map(|request| Self::Other(Box::new(request)))
    }

    /// The dialect it came in, which is the dialect of its answer.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat(_) => Dialect::Openai,
            Self::Other(request) => request.dialect(),
        }
    }

    /// Whether the caller asked for a usage chunk in the stream; other dialects than `OpenAI` chat always tell it.
    pub fn include_usage(&self) -> bool {
        match self {
            Self::Chat(request) => request.include_usage(),
            Self::Other(_) => true,
        }
    }

    /// How many answers the caller wants.
    pub fn choices(&self) -> u64 {
        match self {
            Self::Chat(request) => request.n(),
            Self::Other(request) => request.canonical().choices.unwrap_or(1),
        }
    }

    /// Returns the body for an upstream of a dialect: its model's native name, our fields gone, usage forced on in
    /// streams.
    ///
    /// # Errors
    /// A field that could have gone to an upstream of the same dialect unread, and is wrong where it must be translated.
    pub fn encode_for(&self, upstream: Dialect, native_model: &str) -> Result<Encoded, BadRequest> {
        match self {
            Self::Chat(request) if upstream == Dialect::Openai => {
                Ok(Encoded { body: request.encode_for(native_model), loss: Loss::default() })
            }
            Self::Chat(request) => {
                let node = Node::parse(utf8(request.body()), Escapes::Strict)?;
                self.encode(&openai::decode::request(&node)?, upstream, native_model)
            }
            Self::Other(request) if request.dialect() == upstream => Ok(request.encode_same(native_model)),
            Self::Other(request) => {
                request.check_state()?;
                self.encode(request.canonical(), upstream, native_model)
            }
        }
    }

    /// Writes it in another dialect than its own.
    fn encode(
        &self,
        request: &canonical::Request,
        upstream: Dialect,
        native_model: &str,
    ) -> Result<Encoded, BadRequest> {
        if !request.says_something() {
            return Err(self.says_nothing());
        }
        let mut left = Loss::default();
        let request = &*request.with_possible_choice(&mut left);
        let encoded = match upstream {
            Dialect::Openai => openai::encode::request(request, native_model),
            Dialect::OpenaiResponses => crate::responses::encode::request(request, native_model),
            Dialect::Anthropic => crate::anthropic::encode::request(request, native_model),
            Dialect::Gemini => crate::gemini::encode::request(request, native_model),
        };
        if !request.has_words() && is_without_turns(upstream, &encoded.body) {
            return Err(self.says_nothing());
        }
        left.extend(&encoded.loss);
        let mut loss = as_written::as_written(&left, request, self.dialect(), utf8(self.body()));
        loss.extend(&request.unknown);
        Ok(Encoded { loss, ..encoded })
    }

    /// The refusal of a conversation of which nothing would be left.
    fn says_nothing(&self) -> BadRequest {
        let path = turns_of(self.dialect());
        BadRequest {
            message: format!("nothing of `{path}` can be said in the dialect of the provider: add text"),
            param: Some(path.to_owned()),
            code: "invalid_value",
        }
    }

    /// Why the request is refused where it goes on with what a provider has kept and none that may have kept it can
    /// answer; `None` = its dialect has no word for that.
    pub fn refusal_elsewhere(&self) -> Option<BadRequest> {
        match self {
            Self::Other(request) if request.kept == Some(Kept::Thread) => request.refusal_elsewhere(),
            Self::Other(_) | Self::Chat(_) => None,
        }
    }

    /// Returns what an answer from an upstream of a dialect has to repeat of the request: nothing where it stays in its
    /// dialect, since the provider does so then.
    pub fn echo_for(&self, upstream: Dialect) -> Echo {
        let repeats = self.dialect() == Dialect::OpenaiResponses && upstream != Dialect::OpenaiResponses;
        if repeats { Echo::of(&self.body, &self.members) } else { Echo::default() }
    }

    /// Returns what the scorer reads.
    pub fn scorer_input(&self) -> ScorerInput {
        match self {
            Self::Chat(request) => request.scorer_input(),
            Self::Other(request) => request.scorer_input(),
        }
    }

    /// Reads the history; `None` where messages have members of types that no dialect knows.
    pub fn history(&self) -> Option<History<'_>> {
        match self {
            Self::Chat(request) => request.history(),
            Self::Other(request) => Some(request.history()),
        }
    }
}

/// Where a dialect keeps the turns of a conversation.
const fn turns_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Openai | Dialect::Anthropic => "messages",
        Dialect::OpenaiResponses => "input",
        Dialect::Gemini => "contents",
    }
}

/// Whether a body that was written has no turn: no vendor takes it.
fn is_without_turns(upstream: Dialect, body: &[u8]) -> bool {
    let mut members = Vec::new();
    let is_sound = members_of(&mut Scanner::new(utf8(body), Escapes::Strict), &mut members).is_ok();
    let turns = members.iter().find(|member| member.is_named(body, turns_of(upstream)));
    is_sound && turns.is_none_or(|turns| turns.value.of(body) == b"[]")
}

impl Deref for Request {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        match self {
            Self::Chat(request) => request,
            Self::Other(request) => request,
        }
    }
}

/// What a request goes on with that lies at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Earlier answers, conversations or prompts of Responses.
    Responses,
    /// A thread of Anthropic's, or the wish for one.
    Thread,
}

/// What requests of every dialect have: a body with members, a model, needs, and our own fields.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub(crate) body: Bytes,
    pub(crate) members: Vec<Member>,
    pub(crate) model: Option<String>,
    pub(crate) features: Features,
    pub(crate) extensions: Extensions,
    /// It goes on with what a provider has kept.
    pub(crate) kept: Option<Kept>,
    /// The answer that it goes on with, by its provider's name for it.
    pub(crate) continued: Option<Box<str>>,
    /// The names of our own members that are present, so that they can be left out.
    pub(crate) own_members: Vec<&'static str>,
}

impl Envelope {
    /// The body as it came.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The `model` as written; `None` when absent, null or empty.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether the caller wants a stream.
    pub const fn stream(&self) -> bool {
        self.features.stream
    }

    /// Whether the provider may keep the answer, so that another request can go on with it.
    pub fn lets_keep(&self) -> bool {
        self.member("store") != Some(b"false")
    }

    /// What the request needs.
    pub const fn features(&self) -> &Features {
        &self.features
    }

    /// The answer that the request goes on with, by the name under which its provider has kept it.
    pub fn continued(&self) -> Option<&str> {
        self.continued.as_deref()
    }

    /// Our own fields.
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns what the request demands of its candidates; its own `models` are left to whoever knows the catalogue.
    pub fn constraints(&self) -> Constraints {
        let Extensions { routing, provider, .. } = &self.extensions;
        Constraints {
            models: Vec::new(),
            only_providers: provider.only.clone().unwrap_or_default(),
            ignored_providers: provider.ignore.clone(),
            deny_data_collection: provider.data_collection == Some(DataCollection::Deny),
            zero_data_retention: provider.zdr,
            kept_state: self.kept == Some(Kept::Responses),
            kept_by: None,
            kept_thread: self.kept == Some(Kept::Thread),
            max_cost: routing.max_cost_usd,
            min_quality: routing.min_quality,
        }
    }

    /// Returns the JSON text of a top-level member, such as `user` or `metadata`, which rules may read.
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        let member = self.members.iter().find(|member| member.is_named(&self.body, name))?;
        Some(member.value.of(&self.body))
    }
}
