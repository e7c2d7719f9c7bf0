//! When a caller stops waiting, by the `grpc-timeout` it sent.

use std::time::Duration;

use domain::Clock;
use tonic::metadata::MetadataMap;

/// How long a request may take whose caller does not say.
const DEFAULT: Duration = Duration::from_secs(2);
/// What no caller may exceed.
const LONGEST: Duration = Duration::from_secs(30);

/// At the deadline itself the transport ends a call as `CANCELLED`, which tells a caller nothing: ours comes before it, and
/// says `DEADLINE_EXCEEDED`.
const AHEAD: Duration = Duration::from_millis(1);

/// The monotonic moment by which the caller must have an answer.
pub(crate) fn deadline(metadata: &MetadataMap, clock: &dyn Clock) -> Duration {
    let asked = asked(metadata).unwrap_or(DEFAULT).min(LONGEST);
    clock.monotonic() + asked.saturating_sub(AHEAD).max(asked / 2)
}

/// How long an operator waits for a change; who does not say waits as long as any call may take.
pub(crate) fn patience(metadata: &MetadataMap) -> Duration {
    asked(metadata).unwrap_or(LONGEST).min(LONGEST)
}

fn asked(metadata: &MetadataMap) -> Option<Duration> {
    metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse)
}

/// Reads `50m`: at most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nonsense_is_not() {
        let cases = [("2H", 7200), ("3M", 180), ("4S", 4)];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(parse("50m"), Some(Duration::from_millis(50)));
        assert_eq!(parse("50000u"), Some(Duration::from_millis(50)));
        assert_eq!(parse("50000000n"), Some(Duration::from_millis(50)));
        for text in ["", "m", "5", "5x", "-5m", "123456789m", "5é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
