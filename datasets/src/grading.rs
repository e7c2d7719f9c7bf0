//! A judgement of one prompt: how hard, what kinds of work, how long an answer.
//!
//! Two people judge each written prompt without seeing what the other said; [`Merged`] is what both say together.

use std::collections::BTreeSet;

use domain::CapabilityTag;
use serde::{Deserialize, Serialize};

/// How many capability tags there are.
pub const TAGS: usize = CapabilityTag::ALL.len();

/// What one judge says of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grading {
    /// 0 (a tiny model answers perfectly) to 10 (only a frontier model does).
    pub grade: f64,
    /// What kinds of work it asks for.
    pub tags: Vec<CapabilityTag>,
    /// Rough length of a good answer.
    pub expected_output_tokens: f64,
}

/// A grade in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Grade below 3.5.
    Simple,
    /// Grade from 3.5, below 6.5.
    Medium,
    /// Grade from 6.5.
    Complex,
}

impl Level {
    /// Every level, the simplest first.
    pub const ALL: [Self; 3] = [Self::Simple, Self::Medium, Self::Complex];

    /// The level of a grade.
    pub fn of(grade: f64) -> Self {
        if grade < 3.5 {
            Self::Simple
        } else if grade < 6.5 {
            Self::Medium
        } else {
            Self::Complex
        }
    }

    /// The level's name: `simple`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Medium => "medium",
            Self::Complex => "complex",
        }
    }
}

impl Grading {
    /// The level of the grade.
    pub fn level(&self) -> Level {
        Level::of(self.grade)
    }

    /// Says what is wrong, if anything; `under` goes before the names of fields: `second.`.
    pub(crate) fn check(&self, under: &str) -> Result<(), String> {
        if !(0.0..=10.0).contains(&self.grade) || (self.grade * 2.0).fract() != 0.0 {
            return Err(format!("`{under}grade` is {}, expected 0 to 10 in steps of a half", self.grade));
        }
        check_tags(&self.tags, under)?;
        check_length(self.expected_output_tokens, under)
    }
}

/// Tags say something and nothing twice.
pub(crate) fn check_tags(tags: &[CapabilityTag], under: &str) -> Result<(), String> {
    if tags.is_empty() {
        return Err(format!("`{under}tags` is empty, expected at least one capability"));
    }
    let mut seen = BTreeSet::new();
    match tags.iter().find(|tag| !seen.insert(tag.as_str())) {
        Some(twice) => Err(format!("`{under}tags` has `{}` twice, expected each once", twice.as_str())),
        None => Ok(()),
    }
}

/// An answer has at least one token.
pub(crate) fn check_length(tokens: f64, under: &str) -> Result<(), String> {
    if tokens.is_finite() && tokens >= 1.0 {
        return Ok(());
    }
    Err(format!("`{under}expected_output_tokens` is {tokens}, expected at least 1"))
}

/// What one or two judges say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Mean of the grades.
    pub grade: f64,
    /// The level of the mean.
    pub level: Level,
    /// Share of the judges that gave each tag: 0, 0.5 or 1; in the order of [`CapabilityTag::ALL`].
    pub tag_shares: [f64; TAGS],
    /// Tags that at least half of the judges gave.
    pub tags: Vec<CapabilityTag>,
    /// Geometric mean of the lengths: judges are apart by factors, not by differences.
    pub expected_output_tokens: f64,
}

impl Merged {
    /// Takes one judgement or two together.
    pub fn of(first: &Grading, second: Option<&Grading>) -> Self {
        let judges: Vec<_> = std::iter::once(first).chain(second).collect();
        let mean = |number: &dyn Fn(&Grading) -> f64| {
            judges.iter().map(|judge| number(judge)).sum::<f64>() / judges.len() as f64
        };
        let grade = mean(&|judge| judge.grade);
        let tag_shares = CapabilityTag::ALL.map(|tag| mean(&|judge| f64::from(judge.tags.contains(&tag))));
        let given = |(_, share): &(CapabilityTag, f64)| *share >= 0.5;
        Self {
            grade,
            level: Level::of(grade),
            tag_shares,
            tags: CapabilityTag::ALL.into_iter().zip(tag_shares).filter(given).map(|(tag, _)| tag).collect(),
            expected_output_tokens: mean(&|judge| judge.expected_output_tokens.ln()).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grading(grade: f64, tags: &[CapabilityTag], expected_output_tokens: f64) -> Grading {
        Grading { grade, tags: tags.to_vec(), expected_output_tokens }
    }

    #[test]
    fn two_judges_meet_in_the_middle() {
        let first = grading(3.0, &[CapabilityTag::Math, CapabilityTag::Code], 100.0);
        let second = grading(4.5, &[CapabilityTag::Code, CapabilityTag::Chat], 400.0);
        let merged = Merged::of(&first, Some(&second));
        assert!((merged.grade - 3.75).abs() < 1e-12);
        assert_eq!(merged.level, Level::Medium);
        assert!((merged.expected_output_tokens - 200.0).abs() < 1e-9);
        let halves = merged.tag_shares.map(|share| (share * 2.0) as u8);
        assert_eq!(halves, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(merged.tags, [CapabilityTag::Code, CapabilityTag::Math, CapabilityTag::Chat]);
    }

    #[test]
    fn one_judge_is_taken_at_his_word() {
        let first = grading(6.5, &[CapabilityTag::Writing], 70.0);
        let merged = Merged::of(&first, None);
        assert_eq!((merged.grade, merged.level), (6.5, Level::Complex));
        assert_eq!(merged.tags, first.tags);
        assert!((merged.expected_output_tokens - 70.0).abs() < 1e-9);
    }

    #[test]
    fn level_changes_at_three_and_a_half_and_at_six_and_a_half() {
        let levels = [0.0, 3.25, 3.5, 6.25, 6.5, 10.0].map(Level::of);
        assert_eq!(levels, [0, 0, 1, 1, 2, 2].map(|at: usize| Level::ALL[at]));
    }
}
