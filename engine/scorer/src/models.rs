//! What an artefact knows of models: how likely each is right on a prompt, given the prompt's difficulty.
//!
//! `P(right) = σ(slope · (theta − (scale · difficulty + shift)))`: two numbers for each model, two for the source whose
//! outcomes placed it. How they are found is the trainer's business, what follows from them for routing is `policy`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactError;

/// The file's name in an artefact's folder. An artefact without it knows no models.
pub const MODELS: &str = "models.json";

/// The models of an artefact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// How ability and difficulty make a probability.
    pub link: Link,
    /// What is expected of a model of which nothing is known yet.
    pub population: Population,
    /// How each source reads the scale of difficulty.
    pub sources: BTreeMap<String, SourceScale>,
    /// The models, each with the source that placed it.
    pub models: Vec<KnownModel>,
}

/// How ability and difficulty make a probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The logistic function.
    Logistic,
}

/// How a source reads the scale of difficulty: `scale · difficulty + shift` is on the scale of its models' abilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceScale {
    /// Above 0: what is harder is failed more often.
    pub scale: f64,
    /// Where its mean model stands.
    pub shift: f64,
}

/// What is expected of a new model, on the scale `scale · difficulty`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Its typical scale of difficulty.
    pub scale: f64,
    /// Mean ability.
    pub theta_mean: f64,
    /// Standard deviation of abilities.
    pub theta_deviation: f64,
    /// Standard deviation of the logarithm of slopes.
    pub log_slope_deviation: f64,
}

/// A model and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its name, as the outcomes spell it.
    pub name: String,
    /// Whose outcomes placed it.
    pub source: String,
    /// Ability.
    pub theta: f64,
    /// Standard error of the ability.
    pub theta_error: f64,
    /// How sharply difficulty tells; 1 is as the source does on the whole.
    pub slope: f64,
    /// Standard error of the slope.
    pub slope_error: f64,
    /// Outcomes that placed it.
    pub n: usize,
}

impl Models {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// When it is not of this form, a number cannot be, or a model's source is not described.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| ArtifactError::malformed(MODELS, error))?;
        read.validate().map_err(|reason| ArtifactError::malformed(MODELS, reason))?;
        Ok(read)
    }

    /// Says what is wrong, if anything.
    ///
    /// # Errors
    /// Names the first value that cannot be.
    pub fn validate(&self) -> Result<(), String> {
        let Population { scale, theta_mean, theta_deviation, log_slope_deviation } = self.population;
        positive("population.scale", scale)?;
        finite("population.theta_mean", theta_mean)?;
        positive("population.theta_deviation", theta_deviation)?;
        positive("population.log_slope_deviation", log_slope_deviation)?;
        for (source, at) in &self.sources {
            positive(&format!("sources.{source}.scale"), at.scale)?;
            finite(&format!("sources.{source}.shift"), at.shift)?;
        }
        let mut seen = BTreeSet::new();
        for model in &self.models {
            model.validate()?;
            if !self.sources.contains_key(&model.source) {
                return Err(format!("`{}` is of source `{}`, which `sources` does not hold", model.name, model.source));
            }
            if !seen.insert((&model.source, &model.name)) {
                return Err(format!("`{}` of source `{}` stands there twice", model.name, model.source));
            }
        }
        Ok(())
    }

    /// How likely a model is right on a prompt of this difficulty; `None` if the model is not known or the difficulty is
    /// no number. A model that several sources have placed gets the mean of what they say, by their outcomes; one that
    /// `source/name` spells out, what that source says.
    pub fn p_right(&self, name: &str, difficulty: f64) -> Option<f64> {
        if !difficulty.is_finite() {
            return None;
        }
        let spelled_out = |it: &&KnownModel| {
            name.strip_prefix(it.source.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(it.name.as_str())
        };
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut add = |it: &KnownModel| {
            if let Some(scale) = self.sources.get(&it.source) {
                let n = it.n.max(1) as f64;
                sum += n * it.p_right(*scale, difficulty);
                weight += n;
            }
        };
        match self.models.iter().find(spelled_out) {
            Some(it) => add(it),
            None => self.models.iter().filter(|it| it.name == name).for_each(&mut add),
        }
        (weight > 0.0).then(|| sum / weight)
    }
}

impl KnownModel {
    /// How likely it is right on a prompt of this difficulty, as its source reads it.
    pub fn p_right(&self, scale: SourceScale, difficulty: f64) -> f64 {
        let logit = self.slope * (self.theta - (scale.scale * difficulty + scale.shift));
        1.0 / (1.0 + (-logit).exp())
    }

    fn validate(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("a model has no name".to_owned());
        }
        let name = &self.name;
        finite(&format!("`theta` of `{name}`"), self.theta)?;
        positive(&format!("`slope` of `{name}`"), self.slope)?;
        positive(&format!("`theta_error` of `{name}`"), self.theta_error)?;
        positive(&format!("`slope_error` of `{name}`"), self.slope_error)
    }
}

impl SourceScale {
    /// A difficulty on the scale of abilities.
    pub fn place(self, difficulty: f64) -> f64 {
        self.scale * difficulty + self.shift
    }
}

fn finite(name: &str, value: f64) -> Result<(), String> {
    if value.is_finite() { Ok(()) } else { Err(format!("{name} is {value}, expected a number")) }
}

fn positive(name: &str, value: f64) -> Result<(), String> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(format!("{name} is {value}, expected above 0")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(name: &str, source: &str, theta: f64, n: usize) -> KnownModel {
        let (name, source) = (name.to_owned(), source.to_owned());
        KnownModel { name, source, theta, theta_error: 0.2, slope: 1.2, slope_error: 0.1, n }
    }

    fn models() -> Models {
        let scale = |scale, shift| SourceScale { scale, shift };
        Models {
            link: Link::Logistic,
            population: Population { scale: 0.8, theta_mean: 0.0, theta_deviation: 1.0, log_slope_deviation: 0.3 },
            sources: BTreeMap::from([("a".to_owned(), scale(0.5, 0.2)), ("b".to_owned(), scale(1.0, -1.0))]),
            models: vec![model("m", "a", 1.0, 100), model("m", "b", -1.0, 300), model("x/n", "b", 0.0, 50)],
        }
    }

    #[test]
    fn probability_follows_the_formula() {
        let expected = 1.0 / (1.0 + (-1.2 * (0.0 - (0.4 - 1.0_f64))).exp());
        assert!((models().p_right("x/n", 0.4).unwrap_or(f64::NAN) - expected).abs() < 1e-12);
        assert_eq!(models().p_right("nobody", 0.4), None);
        assert_eq!(models().p_right("m", f64::NAN), None);
    }

    #[test]
    fn model_of_two_sources_gets_their_mean_by_outcomes_unless_one_is_named() {
        let said = |name| models().p_right(name, 0.3).unwrap_or(f64::NAN);
        let mean = 0.25 * said("a/m") + 0.75 * said("b/m");
        assert!((said("m") - mean).abs() < 1e-12 && (said("a/m") - said("b/m")).abs() > 0.05);
    }

    #[test]
    fn what_is_written_is_read_again_and_what_cannot_be_is_refused() {
        let bytes = serde_json::to_vec(&models()).unwrap_or_default();
        assert_eq!(Models::parse(&bytes).ok(), Some(models()));
        let refused = |change: fn(&mut Models), reason: &str| {
            let mut wrong = models();
            change(&mut wrong);
            let fault = wrong.validate().expect_err(reason);
            assert!(fault.contains(reason), "{fault}");
        };
        refused(|it| it.models[0].slope = 0.0, "`slope` of `m`");
        refused(|it| it.models[0].theta = f64::NAN, "`theta` of `m`");
        refused(|it| it.models[0].source = "c".to_owned(), "`c`");
        refused(|it| it.models[1].source = "a".to_owned(), "twice");
        refused(|it| it.population.scale = -1.0, "population.scale");
        refused(|it| it.models[2].name = " ".to_owned(), "no name");
        assert!(Models::parse(b"{").is_err());
    }

    proptest! {
        #[test]
        fn harder_is_never_likelier_right(a in -8.0..8.0_f64, b in -8.0..8.0_f64) {
            let (easy, hard) = if a < b { (a, b) } else { (b, a) };
            let all = models();
            for name in ["m", "a/m", "x/n"] {
                let (easy, hard) = (all.p_right(name, easy), all.p_right(name, hard));
                prop_assert!(hard <= easy && easy <= Some(1.0) && hard >= Some(0.0));
            }
        }
    }
}
