//! What went wrong with an upstream call: what it was, whose fault, what to try next, and what may have been charged.
//!
//! `classify` turns statuses into faults, `transport` turns errors of connections into them. Nothing here decides
//! whether to try again: the advice is weighed by the gateway's fallback.

mod classify;
mod retry_after;
mod transport;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use dialect::UpstreamError;
use domain::{AttemptOutcome, Credential, CredentialSource, Owner};
use seal::Secret;

pub(crate) use classify::from_status;
pub(crate) use retry_after::retry_after_of;
pub use retry_after::{RETRY_AFTER_CAP, parse_retry_after};
pub(crate) use transport::{cause, from_body_error, from_send_error};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No connection: refused, unreachable, no such name, or too slow to come about.
    ConnectFailed,
    /// TLS failed: untrusted, expired, or for another name.
    TlsFailed,
    /// The connection broke before the answer was complete.
    Disconnected,
    /// It broke off after content had been passed on; only the gateway knows that.
    Interrupted,
    /// It took too long.
    Timeout,
    /// 429.
    RateLimited,
    /// 529, or another word for no capacity.
    Overloaded,
    /// 5xx.
    ServerError,
    /// An answer that is none: malformed, too large, a web page, a redirect, or an error under status 200.
    BadAnswer,
    /// It refused the secret.
    Unauthorised,
    /// It does not know the model.
    ModelNotFound,
    /// The prompt is too long for it.
    ContextLength,
    /// Another 4xx.
    Refused,
    /// Nothing was sent: no usable secret, a forbidden address, or a base URL that is none.
    NotSent,
}

impl FaultKind {
    /// The kind's name, for logs and counters: `connect_failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectFailed => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::Disconnected => "disconnected",
            Self::Interrupted => "interrupted",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::BadAnswer => "bad_answer",
            Self::Unauthorised => "unauthorised",
            Self::ModelNotFound => "model_not_found",
            Self::ContextLength => "context_length",
            Self::Refused => "refused",
            Self::NotSent => "not_sent",
        }
    }

    /// The advice and the blame that go with a kind unless something more is known.
    pub const fn defaults(self) -> (Blame, Retry) {
        match self {
            Self::ConnectFailed
            | Self::TlsFailed
            | Self::Disconnected
            | Self::Timeout
            | Self::Overloaded
            | Self::ServerError
            | Self::BadAnswer => (Blame::Upstream, Retry::NextCandidate),
            Self::RateLimited => (Blame::Upstream, Retry::NextCredential),
            Self::Interrupted => (Blame::Upstream, Retry::Never),
            Self::Unauthorised => (Blame::Operator, Retry::NextCredential),
            Self::ModelNotFound | Self::NotSent => (Blame::Operator, Retry::NextCandidate),
            Self::ContextLength => (Blame::Caller, Retry::LongerContext),
            Self::Refused => (Blame::Caller, Retry::Never),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FaultKind> for AttemptOutcome {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::ConnectFailed => Self::ConnectFailed,
            FaultKind::TlsFailed => Self::TlsFailed,
            FaultKind::Disconnected => Self::Disconnected,
            FaultKind::Interrupted => Self::Interrupted,
            FaultKind::Timeout => Self::Timeout,
            FaultKind::RateLimited => Self::RateLimited,
            FaultKind::Overloaded => Self::Overloaded,
            FaultKind::ServerError => Self::ServerError,
            FaultKind::BadAnswer => Self::BadAnswer,
            FaultKind::Unauthorised => Self::Unauthorised,
            FaultKind::ModelNotFound => Self::ModelNotFound,
            FaultKind::ContextLength => Self::ContextLength,
            FaultKind::Refused => Self::Refused,
            FaultKind::NotSent => Self::NotSent,
        }
    }
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The provider's, or the network's.
    Upstream,
    /// The request's.
    Caller,
    /// The configuration's: a secret, a base URL, a model name.
    Operator,
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Another secret of the same provider, then the next candidate.
    NextCredential,
    /// The next candidate.
    NextCandidate,
    /// The next candidate with a longer context.
    LongerContext,
    /// Nothing: the same request would fail the same way anywhere.
    Never,
}

/// A failed call. Its message is safe to show: the secret that was used never stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// Whose fault it is.
    pub blame: Blame,
    /// What may help.
    pub retry: Retry,
    /// The provider's status, if it gave one.
    pub status: Option<u16>,
    /// What happened, in a sentence; the provider's own words where it gave some.
    pub message: String,
    /// What the provider said, where it said something that could be read.
    pub upstream: Option<Box<UpstreamError>>,
    /// How long the provider asked to be left alone, at most [`RETRY_AFTER_CAP`].
    pub retry_after: Option<Duration>,
    /// Whose secret the call was made with; absent = it was made without one, or not at all.
    pub owner: Option<Owner>,
    /// The request may have reached a model and may be billed although no answer came back.
    pub possibly_charged: bool,
}

impl Fault {
    /// A fault with the blame and advice of its kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let (blame, retry) = kind.defaults();
        Self {
            kind,
            blame,
            retry,
            status: None,
            message: message.into(),
            upstream: None,
            retry_after: None,
            owner: None,
            possibly_charged: false,
        }
    }

    /// The fault of an error that came under status 200, in the body or as an event.
    pub fn from_report(said: UpstreamError, secret: Option<&Secret>) -> Self {
        classify::from_report(said, secret.and_then(Secret::expose_str))
    }

    /// Says whose secret the call was made with. A caller whose own secret was refused is told so, plainly and at once:
    /// another secret would hide what only they can mend, and bill somebody else.
    #[must_use]
    pub fn with_key_of(mut self, credential: &Credential) -> Self {
        self.owner = Some(credential.owner);
        if self.is_refusal_of_own_key() {
            self.blame = Blame::Caller;
            self.retry = Retry::Never;
            let (provider, name, said) = (&credential.provider, &credential.name, &self.message);
            self.message = format!("`{provider}` refused your own key `{name}`: {said}");
        }
        self
    }

    /// Whether the provider refused a secret that the organisation or one of its users brought along.
    pub fn is_refusal_of_own_key(&self) -> bool {
        let own = self.owner.is_some_and(|owner| owner.source() == CredentialSource::User);
        own && self.kind == FaultKind::Unauthorised && self.status == Some(401)
    }

    /// Marks that the request was sent, so that a model may have worked on it.
    #[must_use]
    pub fn charged(mut self) -> Self {
        self.possibly_charged = true;
        self
    }

    /// The provider's `error.code`.
    pub fn code(&self) -> Option<&str> {
        self.upstream.as_ref()?.code.as_deref()
    }

    /// The cause that the provider's `error.details` name.
    pub fn cause(&self) -> Option<&str> {
        self.upstream.as_ref()?.cause()
    }

    /// The provider's `error.details`, as JSON text.
    pub fn details(&self) -> Option<&str> {
        let details = self.upstream.as_ref()?.details.as_ref()?;
        Some(details.json.as_str()).filter(|json| !json.is_empty())
    }

    /// The fault for a caller of another dialect, to whom the provider's own types and details mean nothing.
    #[must_use]
    pub fn in_another_dialect(mut self) -> Self {
        if let Some(said) = &mut self.upstream {
            said.kind = None;
            said.details.iter_mut().for_each(|details| details.json.clear());
        }
        self
    }

    /// The provider's `error.type`.
    pub fn error_type(&self) -> Option<&str> {
        self.upstream.as_ref()?.kind.as_deref()
    }

    /// The provider's `error.param`.
    pub fn param(&self) -> Option<&str> {
        self.upstream.as_ref()?.param.as_deref()
    }

    /// How the attempt ended, for the record.
    pub fn outcome(&self) -> AttemptOutcome {
        self.kind.into()
    }
}

/// Replaces a secret in a text that comes from elsewhere.
pub(crate) fn mask<'a>(text: &'a str, secret: Option<&str>) -> Cow<'a, str> {
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) if text.contains(secret) => Cow::Owned(text.replace(secret, "***")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::credential;

    fn refused(owner: Owner, status: u16) -> Fault {
        let refused = Fault { status: Some(status), ..Fault::new(FaultKind::Unauthorised, "no such key") };
        refused.with_key_of(&Credential { owner, name: "main".to_owned(), ..credential(1) })
    }

    #[test]
    fn a_refused_key_of_the_callers_own_is_told_and_a_managed_one_is_replaced_by_the_next() {
        for owner in [Owner::Org, Owner::User] {
            let fault = refused(owner, 401);
            assert_eq!((fault.retry, fault.blame), (Retry::Never, Blame::Caller));
            assert_eq!(fault.message, "`acme` refused your own key `main`: no such key");
        }
        let managed = refused(Owner::Managed, 401);
        assert_eq!((managed.retry, managed.message.as_str()), (Retry::NextCredential, "no such key"));
        assert_eq!(refused(Owner::Org, 403).retry, Retry::NextCredential, "it may concern this model alone");
    }
}
