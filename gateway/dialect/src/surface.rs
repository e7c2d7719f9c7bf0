//! What a path means: which dialect is spoken there, and what is asked.

use std::borrow::Cow;

use domain::RouterId;

use crate::{Dialect, Target};

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An answer.
    Generate,
    /// How many tokens a request has.
    CountTokens,
    /// Vectors.
    Embed,
    /// Vectors of several contents, each asked for by itself.
    EmbedBatch,
}

/// A path at which models are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface<'a> {
    /// The dialect of request and answer.
    pub dialect: Dialect,
    /// What is asked.
    pub operation: Operation,
    /// The router whose own path it is.
    pub router: Option<&'a str>,
    /// What the path says of the model.
    pub target: Target,
}

/// The paths that name no model, below `/v1` or a router.
const FIXED: [(&str, Dialect, Operation); 5] = [
    ("chat/completions", Dialect::Openai, Operation::Generate),
    ("responses", Dialect::OpenaiResponses, Operation::Generate),
    ("messages", Dialect::Anthropic, Operation::Generate),
    ("messages/count_tokens", Dialect::Anthropic, Operation::CountTokens),
    ("embeddings", Dialect::Openai, Operation::Embed),
];

impl<'a> Surface<'a> {
    /// Returns what a path means; `None` = no model is asked there.
    pub fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        let versioned = |rest: &str| rest.strip_prefix("v1/").and_then(fixed).or_else(|| gemini(rest));
        match rest.split_once('/') {
            Some((router, rest)) if router.starts_with(RouterId::PREFIX) => {
                let (dialect, operation, target) = versioned(rest).or_else(|| fixed(rest))?;
                Some(Self { dialect, operation, router: Some(router), target })
            }
            _ => {
                let (dialect, operation, target) = versioned(rest)?;
                Some(Self { dialect, operation, router: None, target })
            }
        }
    }

    /// The dialect in which a path is answered, also where it means nothing: by its looks.
    pub fn dialect_of(path: &str) -> Dialect {
        match Surface::of(path) {
            Some(surface) => surface.dialect,
            None if path.starts_with("/v1/messages") => Dialect::Anthropic,
            None if path.starts_with("/v1beta/") => Dialect::Gemini,
            None => Dialect::Openai,
        }
    }
}

fn fixed(rest: &str) -> Option<(Dialect, Operation, Target)> {
    let (_, dialect, operation) = FIXED.into_iter().find(|(path, ..)| *path == rest)?;
    Some((dialect, operation, Target::default()))
}

/// `v1beta/models/{model}:{method}`; some clients leave `models/` out where a model's name has a `/`, as all have here.
fn gemini(rest: &str) -> Option<(Dialect, Operation, Target)> {
    let rest = rest.strip_prefix("v1beta/").or_else(|| rest.strip_prefix("v1/"))?;
    let (name, method) = rest.rsplit_once(':')?;
    let (operation, stream) = match method {
        "generateContent" => (Operation::Generate, Some(false)),
        "streamGenerateContent" => (Operation::Generate, Some(true)),
        "countTokens" => (Operation::CountTokens, Some(false)),
        "embedContent" => (Operation::Embed, Some(false)),
        "batchEmbedContents" => (Operation::EmbedBatch, Some(false)),
        _ => return None,
    };
    let name = percent_decode(name);
    // Google's other resources that can be asked are none of ours.
    let is_foreign = name.is_empty() || name.starts_with("tunedModels/");
    let model = name.strip_prefix("models/").unwrap_or(&name).to_owned();
    (!is_foreign).then_some((Dialect::Gemini, operation, Target { model: Some(model), stream }))
}

/// Decodes `%2F` as clients write it into paths; what is malformed stays as it is.
pub fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let hex = || u8::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok();
        let escaped = (*first == b'%').then(hex).flatten();
        decoded.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(Dialect, Operation, Option<&str>)>) {
        let found = Surface::of(path);
        assert_eq!(found.map(|it| (it.dialect, it.operation, it.router)), expected, "{path}");
    }

    #[test]
    fn every_path_of_the_vendors_is_known_with_and_without_a_router() {
        use {Dialect as D, Operation as O};
        let router = "rtr_0000000000000000000000";
        check("/v1/chat/completions", Some((D::Openai, O::Generate, None)));
        check("/v1/responses", Some((D::OpenaiResponses, O::Generate, None)));
        check("/v1/messages", Some((D::Anthropic, O::Generate, None)));
        check("/v1/messages/count_tokens", Some((D::Anthropic, O::CountTokens, None)));
        check("/v1/embeddings", Some((D::Openai, O::Embed, None)));
        for path in ["chat/completions", "v1/chat/completions"] {
            check(&format!("/{router}/{path}"), Some((D::Openai, O::Generate, Some(router))));
        }
        check(&format!("/{router}/v1/messages"), Some((D::Anthropic, O::Generate, Some(router))));
        check(&format!("/{router}/v1beta/models/auto:generateContent"), Some((D::Gemini, O::Generate, Some(router))));
        for path in
            ["/v1/models", "/v1/chat", "/chat/completions", "/", "", "/v1beta/models/x", "/v1beta/models/x:tune"]
        {
            check(path, None);
        }
    }

    #[test]
    fn the_gemini_path_names_the_model_and_whether_it_streams() {
        let target = |path| Surface::of(path).expect("known").target;
        let asked = |model: &str, stream| Target { model: Some(model.to_owned()), stream: Some(stream) };
        assert_eq!(target("/v1beta/models/acme/small:generateContent"), asked("acme/small", false));
        assert_eq!(target("/v1beta/models/acme%2Fsmall%3Afree:streamGenerateContent"), asked("acme/small:free", true));
        assert_eq!(target("/v1/models/models/small:countTokens"), asked("models/small", false));
    }

    #[test]
    fn a_model_is_asked_without_the_word_models_before_it() {
        use Operation as O;
        let router = "rtr_0000000000000000000000";
        for name in ["acme/small", "acme%2Fsmall", "models%2Facme%2Fsmall", "models/acme/small", "models/acme%2fsmall"]
        {
            for (method, operation) in [
                ("generateContent", O::Generate),
                ("streamGenerateContent", O::Generate),
                ("countTokens", O::CountTokens),
                ("embedContent", O::Embed),
                ("batchEmbedContents", O::EmbedBatch),
            ] {
                for version in ["v1beta", "v1"] {
                    let path = format!("/{version}/{name}:{method}");
                    check(&path, Some((Dialect::Gemini, operation, None)));
                    assert_eq!(Surface::of(&path).unwrap().target.model.as_deref(), Some("acme/small"), "{path}");
                    check(&format!("/{router}{path}"), Some((Dialect::Gemini, operation, Some(router))));
                }
            }
        }
    }

    #[test]
    fn what_is_no_model_of_ours_is_not_taken_for_one() {
        for path in [
            "/v1beta/tunedModels/mine:generateContent",
            "/v1beta/tunedModels%2Fmine:generateContent",
            "/v1beta/:generateContent",
            "/v1beta/files/x:download",
            "/v1beta/acme/small:predict",
            "/v1beta/acme/small",
            "/acme/models/small:generateContent",
            "/acme/v1beta/models/small:generateContent",
            "/v2/acme/small:generateContent",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        for (written, read) in [("demo%2Fsmall", "demo/small"), ("a+b%zz%2", "a+b%zz%2"), ("%+f%C3%A9", "%+fé")] {
            assert_eq!(percent_decode(written), read);
        }
    }

    #[test]
    fn unknown_paths_are_refused_in_the_dialect_they_look_like() {
        assert_eq!(Surface::dialect_of("/v1/messages/batches"), Dialect::Anthropic);
        assert_eq!(Surface::dialect_of("/v1beta/files"), Dialect::Gemini);
        assert_eq!(Surface::dialect_of("/nowhere"), Dialect::Openai);
    }
}
