//! Time as an argument: a wall clock for records, a monotonic one for deadlines.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment of wall time in microseconds since the Unix epoch. For records only; deadlines use monotonic time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Microseconds since the Unix epoch.
    pub fn unix_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, 0 before it.
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0 / 1000).unwrap_or(0)
    }

    /// Reads RFC 3339 (`2026-11-22T10:00:00Z`).
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1000).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the millisecond, all of the same width: times stand in columns and sort as texts do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000);
        let Some(it) = moment.ok().filter(|it| (0..=9999).contains(&it.year())) else {
            return f.write_str("out of range");
        };
        let (year, month, day) = it.to_calendar_date();
        let (hour, minute, second, millis) = it.to_hms_milli();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Where the two kinds of time come from.
pub trait Clock: Send + Sync {
    /// Wall time, for records and expiry.
    fn wall(&self) -> Timestamp;
    /// Time since an arbitrary start that never goes back, for deadlines and durations.
    fn monotonic(&self) -> Duration;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_one_width_and_read_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_800_000_000_400_000, "2027-01-15T08:00:00.400Z"),
            (1_800_000_000_123_456, "2027-01-15T08:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(Timestamp::parse_rfc3339(text).map(|it| it.to_string()), Some(text.to_owned()));
        }
        assert_eq!(Timestamp(i64::MAX).to_string(), "out of range");
    }
}
