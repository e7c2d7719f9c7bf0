//! How limits stand, as headers: `x-ratelimit-{limit,remaining,reset}-…` as OpenAI writes them.

use std::time::Duration;

use domain::Degradation;
use http::{HeaderMap, HeaderName, HeaderValue};
use limits::{Gauge, Status};

const DEGRADED: HeaderName = HeaderName::from_static("x-routing-degraded");

/// The names of one gauge: limit, remaining, reset.
type Names = [HeaderName; 3];

const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const INPUT_TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-input-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-input-tokens"),
    HeaderName::from_static("x-ratelimit-reset-input-tokens"),
];
const OUTPUT_TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-output-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-output-tokens"),
    HeaderName::from_static("x-ratelimit-reset-output-tokens"),
];

/// How the limits of a request's caller stood when it was let in or refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    status: Status,
    is_degraded: bool,
}

impl Standing {
    /// With `is_degraded` if the shared store was away.
    pub(crate) fn new(status: Status, is_degraded: bool) -> Self {
        Self { status, is_degraded }
    }

    /// Writes what there is, and what was degraded: these limits, or what the decision says.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap, decision: Option<Degradation>) {
        let Status { requests, tokens, input_tokens, output_tokens } = self.status;
        write(headers, REQUESTS, requests);
        write(headers, TOKENS, tokens);
        write(headers, INPUT_TOKENS, input_tokens);
        write(headers, OUTPUT_TOKENS, output_tokens);
        let limits = self.is_degraded.then_some(Degradation::Limits);
        let names: Vec<&str> = decision.into_iter().chain(limits).map(Degradation::as_str).collect();
        if let Some(value) = (!names.is_empty()).then(|| HeaderValue::try_from(names.join(", ")).ok()).flatten() {
            headers.insert(DEGRADED, value);
        }
    }
}

fn write(headers: &mut HeaderMap, [limit, remaining, reset]: Names, gauge: Option<Gauge>) {
    let Some(gauge) = gauge else { return };
    headers.insert(limit, HeaderValue::from(gauge.limit));
    headers.insert(remaining, HeaderValue::from(gauge.remaining));
    if let Ok(value) = HeaderValue::try_from(duration_text(gauge.reset)) {
        headers.insert(reset, value);
    }
}

/// `120ms`, `1.5s`, `6m0s`, `1h0m30s`; never shorter than it is.
fn duration_text(duration: Duration) -> String {
    let millis = duration.as_micros().div_ceil(1_000);
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    if millis < 60_000 {
        let (whole, fraction) = (millis / 1_000, format!(".{:03}", millis % 1_000));
        return format!("{whole}{}s", fraction.trim_end_matches('0').trim_end_matches('.'));
    }
    let seconds = millis.div_ceil(1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}h{minutes}m{seconds}s") } else { format!("{minutes}m{seconds}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(micros: u64, text: &str) {
        assert_eq!(duration_text(Duration::from_micros(micros)), text);
    }

    #[test]
    fn resets_are_written_as_openai_writes_them_and_never_too_short() {
        check(0, "0ms");
        check(120_000, "120ms");
        check(1, "1ms");
        check(999_001, "1s");
        check(1_500_000, "1.5s");
        check(7_660_000, "7.66s");
        check(360_000_000, "6m0s");
        check(60_000_001, "1m1s");
        check(3_630_000_000, "1h0m30s");
    }
}
