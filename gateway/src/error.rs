//! The one table that turns causes into answers: status, type, code, retry hint.
//!
//! A handler says what happened ([`Failure`]); what the caller gets for it stands here, and `render` writes it.

pub(crate) mod render;

use std::time::Duration;

use dialect::BadRequest;
use domain::{Outcome, ProviderSlug, Removed, RequestId};
use limits::{Refused, Spent};
use policy::Refusal;
use providers::{Fault, FaultKind};

use crate::layers::auth::KeyFault;
use crate::pipeline::settle::End;

/// Why a request gets no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The body is not what the endpoint takes.
    Malformed(BadRequest),
    /// What came is no request.
    NoRequest,
    /// What came could be cut into requests in two ways.
    AmbiguousRequest,
    /// The head of the request does not end.
    SlowHead,
    /// The head of the request is larger than the limit.
    HeadTooLarge,
    /// The target of the request is longer than the limit.
    TargetTooLong,
    /// The body is not JSON by its own word.
    UnsupportedMediaType,
    /// The body is larger than the limit, in bytes.
    BodyTooLarge { limit: usize },
    /// For a provider's own path: too large to be held, and not such as is passed on while it comes.
    UploadNotTaken { held: usize, most: u64 },
    /// The body came too slowly.
    SlowBody,
    /// The body broke off.
    BrokenBody,
    /// The caller is not let in.
    Key(KeyFault),
    /// There is no such path.
    UnknownPath(String),
    /// There is no such model in `GET /v1/models/{id}`.
    UnknownModel(String),
    /// The key may not use the model, or any of the provider.
    ModelNotAllowed { provider: String },
    /// The path wants another method.
    MethodNotAllowed { allow: &'static str },
    /// No policy, model or candidate for it.
    Refused(Refusal),
    /// As [`Self::Refused`], of a request that goes on with what one provider has kept.
    KeptElsewhere { keeper: ProviderSlug, refusal: Refusal },
    /// Too much is in flight.
    Overloaded,
    /// No configuration has been had yet.
    NotReady,
    /// The gateway stops, and the time to drain is over.
    ShuttingDown,
    /// Records cannot be written, so nothing that costs is begun.
    RecordsUnavailable,
    /// A limit of the key, or of its user, is reached.
    RateLimited(Refused),
    /// A request of the same `Idempotency-Key` is running.
    Twin { running: RequestId },
    /// A request of the same `Idempotency-Key` was answered.
    AlreadyCompleted { answered: RequestId },
    /// A hard budget is spent.
    BudgetExceeded(Spent),
    /// What was spent of a hard budget is not known now, so nothing that costs is begun.
    LimitsUnavailable,
    /// The upstream refused in a way that would be the same anywhere.
    Upstream { provider: String, fault: Fault },
    /// Every candidate was tried.
    Exhausted { provider: String, fault: Fault, all_rate_limited: bool, wait: Option<Duration> },
    /// The upstream broke off after content had been passed on.
    Interrupted { provider: String, fault: Fault },
    /// The request's time is up.
    Deadline,
    /// A bug.
    Internal,
}

/// What the caller gets for a failure.
#[derive(Debug)]
pub(crate) struct ErrorAnswer<'a> {
    pub(crate) status: u16,
    pub(crate) kind: &'a str,
    pub(crate) code: Option<&'a str>,
    pub(crate) message: String,
    pub(crate) param: Option<&'a str>,
    /// Set when the error is a provider's.
    pub(crate) provider: Option<&'a str>,
    pub(crate) retry_after: Option<Duration>,
    /// `x-should-retry`: whether the caller's own retries make sense.
    pub(crate) should_retry: Option<bool>,
    pub(crate) allow: Option<&'static str>,
    pub(crate) removed: &'a [Removed],
    /// The provider's own word for the class, where it speaks the caller's dialect.
    pub(crate) own_type: Option<&'a str>,
    /// The error's `details`, as JSON text.
    pub(crate) details: Option<&'a str>,
}

const INVALID: &str = "invalid_request_error";
const OVERLOADED: &str = "overloaded_error";

impl Failure {
    /// A header that cannot be taken; `problem` goes on from its name.
    pub(crate) fn bad_header(name: &str, problem: &str) -> Self {
        let message = format!("`{name}` {problem}");
        Self::Malformed(BadRequest { message, param: Some(name.to_owned()), code: "invalid_value" })
    }

    /// Returns what the caller gets.
    pub(crate) fn answer(&self) -> ErrorAnswer<'_> {
        match self {
            Self::Malformed(fault) => {
                let (param, details) = (fault.param.as_deref(), fault.details());
                ErrorAnswer { param, details, ..own(400, INVALID, fault.code, fault.message.clone()) }
            }
            Self::NoRequest => own(
                400,
                INVALID,
                "malformed_request",
                "what came is no HTTP request: its first line or a header field cannot be read",
            ),
            Self::AmbiguousRequest => own(
                400,
                INVALID,
                "ambiguous_request",
                "the request could be read in two ways: send one `Content-Length` or `Transfer-Encoding: chunked`, lines \
                 that end with CR and LF, and none that is folded",
            ),
            Self::SlowHead => {
                own(408, INVALID, "slow_head", "the head of the request came too slowly: send it without long pauses")
            }
            Self::HeadTooLarge => own(
                431,
                INVALID,
                "head_too_large",
                "the head of the request is too large: 128 KiB and 100 fields are taken, over HTTP/2 32 KiB",
            ),
            Self::TargetTooLong => own(
                414,
                INVALID,
                "target_too_long",
                "the address of the request is too long: 65,534 bytes of path and query are taken",
            ),
            Self::UnsupportedMediaType => own(
                415,
                INVALID,
                "unsupported_media_type",
                "the body must be JSON: send `Content-Type: application/json`",
            ),
            Self::BodyTooLarge { limit } => own(
                413,
                INVALID,
                "body_too_large",
                format!("the body is larger than {} MiB, the most that is taken", limit >> 20),
            ),
            Self::UploadNotTaken { held, most } => own(
                413,
                INVALID,
                "body_too_large",
                format!(
                    "the body is larger than {} MiB: one of up to {} MiB is taken if its length is announced, it is no \
                     JSON, and the key is not limited to models",
                    held >> 20,
                    most >> 20
                ),
            ),
            Self::SlowBody => own(408, INVALID, "slow_body", "the body came too slowly: send it without long pauses"),
            Self::BrokenBody => own(400, INVALID, "broken_body", "the body broke off before it was complete"),
            Self::Key(fault) => {
                let (status, kind) =
                    if *fault == KeyFault::Scope { (403, "permission_error") } else { (401, "authentication_error") };
                own(status, kind, fault.code(), fault.to_string())
            }
            Self::UnknownPath(path) => own(
                404,
                "not_found_error",
                "unknown_path",
                format!(
                    "there is nothing at {path}: models answer at POST /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings and /v1beta/models/…, GET /v1/models lists them, and /{{provider}}/… is a provider's own API"
                ),
            ),
            Self::UnknownModel(model) => own(
                404,
                "not_found_error",
                "model_not_found",
                format!("there is no model `{model}` that this key may use: GET /v1/models lists them"),
            ),
            Self::ModelNotAllowed { provider } => own(
                403,
                "permission_error",
                "model_not_allowed",
                format!(
                    "this key is limited to some models, and this is none of them at provider `{provider}`: GET /v1/models lists them"
                ),
            ),
            Self::MethodNotAllowed { allow } => ErrorAnswer {
                allow: Some(allow),
                ..own(405, INVALID, "method_not_allowed", format!("this path takes {allow}"))
            },
            Self::Refused(refusal) => ErrorAnswer {
                param: refusal.param(),
                removed: refusal.removed(),
                ..own(refusal.status(), refusal.kind(), refusal.code(), refusal.to_string())
            },
            Self::KeptElsewhere { keeper, refusal } => ErrorAnswer {
                param: Some("previous_response_id"),
                removed: refusal.removed(),
                ..own(
                    refusal.status(),
                    refusal.kind(),
                    refusal.code(),
                    format!(
                        "`previous_response_id` names an answer that provider `{keeper}` has kept, so that only a model of \
                         its can go on: name one that this key may use, or send the whole conversation. {refusal}"
                    ),
                )
            },
            Self::Overloaded => later(1, "overloaded", "too many requests are in flight: try again in a second"),
            Self::NotReady => later(1, "not_ready", "no configuration has been received yet: try again in a second"),
            Self::ShuttingDown => later(1, "shutting_down", "the gateway is stopping: send the request again"),
            Self::RecordsUnavailable => later(
                5,
                "records_unavailable",
                "request records cannot be written (is the disk full?), so no request is sent on",
            ),
            Self::Twin { running } => own(
                409,
                INVALID,
                "request_in_progress",
                format!("a request with this `Idempotency-Key` is still running: {running}; wait for it"),
            ),
            Self::AlreadyCompleted { answered } => ErrorAnswer {
                should_retry: Some(false),
                ..own(
                    409,
                    INVALID,
                    "already_completed",
                    format!(
                        "a request with this `Idempotency-Key` was answered as {answered}: it is not sent a second time; use another key for another request"
                    ),
                )
            },
            Self::RateLimited(refused) => rate_limited(refused),
            Self::BudgetExceeded(spent) => budget_exceeded(spent),
            Self::LimitsUnavailable => later(
                1,
                "limits_unavailable",
                "what has been spent cannot be looked up now, so no request under a hard budget is sent on",
            ),
            Self::Upstream { provider, fault } => refused_upstream(provider, fault),
            Self::Exhausted { provider, fault, all_rate_limited, wait } => {
                exhausted(provider, fault, *all_rate_limited, *wait)
            }
            Self::Interrupted { provider, fault } => interrupted(provider, fault),
            Self::Deadline => own(504, "timeout_error", "deadline_exceeded", "the request took longer than it may"),
            Self::Internal => own(
                500,
                "internal_error",
                "internal_error",
                "something went wrong here; the log names this request's id",
            ),
        }
    }

    /// Returns how the request ended, for its record.
    pub(crate) fn end(&self) -> End {
        let answer = self.answer();
        let outcome = if matches!(self, Self::Interrupted { .. }) { Outcome::Interrupted } else { Outcome::Failed };
        End { outcome, status: answer.status, error: Some(answer.code.unwrap_or(answer.kind).to_owned()) }
    }
}

fn own<'a>(status: u16, kind: &'a str, code: &'a str, message: impl Into<String>) -> ErrorAnswer<'a> {
    ErrorAnswer {
        status,
        kind,
        code: Some(code),
        message: message.into(),
        param: None,
        provider: None,
        retry_after: None,
        should_retry: None,
        allow: None,
        removed: &[],
        own_type: None,
        details: None,
    }
}

fn later<'a>(seconds: u64, code: &'a str, message: &str) -> ErrorAnswer<'a> {
    ErrorAnswer { retry_after: Some(Duration::from_secs(seconds)), ..own(503, OVERLOADED, code, message) }
}

fn rate_limited<'a>(refused: &Refused) -> ErrorAnswer<'a> {
    let Refused { limit, per_user, allowed, retry_after } = refused;
    let whose = if *per_user { "this user" } else { "this key" };
    let message = match retry_after {
        Some(_) => format!(
            "{whose} has reached the limit of {allowed} {}; `Retry-After` says when to come again",
            limit.words()
        ),
        None => format!(
            "this request alone may take more than {whose} is allowed, {allowed} {}: shorten it or ask for less output",
            limit.words()
        ),
    };
    ErrorAnswer {
        retry_after: *retry_after,
        should_retry: retry_after.is_none().then_some(false),
        ..own(429, "rate_limit_error", "rate_limit_exceeded", message)
    }
}

fn budget_exceeded<'a>(spent: &Spent) -> ErrorAnswer<'a> {
    let Spent { spender, amount, period: _, until } = spent;
    let until = until.map_or_else(|| "it does not begin anew".to_owned(), |until| format!("it begins anew at {until}"));
    let message = format!("the budget of {amount} USD of this request's {} is spent; {until}", spender.kind());
    // Waiting a moment changes nothing, and a client's own retries less.
    ErrorAnswer { should_retry: Some(false), ..own(402, "budget_exceeded", "budget_exceeded", message) }
}

/// An upstream 4xx that stopped the chain: its own status and words, normalised.
fn refused_upstream<'a>(provider: &'a str, fault: &'a Fault) -> ErrorAnswer<'a> {
    let status = fault.status.filter(|status| (400..500).contains(status)).unwrap_or(400);
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        _ => INVALID,
    };
    if fault.is_refusal_of_own_key() {
        // A 401 of ours means the gateway's key: this one must not look like it.
        return ErrorAnswer {
            provider: Some(provider),
            ..own(401, kind, "provider_key_refused", fault.message.clone())
        };
    }
    ErrorAnswer {
        code: fault
            .code()
            .or_else(|| fault.cause())
            .or_else(|| (fault.kind == FaultKind::ContextLength).then_some("context_length_exceeded")),
        param: fault.param(),
        own_type: fault.error_type(),
        details: fault.details(),
        provider: Some(provider),
        ..own(status, kind, "", fault.message.clone())
    }
}

fn exhausted<'a>(
    provider: &'a str,
    fault: &'a Fault,
    all_rate_limited: bool,
    wait: Option<Duration>,
) -> ErrorAnswer<'a> {
    let provider = Some(provider).filter(|provider| !provider.is_empty());
    if all_rate_limited {
        let message = format!("every candidate is rate limited; the last said: {}", fault.message);
        return ErrorAnswer { provider, retry_after: wait, ..own(429, "rate_limit_error", "rate_limited", message) };
    }
    // The targets have all been tried: a client that retries by itself would only multiply the load.
    let should_retry = Some(false);
    if fault.kind == FaultKind::Timeout {
        let message = format!("no candidate answered in time; the last: {}", fault.message);
        return ErrorAnswer { provider, should_retry, ..own(504, "timeout_error", "upstream_timeout", message) };
    }
    let message = format!("every candidate failed; the last: {}", fault.message);
    ErrorAnswer { provider, should_retry, ..own(502, "provider_error", fault.kind.as_str(), message) }
}

/// The caller has a head with status 200 and part of an answer: the status is for the record.
fn interrupted<'a>(provider: &'a str, fault: &'a Fault) -> ErrorAnswer<'a> {
    let provider = Some(provider);
    if fault.kind == FaultKind::Timeout {
        let message = format!("the provider stalled in the middle of its answer: {}", fault.message);
        return ErrorAnswer { provider, ..own(504, "timeout_error", "stream_stalled", message) };
    }
    let message = format!("the provider broke off in the middle of its answer: {}", fault.message);
    ErrorAnswer { provider, ..own(502, "provider_error", "stream_interrupted", message) }
}
