//! One check: what is compared, how much worse is still no worse, and what an interval says about it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::router_eval::report::Figure;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Share of clear blind prompts that are told as what they are.
    ClearCases,
    /// Order of difficulty on dev prompts, within each source.
    Difficulty,
    /// Macro F1 of tags on blind prompts.
    Tags,
    /// Median absolute log ratio of answer lengths on blind prompts.
    AnswerLength,
    /// How far complexity moves when a clear blind prompt is typed otherwise.
    Robustness,
    /// Median time for a prompt, as a ratio.
    Speed,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 6] =
        [Self::ClearCases, Self::Difficulty, Self::Tags, Self::AnswerLength, Self::Robustness, Self::Speed];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClearCases => "clear_cases",
            Self::Difficulty => "difficulty",
            Self::Tags => "tags",
            Self::AnswerLength => "answer_length",
            Self::Robustness => "robustness",
            Self::Speed => "speed",
        }
    }

    /// What the figures are.
    pub const fn what(self) -> &'static str {
        match self {
            Self::ClearCases => "clear blind prompts told as what they are, share",
            Self::Difficulty => "difficulty on dev, Spearman within source",
            Self::Tags => "tags on blind prompts, macro F1",
            Self::AnswerLength => "answer length on blind prompts, median |log ratio|",
            Self::Robustness => "robustness on clear blind prompts, mean |Δ complexity|",
            Self::Speed => "median milliseconds a prompt; the difference is a share of the incumbent's",
        }
    }

    /// How much worse is no worse, unless told otherwise.
    pub const fn margin(self) -> f64 {
        match self {
            Self::ClearCases | Self::Difficulty | Self::Tags => 0.03,
            Self::AnswerLength => 0.08,
            Self::Robustness => 0.015,
            Self::Speed => 0.25,
        }
    }

    /// Whether more of the figure is better.
    pub const fn is_better_high(self) -> bool {
        matches!(self, Self::ClearCases | Self::Difficulty | Self::Tags)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| format!("`{text}` is not a check: expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// How much worse is no worse, by check.
#[derive(Clone, Debug, Default)]
pub struct Margins(BTreeMap<Check, f64>);

impl Margins {
    /// The given ones, and for all others their own.
    pub fn new(given: impl IntoIterator<Item = (Check, f64)>) -> Self {
        Self(given.into_iter().collect())
    }

    /// That of a check.
    pub fn of(&self, check: Check) -> f64 {
        self.0.get(&check).copied().unwrap_or_else(|| check.margin())
    }
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not worse by more than the margin.
    Pass,
    /// It cannot be told: more items are needed.
    Inconclusive,
    /// Worse beyond noise.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        })
    }
}

/// A check that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Which.
    pub check: Check,
    /// What the figures are.
    pub what: &'static str,
    /// The candidate's figure.
    pub candidate: f64,
    /// The incumbent's.
    pub incumbent: f64,
    /// How much worse the candidate is, with its 95 % interval; below 0 it is better.
    pub worse_by: Figure,
    /// How much worse is no worse.
    pub margin: f64,
    /// Of how many items.
    pub n: usize,
    /// What it comes to.
    pub verdict: Verdict,
    /// Items that would tell, where these do not.
    pub needs: Option<u64>,
}

impl Outcome {
    /// Judges a difference: it passes if its upper end is within the margin, fails if all of it is worse than the
    /// incumbent and the margin is not kept, and says nothing otherwise.
    pub fn judged(check: Check, (candidate, incumbent): (f64, f64), worse_by: Figure, margin: f64, n: usize) -> Self {
        let verdict = verdict(worse_by, margin);
        let needs = (verdict == Verdict::Inconclusive).then(|| needed(worse_by, margin, n)).flatten();
        Self { check, what: check.what(), candidate, incumbent, worse_by, margin, n, verdict, needs }
    }
}

fn verdict(worse_by: Figure, margin: f64) -> Verdict {
    let Some(interval) = worse_by.interval else {
        return Verdict::Inconclusive;
    };
    if interval.high <= margin {
        Verdict::Pass
    } else if interval.low > 0.0 {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

/// Items with which the same difference would be told: the interval shrinks with their root.
fn needed(worse_by: Figure, margin: f64, n: usize) -> Option<u64> {
    let (value, interval) = worse_by.value.zip(worse_by.interval)?;
    let to_pass = (interval.high - value) / (margin - value);
    let to_fail = (value - interval.low) / value;
    let shrink = [to_pass, to_fail].into_iter().filter(|it| it.is_finite() && *it > 0.0).min_by(f64::total_cmp)?;
    Some((n as f64 * shrink * shrink).ceil() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::statistics::Interval;

    #[track_caller]
    fn judged(value: f64, low: f64, high: f64, expected: Verdict) -> Outcome {
        let worse_by = Figure { value: Some(value), interval: Some(Interval { low, high }) };
        let outcome = Outcome::judged(Check::Tags, (0.5, 0.5), worse_by, 0.03, 100);
        assert_eq!(outcome.verdict, expected);
        outcome
    }

    #[test]
    fn worse_within_the_margin_passes_and_worse_beyond_noise_fails() {
        judged(0.0, 0.0, 0.0, Verdict::Pass);
        judged(-0.1, -0.2, 0.0, Verdict::Pass);
        judged(0.02, 0.01, 0.03, Verdict::Pass);
        judged(0.02, 0.01, 0.031, Verdict::Fail);
        judged(0.3, 0.2, 0.4, Verdict::Fail);
    }

    #[test]
    fn wide_interval_says_how_many_items_would_tell() {
        let outcome = judged(0.0, -0.06, 0.06, Verdict::Inconclusive);
        assert_eq!(outcome.needs, Some(400));
        let told = Interval { low: -0.06 / 2.0, high: 0.06 / 2.0 };
        assert_eq!(verdict(Figure { value: Some(0.0), interval: Some(told) }, 0.03), Verdict::Pass);
    }

    #[test]
    fn figure_without_an_interval_says_nothing() {
        assert_eq!(verdict(Figure { value: Some(-1.0), interval: None }, 0.03), Verdict::Inconclusive);
    }

    #[test]
    fn names_are_read_back() {
        for check in Check::ALL {
            assert_eq!(check.name().parse(), Ok(check));
        }
        assert!("speeed".parse::<Check>().unwrap_err().contains("expected one of clear_cases"));
    }
}
