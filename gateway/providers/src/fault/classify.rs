//! The table from an upstream status to a fault.
//!
//! The status decides; the provider's code and words refine it, because context-length and quota refusals share their
//! statuses with plain mistakes.

use dialect::UpstreamError;
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;

use super::{Fault, FaultKind, Retry, mask, retry_after};

/// Messages longer than this are cut.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Makes the fault of a response that is no success. The secret is masked wherever the provider repeats it.
pub(crate) fn from_status(status: StatusCode, headers: &HeaderMap, body: &[u8], secret: Option<&str>) -> Fault {
    let mut said = UpstreamError::parse(body);
    if body.trim_ascii().is_empty() {
        said.message = format!("answered {status}");
    }
    let mut fault = fault(kind_of_status(status.as_u16(), &said), said, secret);
    fault.status = Some(status.as_u16());
    fault.retry_after = retry_after::from_headers(headers, OffsetDateTime::now_utc());
    // A conflict with another request may be over elsewhere; one with what the caller refers to is the caller's to mend.
    if status == StatusCode::CONFLICT && fault.cause().is_none() {
        fault.retry = Retry::NextCandidate;
    }
    fault
}

/// Makes the fault of an error under status 200: its own words are all there is.
pub(super) fn from_report(said: UpstreamError, secret: Option<&str>) -> Fault {
    let kind = kind_of_report(&said);
    let status = said.status;
    let mut fault = fault(kind, said, secret);
    fault.status = status;
    fault
}

fn fault(kind: FaultKind, mut said: UpstreamError, secret: Option<&str>) -> Fault {
    said.message = clean(&said.message, secret);
    for word in [&mut said.kind, &mut said.code, &mut said.param] {
        *word = word.as_deref().map(|word| clean(word, secret));
    }
    if let Some(details) = said.details.as_deref_mut() {
        details.json = mask(&details.json, secret).into_owned();
        details.cause = details.cause.as_deref().map(|cause| clean(cause, secret));
    }
    let mut fault = Fault::new(kind, said.message.clone());
    // A 5xx says nothing about whether the model has worked before it.
    fault.possibly_charged = matches!(kind, FaultKind::ServerError | FaultKind::Timeout | FaultKind::BadAnswer);
    fault.upstream = Some(Box::new(said));
    fault
}

fn kind_of_status(status: u16, said: &UpstreamError) -> FaultKind {
    match status {
        401..=403 => FaultKind::Unauthorised,
        404 if said.names_another_cause() => FaultKind::Refused,
        404 => FaultKind::ModelNotFound,
        408 | 425 | 504 | 524 => FaultKind::Timeout,
        429 => FaultKind::RateLimited,
        529 => FaultKind::Overloaded,
        500..=599 if names(said, "overloaded") => FaultKind::Overloaded,
        500..=599 => FaultKind::ServerError,
        400 | 413 | 422 if said.is_context_length() => FaultKind::ContextLength,
        400 | 422 if said.is_model_not_found() => FaultKind::ModelNotFound,
        400..=499 => FaultKind::Refused,
        // 1xx and 3xx: redirects are not followed, a secret must not travel to where an answer points.
        _ => FaultKind::BadAnswer,
    }
}

fn kind_of_report(said: &UpstreamError) -> FaultKind {
    if let Some(status @ 400..=599) = said.status {
        return kind_of_status(status, said);
    }
    let by_name = [
        ("rate_limit", FaultKind::RateLimited),
        ("overloaded", FaultKind::Overloaded),
        ("timeout", FaultKind::Timeout),
        ("authentication", FaultKind::Unauthorised),
        ("permission", FaultKind::Unauthorised),
        ("server_error", FaultKind::ServerError),
    ];
    if said.is_context_length() {
        return FaultKind::ContextLength;
    }
    let named = by_name.into_iter().find(|(name, _)| names(said, name));
    named.map_or(FaultKind::BadAnswer, |(_, kind)| kind)
}

/// Whether the provider's code or type speaks of something.
fn names(said: &UpstreamError, word: &str) -> bool {
    [&said.code, &said.kind].into_iter().flatten().any(|text| text.contains(word))
}

/// One line without the secret, without control characters, not endless. Masked before it is cut: no half of it stays.
fn clean(text: &str, secret: Option<&str>) -> String {
    let masked = mask(text, secret);
    let visible = masked.chars().map(|char| if char.is_control() { ' ' } else { char });
    visible.take(MAX_MESSAGE_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        let status = StatusCode::from_u16(status).expect("status");
        from_status(status, &HeaderMap::new(), body.as_bytes(), Some("sk-canary-1"))
    }

    #[track_caller]
    fn check(status: u16, body: &str, kind: FaultKind, retry: Retry) {
        let fault = fault(status, body);
        assert_eq!((fault.kind, fault.retry, fault.status), (kind, retry, Some(status)), "{status} {body}");
    }

    #[test]
    fn every_status_has_its_kind_and_advice() {
        check(429, "{}", FaultKind::RateLimited, Retry::NextCredential);
        check(529, "", FaultKind::Overloaded, Retry::NextCandidate);
        check(500, "", FaultKind::ServerError, Retry::NextCandidate);
        check(503, r#"{"error":{"type":"overloaded_error"}}"#, FaultKind::Overloaded, Retry::NextCandidate);
        check(502, "<html>bad gateway</html>", FaultKind::ServerError, Retry::NextCandidate);
        check(504, "", FaultKind::Timeout, Retry::NextCandidate);
        check(408, "", FaultKind::Timeout, Retry::NextCandidate);
        for status in [401, 402, 403] {
            check(status, "{}", FaultKind::Unauthorised, Retry::NextCredential);
        }
        check(404, "{}", FaultKind::ModelNotFound, Retry::NextCandidate);
        check(400, r#"{"error":{"message":"bad temperature"}}"#, FaultKind::Refused, Retry::Never);
        check(400, r#"{"error":{"code":"context_length_exceeded"}}"#, FaultKind::ContextLength, Retry::LongerContext);
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
            FaultKind::ContextLength,
            Retry::LongerContext,
        );
        check(422, r#"{"detail":"no"}"#, FaultKind::Refused, Retry::Never);
        check(302, "", FaultKind::BadAnswer, Retry::NextCandidate);
    }

    #[test]
    fn what_the_caller_refers_to_is_the_callers_to_mend() {
        let named = |cause: &str| format!(r#"{{"error":{{"message":"m","details":{{"error_code":"{cause}"}}}}}}"#);
        check(404, &named("thread_not_found"), FaultKind::Refused, Retry::Never);
        check(409, &named("thread_already_continued"), FaultKind::Refused, Retry::Never);
        check(404, &named("model_not_found"), FaultKind::ModelNotFound, Retry::NextCandidate);
        check(409, "{}", FaultKind::Refused, Retry::NextCandidate);
        let fault = fault(404, &named("sk-canary-1"));
        assert_eq!((fault.cause(), fault.details()), (Some("***"), Some(r#"{"error_code":"***"}"#)));
        let elsewhere = fault.in_another_dialect();
        assert_eq!((elsewhere.cause(), elsewhere.details()), (Some("***"), None));
    }

    #[test]
    fn the_providers_words_are_kept() {
        let fault = fault(400, r#"{"error":{"message":"no","type":"invalid_request_error","code":7,"param":"n"}}"#);
        assert_eq!(fault.message, "no");
        let parts = (fault.error_type(), fault.code(), fault.param());
        assert_eq!(parts, (Some("invalid_request_error"), Some("7"), Some("n")));
    }

    #[test]
    fn a_repeated_secret_is_masked_everywhere() {
        let fault = fault(401, r#"{"error":{"message":"bad key sk-canary-1\n!","code":"sk-canary-1"}}"#);
        assert_eq!(fault.message, "bad key *** !");
        assert!(!format!("{fault:?}{fault}").contains("canary"), "{fault:?}");
    }

    #[test]
    fn errors_under_status_200_are_known_by_their_words() {
        for (body, kind) in [
            (r#"{"error":{"type":"overloaded_error","message":"m"}}"#, FaultKind::Overloaded),
            (r#"{"error":{"code":"rate_limit_exceeded","message":"m"}}"#, FaultKind::RateLimited),
            (r#"{"error":{"code":502,"message":"m"}}"#, FaultKind::ServerError),
            (r#"{"error":{"message":"something"}}"#, FaultKind::BadAnswer),
        ] {
            assert_eq!(from_report(UpstreamError::parse(body.as_bytes()), None).kind, kind, "{body}");
        }
    }

    #[test]
    fn bodies_of_any_shape_give_a_message() {
        for (body, message) in [
            (r#"{"error":"flat"}"#, "flat"),
            (r#"[{"error":{"message":"listed"}}]"#, "listed"),
            (r#"{"message":"outer"}"#, "outer"),
            ("", "answered 418 I'm a teapot"),
        ] {
            assert_eq!(fault(418, body).message, message);
        }
    }
}
