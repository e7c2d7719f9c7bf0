//! Whether a condition holds, as far as can be told: without a score that matters it is open.
//!
//! Three-valued, so that `complexity > 0.5 and tag.tier = premium` needs no score for a request without that tag,
//! whichever of the two is written first.

use domain::{Condition, Facts, Field, OutputFormat, Score, Tenant, Test};

use super::compare::{Actual, satisfies};
use crate::question::{Scoring, known_score};

/// What is known of the score.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// Nothing yet.
    Open,
    /// There is none: its fields are missing.
    Missing,
    /// What it says.
    Score(&'a Score),
}

impl<'a> From<Scoring<'a>> for Known<'a> {
    fn from(scoring: Scoring<'a>) -> Self {
        known_score(scoring).map_or(Self::Open, Self::Score)
    }
}

/// What a field says: still open, or its values. None of them: it is missing; two: two spellings of the same.
enum Reading<'a> {
    Open,
    Values([Option<Actual<'a>>; 2]),
}

impl<'a> From<Option<Actual<'a>>> for Reading<'a> {
    fn from(value: Option<Actual<'a>>) -> Self {
        Self::Values([value, None])
    }
}

/// Reads fields of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) facts: &'a Facts,
    pub(super) known: Known<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn without_score(&self) -> Self {
        Self { known: Known::Missing, ..*self }
    }

    /// Whether a condition holds; `None` where that depends on a score nobody has yet.
    pub(super) fn holds(&self, condition: &Condition) -> Option<bool> {
        match condition {
            Condition::All(conditions) => self.decided_by(false, conditions),
            Condition::Any(conditions) => self.decided_by(true, conditions),
            Condition::Not(condition) => self.holds(condition).map(|holds| !holds),
            Condition::Test(test) => self.passes(test),
        }
    }

    /// One `deciding` condition settles it; else one that is open leaves it open; else it is the contrary.
    fn decided_by(&self, deciding: bool, conditions: &[Condition]) -> Option<bool> {
        let mut outcome = Some(!deciding);
        for condition in conditions {
            match self.holds(condition) {
                Some(holds) if holds == deciding => return Some(deciding),
                Some(_) => {}
                None => outcome = None,
            }
        }
        outcome
    }

    fn passes(&self, test: &Test) -> Option<bool> {
        match self.read(test.field()) {
            Reading::Open => None,
            Reading::Values(values) => Some(satisfies(values.into_iter().flatten(), test)),
        }
    }

    fn read(&self, field: &Field) -> Reading<'a> {
        let facts = self.facts;
        let (features, labels) = (&facts.features, &facts.labels);
        let text = |text: Option<&'a str>| Reading::from(text.map(Actual::Text));
        let flag = |flag: bool| Reading::from(Some(Actual::Flag(flag)));
        match field {
            Field::Tag(key) => text(labels.tags.get(key).map(String::as_str)),
            Field::Header(name) => text(labels.headers.get(name)),
            Field::Metadata(key) => labels.metadata.get(key).and_then(Actual::of).into(),
            Field::Model => text(facts.requested_model.as_deref()),
            Field::Project => self.project(),
            Field::KeyName => text(labels.key_name.as_deref()),
            Field::User => text(labels.user.as_deref()),
            Field::Stream => flag(features.stream),
            Field::HasTools => flag(features.has_tools),
            Field::HasImages => flag(features.has_images),
            Field::HasSchema => flag(features.output_format == OutputFormat::JsonSchema),
            Field::InputTokens => Some(Actual::whole(features.input_tokens)).into(),
            Field::MaxOutputTokens => features.max_output_tokens.map(Actual::whole).into(),
            Field::Complexity => self.scored(|score| Some(score.complexity.clamp(0.0, 1.0))),
            Field::Capability(tag) => self.scored(|score| {
                let known = score.capabilities.iter().find(|(known, _)| known == tag);
                known.map(|(_, probability)| *probability)
            }),
        }
    }

    /// A project goes by its id and by its name.
    fn project(&self) -> Reading<'a> {
        let id = self.facts.labels.project.as_ref();
        let name = id.and_then(|id| self.tenant.projects.get(id)).map(|project| project.name.as_str());
        Reading::Values([id.map(|id| Actual::Text(id.as_str())), name.map(Actual::Text)])
    }

    fn scored(&self, value: impl FnOnce(&Score) -> Option<f64>) -> Reading<'a> {
        match self.known {
            Known::Open => Reading::Open,
            Known::Missing => None.into(),
            Known::Score(score) => value(score).map(Actual::real).into(),
        }
    }
}
