//! Reads how long a provider asks to be left alone.
//!
//! `Retry-After` comes in seconds or as a date, and some providers send `retry-after-ms`. What is negative or past
//! means now; what is absurd is cut to a cap; what is neither is as if it were not there.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest wait that a provider may impose.
pub const RETRY_AFTER_CAP: Duration = Duration::from_mins(2);

/// As [`from_headers`], relative to this moment.
pub(crate) fn retry_after_of(headers: &HeaderMap) -> Option<Duration> {
    from_headers(headers, OffsetDateTime::now_utc())
}

/// The wait that the headers ask for, if any.
pub(super) fn from_headers(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wait) = text("retry-after-ms").and_then(|text| millis(text, 1.0)) {
        return Some(wait);
    }
    parse_retry_after(text(RETRY_AFTER.as_str())?, now)
}

/// Reads a `Retry-After` value: seconds (decimals allowed) or an HTTP date, relative to `now`.
pub fn parse_retry_after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if let Some(wait) = millis(text, 1000.0) {
        return Some(wait);
    }
    let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let wait = Duration::try_from(moment - now).unwrap_or(Duration::ZERO);
    Some(wait.min(RETRY_AFTER_CAP))
}

fn millis(text: &str, unit: f64) -> Option<Duration> {
    let number = text.trim().parse::<f64>().ok().filter(|number| !number.is_nan())?;
    let capped = (number * unit).clamp(0.0, RETRY_AFTER_CAP.as_millis() as f64);
    Some(Duration::from_micros((capped * 1000.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(NOW).expect("in range")
    }

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_retry_after(text, now()), expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn seconds_dates_negative_and_absurd_waits_are_read() {
        check("7", Some(7_000));
        check(" 1.5 ", Some(1_500));
        check("0", Some(0));
        check("-5", Some(0));
        check("999999999", Some(120_000));
        check("1e300", Some(120_000));
        check("Sun, 06 Nov 1994 08:49:57 GMT", Some(20_000));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("Sun, 06 Nov 2094 08:49:37 GMT", Some(120_000));
    }

    #[test]
    fn what_is_no_wait_is_ignored() {
        for text in ["", "soon", "NaN", "12 s", "Sun, 99 Nov 1994 08:49:57 GMT"] {
            check(text, None);
        }
    }

    #[test]
    fn milliseconds_header_wins() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "9".parse().expect("header"));
        headers.insert("retry-after-ms", "250".parse().expect("header"));
        assert_eq!(from_headers(&headers, now()), Some(Duration::from_millis(250)));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_exceeds_the_cap(text in ".{0,40}") {
            prop_assert!(parse_retry_after(&text, now()).is_none_or(|wait| wait <= RETRY_AFTER_CAP));
        }
    }
}
