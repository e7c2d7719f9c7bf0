//! Scores the same prompts with both scorers and makes the differences.

use datasets::{BlindPrompt, Level};
use domain::Score;

use super::check::{Check, Margins, Outcome};
use crate::report::data::Material;
use crate::report::{Chance, ReportError, Subject, blind, chance, dev, robustness, speed};
use crate::router_eval::report::Figure;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// Replicates and seed.
    pub chance: Chance,
    /// Prompts timed.
    pub timed: usize,
    /// Checks that are left out.
    pub without: Vec<Check>,
}

/// A candidate and who is in service.
pub struct Pair<'a> {
    /// The candidate.
    pub candidate: &'a Subject,
    /// The incumbent.
    pub incumbent: &'a Subject,
}

/// Makes every check that is not left out.
///
/// # Errors
/// When a prompt cannot be scored, or data that a check needs is not there.
pub fn compare(
    pair: &Pair<'_>,
    material: &Material,
    margins: &Margins,
    rounds: &Rounds,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Outcome>, GateError> {
    let mut outcomes = Vec::new();
    let mut blind = None;
    for check in Check::ALL.into_iter().filter(|check| !rounds.without.contains(check)) {
        progress(check.what());
        let lacks = |reason: &String| GateError::NoData { check, reason: reason.clone() };
        let found = match check {
            Check::Speed => speeds(pair, rounds)?,
            Check::Difficulty => difficulties(pair, material.public.as_ref().map_err(lacks)?, rounds)?,
            _ => {
                let prompts = material.blind.as_ref().map_err(lacks)?;
                let said = match &blind {
                    Some(said) => said,
                    None => blind.insert(BlindSaid::of(pair, prompts)?),
                };
                said.check(check, pair, prompts, rounds)?
            }
        };
        outcomes.push(found.judged(check, margins.of(check)));
    }
    Ok(outcomes)
}

/// Why the gate says nothing.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Data is missing.
    #[error("the check `{check}` has {reason}; name its folder, or leave the check out with --without {check}")]
    NoData {
        /// Which check.
        check: Check,
        /// What is missing.
        reason: String,
    },
    /// Measuring failed.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// Both figures and how much worse the candidate's is.
struct Found {
    candidate: f64,
    incumbent: f64,
    worse_by: Figure,
    n: usize,
}

impl Found {
    /// A figure of weighted items for either scorer.
    fn of<N: AsRef<str>>(
        rounds: &Rounds,
        check: Check,
        names: &[N],
        candidate: impl Fn(&[u8]) -> Option<f64>,
        incumbent: impl Fn(&[u8]) -> Option<f64>,
    ) -> Self {
        let sign = if check.is_better_high() { -1.0 } else { 1.0 };
        let worse_by =
            rounds.chance.figure(names, |weights| Some(sign * (candidate(weights)? - incumbent(weights)?) + 0.0));
        let ones = vec![1; names.len()];
        let value = |it: Option<f64>| it.unwrap_or(f64::NAN);
        Self { candidate: value(candidate(&ones)), incumbent: value(incumbent(&ones)), worse_by, n: names.len() }
    }

    fn judged(self, check: Check, margin: f64) -> Outcome {
        Outcome::judged(check, (self.candidate, self.incumbent), self.worse_by, margin, self.n)
    }
}

/// Times taken in turn, so that what slows the machine slows both.
fn speeds(pair: &Pair<'_>, rounds: &Rounds) -> Result<Found, ReportError> {
    let prompts = speed::full_prompts(pair.candidate, 32, rounds.chance.seed)?;
    let (mut candidate, mut incumbent) = (Vec::new(), Vec::new());
    for round in 0..rounds.timed + 20 {
        let prompt = std::slice::from_ref(&prompts[round % prompts.len()]);
        let time = |subject| speed::once(subject, prompt).map(|seconds| seconds * 1e3);
        // Whoever goes second finds the prompt in the cache.
        let (mine, theirs) = if round % 2 == 0 {
            let mine = time(pair.candidate)?;
            (mine, time(pair.incumbent)?)
        } else {
            let theirs = time(pair.incumbent)?;
            (time(pair.candidate)?, theirs)
        };
        if round >= 20 {
            candidate.push(mine);
            incumbent.push(theirs);
        }
    }
    let names: Vec<String> = (0..candidate.len()).map(|at| at.to_string()).collect();
    let ratio = |weights: &[u8]| {
        Some(chance::median(&candidate, weights)? / chance::median(&incumbent, weights)?.max(1e-9) - 1.0)
    };
    let ones = vec![1; names.len()];
    let median = |times: &[f64]| chance::median(times, &ones).unwrap_or(f64::NAN);
    Ok(Found {
        candidate: median(&candidate),
        incumbent: median(&incumbent),
        worse_by: rounds.chance.figure(&names, ratio),
        n: names.len(),
    })
}

fn difficulties(pair: &Pair<'_>, public: &crate::report::data::Public, rounds: &Rounds) -> Result<Found, ReportError> {
    let said = |subject: &Subject| -> Result<Vec<f64>, ReportError> {
        let scores = subject.say(public.dev.iter().map(|row| row.prompt.as_str()))?;
        Ok(scores.iter().map(|score| score.difficulty).collect())
    };
    let (candidate, incumbent) = (said(pair.candidate)?, said(pair.incumbent)?);
    let names: Vec<&str> = public.dev.iter().map(|row| row.id.as_str()).collect();
    let within = |said: Vec<f64>| move |weights: &[u8]| dev::within(&public.dev, &said, weights);
    Ok(Found::of(rounds, Check::Difficulty, &names, within(candidate), within(incumbent)))
}

/// What both say of the blind prompts.
struct BlindSaid {
    candidate: Vec<Score>,
    incumbent: Vec<Score>,
}

impl BlindSaid {
    fn of(pair: &Pair<'_>, prompts: &[BlindPrompt]) -> Result<Self, ReportError> {
        let said = |subject: &Subject| subject.say(prompts.iter().map(|it| it.prompt.as_str()));
        Ok(Self { candidate: said(pair.candidate)?, incumbent: said(pair.incumbent)? })
    }

    fn check(
        &self,
        check: Check,
        pair: &Pair<'_>,
        prompts: &[BlindPrompt],
        rounds: &Rounds,
    ) -> Result<Found, ReportError> {
        let names: Vec<&str> = prompts.iter().map(|it| it.id.as_str()).collect();
        let (mine, theirs) = (&self.candidate, &self.incumbent);
        Ok(match check {
            Check::Tags => {
                let f1 = |said| move |weights: &[u8]| blind::macro_f1(prompts, said, weights);
                Found::of(rounds, check, &names, f1(mine), f1(theirs))
            }
            Check::AnswerLength => {
                let error = |said: &[Score]| {
                    let errors: Vec<f64> = prompts.iter().zip(said).map(|(it, s)| blind::length_error(it, s)).collect();
                    move |weights: &[u8]| chance::median(&errors, weights)
                };
                Found::of(rounds, check, &names, error(mine), error(theirs))
            }
            Check::Robustness => {
                let moves = |subject, said: &[Score]| robustness::moves(subject, prompts, said, rounds.chance.seed);
                let (mine, theirs) = (moves(pair.candidate, mine)?, moves(pair.incumbent, theirs)?);
                let names: Vec<&str> = mine.iter().map(|it| it.id.as_str()).collect();
                let mean = |moves: &[robustness::Moved]| {
                    let by: Vec<f64> = moves.iter().map(|it| it.by).collect();
                    move |weights: &[u8]| chance::mean(&by, weights)
                };
                Found::of(rounds, check, &names, mean(&mine), mean(&theirs))
            }
            Check::ClearCases | Check::Difficulty | Check::Speed => {
                let clear: Vec<usize> = (0..prompts.len()).filter(|at| prompts[*at].level != Level::Medium).collect();
                let names: Vec<&str> = clear.iter().map(|at| names[*at]).collect();
                let share = |said: &[Score]| {
                    let right = |at: &usize| blind::is_right(prompts[*at].level, said[*at].complexity) == Some(true);
                    let right: Vec<f64> = clear.iter().map(|at| f64::from(u8::from(right(at)))).collect();
                    move |weights: &[u8]| chance::mean(&right, weights)
                };
                Found::of(rounds, check, &names, share(mine), share(theirs))
            }
        })
    }
}
