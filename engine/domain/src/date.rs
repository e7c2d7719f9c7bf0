//! A day of the calendar, as scorecards and their sources give it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A text that is not a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a date: expected `YYYY-MM-DD`, for example `2026-11-22`")]
pub struct InvalidDate {
    /// The refused text, cut to 80 characters.
    pub text: String,
}

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    text: String,
    start: Timestamp,
}

impl Date {
    /// Accepts `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, InvalidDate> {
        let start = (text.len() == 10).then(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten();
        let start = start.ok_or_else(|| InvalidDate { text: text.chars().take(80).collect() })?;
        Ok(Self { text: text.to_owned(), start })
    }

    /// Its first moment, in UTC.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Whole days from its start to a moment; 0 before it.
    pub fn days_until(&self, now: Timestamp) -> u64 {
        const MICROS_A_DAY: i64 = 86_400_000_000;
        u64::try_from(now.0.saturating_sub(self.start.0) / MICROS_A_DAY).unwrap_or(0)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Date {
    type Error = InvalidDate;
    fn try_from(text: String) -> Result<Self, InvalidDate> {
        Self::parse(&text)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_dates_of_the_calendar_are_accepted() {
        assert_eq!(Date::parse("2026-11-22").map(String::from), Ok("2026-11-22".to_owned()));
        for text in ["", "2026-11", "2026-02-30", "22.11.2026", "2026-11-22T10:00:00Z"] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_counted_whole_and_never_below_zero() {
        let date = Date::parse("2026-11-22").unwrap();
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(date.days_until(at("2026-11-24T23:59:59Z")), 2);
        assert_eq!(date.days_until(at("2026-11-01T00:00:00Z")), 0);
    }
}
