//! A request of any dialect but `OpenAI` chat: read into the canonical form at once, since its needs are derived there.
//!
//! Sent on in its own dialect it is the body as it came, less our own members, under the model's native name.

use std::ops::Deref;

use bytes::Bytes;
use domain::{Features, ScorerInput};

use super::derive;
use super::{BadRequest, Encoded, Envelope, Extensions, History, Kept, extensions, read};
use crate::anthropic::proof::{self, Foreign};
use crate::canonical::{Loss, Lost, Request as Canonical};
use crate::gemini::vouch;
use crate::json::{self, Edit, Escapes, Member, Node, Path, Scanner, Span, quoted, splice};
use crate::responses::decode::PREVIOUS_RESPONSE;
use crate::{Dialect, Target, anthropic, responses};

/// A request in its own dialect and in none.
#[derive(Clone, Debug)]
pub struct Translated {
    envelope: Envelope,
    dialect: Dialect,
    canonical: Canonical,
}

impl Deref for Translated {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

impl Translated {
    /// Reads a body. What the path says of model and stream goes before what the body says.
    pub(crate) fn decode(
        dialect: Dialect,
        body: Bytes,
        target: Target,
        decode: impl FnOnce(&Node<'_>) -> Result<Canonical, BadRequest>,
    ) -> Result<Self, BadRequest> {
        let text = json::checked_utf8(&body).map_err(|fault| BadRequest::not_utf8(&fault))?;
        let top = Top::read(text, |scanner, _, _| {
            scanner.skip()?;
            Ok(())
        })?;
        let node = Node::parse(text, Escapes::Strict)?;
        let mut canonical = decode(&node)?;
        canonical.model = target.model.or(canonical.model).filter(|model| !model.is_empty());
        canonical.stream = target.stream.unwrap_or(canonical.stream);
        let features: Features = derive::features(&canonical);
        let kept = kept(dialect, &canonical).map(|(what, _)| what);
        let of_an_answer = kept == Some(Kept::Responses);
        let continued = node.str_of(PREVIOUS_RESPONSE).filter(|_| of_an_answer).map(Box::from);
        let envelope = Envelope {
            members: top.members,
            model: canonical.model.clone(),
            features,
            extensions: top.extensions,
            kept,
            continued,
            own_members: top.own_members,
            body,
        };
        Ok(Self { envelope, dialect, canonical })
    }

    /// The dialect it came in.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The request in no dialect.
    pub const fn canonical(&self) -> &Canonical {
        &self.canonical
    }

    /// Refuses a request that goes on with what its provider has kept, where another would have to answer.
    pub(crate) fn check_state(&self) -> Result<(), BadRequest> {
        self.refusal_elsewhere().map_or(Ok(()), Err)
    }

    /// Why it is refused where only providers that cannot have kept what it goes on with would answer.
    pub(crate) fn refusal_elsewhere(&self) -> Option<BadRequest> {
        let (kept, lost) = kept(self.dialect, &self.canonical)?;
        let path = Path::top(&lost.path);
        Some(match kept {
            Kept::Thread => BadRequest::no_thread(&path),
            Kept::Responses => {
                let problem = "stands for what a provider of this dialect has kept, and the model that would answer is at another: \
                               name a model there, or send the whole conversation";
                BadRequest::at(&path, "state_at_provider", problem)
            }
        })
    }

    /// The body for an upstream of its own dialect.
    pub(crate) fn encode_same(&self, native_model: &str) -> Encoded {
        let model = quoted(native_model);
        let mut loss = Loss::default();
        let body = json::utf8(&self.body);
        let (turns, foreign) = match self.dialect {
            Dialect::Anthropic => ("messages", proof::foreign(&self.canonical, body, &mut loss)),
            Dialect::Gemini => {
                let messages = vouch::contents(&self.canonical, body, native_model, &mut loss);
                ("contents", Foreign { messages, ..Foreign::default() })
            }
            Dialect::OpenaiResponses => {
                let messages = responses::proof::without_foreign(&self.canonical, body, &mut loss);
                ("input", Foreign { messages, ..Foreign::default() })
            }
            Dialect::Openai => ("messages", Foreign::default()),
        };
        let mut edits: Vec<Edit<'_>> = self.own_members.iter().map(|name| Edit::remove(name)).collect();
        match self.dialect {
            // Its model stands in the path.
            Dialect::Gemini => edits.push(Edit::remove("model")),
            Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => edits.push(Edit::set("model", &model)),
        }
        edits.extend(foreign.messages.iter().map(|messages| Edit::set(turns, messages)));
        edits.extend(foreign.forbids_thinking.then_some(Edit::remove("thinking")));
        let mut out = Vec::with_capacity(self.body.len() + native_model.len() + 16);
        splice(&self.body, &self.members, &edits, &mut out);
        Encoded { body: out.into(), loss }
    }

    pub(crate) fn history(&self) -> History<'_> {
        derive::history(&self.canonical, self.features.input_tokens)
    }

    pub(crate) fn scorer_input(&self) -> ScorerInput {
        derive::scorer_input(&self.canonical, self.features.clone())
    }
}

/// What a provider has kept, and what stands for it.
fn kept(dialect: Dialect, canonical: &Canonical) -> Option<(Kept, &Lost)> {
    let (kept, names): (_, &[&str]) = match dialect {
        Dialect::OpenaiResponses => (Kept::Responses, &responses::decode::STATE),
        Dialect::Anthropic => (Kept::Thread, &[anthropic::decode::THREAD]),
        Dialect::Openai | Dialect::Gemini => return None,
    };
    canonical.unknown.iter().find(|lost| names.contains(&&*lost.path)).map(|lost| (kept, lost))
}

/// The top level: where its members are, and ours among them.
#[derive(Default)]
pub(crate) struct Top {
    pub(crate) members: Vec<Member>,
    pub(crate) own_members: Vec<&'static str>,
    pub(crate) extensions: Extensions,
}

impl Top {
    /// Reads a body; `read_other` reads what is not ours.
    pub(crate) fn read<'a>(
        text: &'a str,
        mut read_other: impl FnMut(&mut Scanner<'a>, &str, &Path<'_>) -> Result<(), BadRequest>,
    ) -> Result<Self, BadRequest> {
        let mut scanner = Scanner::new(text, Escapes::Strict);
        if scanner.peek()? != json::Kind::Object {
            let found = scanner.peek()?.as_str();
            let message = format!("the body must be a JSON object, not {found}");
            return Err(BadRequest { message, param: None, code: "invalid_type" });
        }
        let mut top = Self::default();
        read::object(&mut scanner, &Path::Root, |scanner, key, name, path| {
            scanner.peek()?;
            let start = scanner.position();
            if !top.read_own(scanner, name, path)? {
                read_other(scanner, name, path)?;
            }
            let value = Span { start, end: scanner.position() };
            top.members.push(Member { key: key.span, escaped: key.escaped, value });
            Ok(())
        })?;
        scanner.finish()?;
        Ok(top)
    }

    /// Reads a member if it is ours; says whether it was.
    fn read_own(&mut self, scanner: &mut Scanner<'_>, name: &str, path: &Path<'_>) -> Result<bool, BadRequest> {
        let Some(own) = extensions::NAMES.into_iter().find(|own| *own == name) else {
            extensions::refuse_policy(name, path)?;
            return Ok(false);
        };
        self.own_members.push(own);
        self.extensions.read(scanner, own, path)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    #[test]
    fn a_conversation_without_a_turn_is_refused() {
        let target = Target { model: Some("acme/small".to_owned()), stream: Some(false) };
        for (dialect, body, field) in [
            (Dialect::Anthropic, r#"{"model":"acme/small","max_tokens":9,"system":"s","messages":[]}"#, "messages"),
            (Dialect::Gemini, r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[]}"#, "contents"),
        ] {
            let fault = Request::decode(dialect, Bytes::from_static(body.as_bytes()), target.clone()).unwrap_err();
            assert_eq!((fault.code, fault.param.as_deref()), ("invalid_value", Some(field)));
        }
    }
}
