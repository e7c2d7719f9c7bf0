//! How long a decision takes over gRPC: measured by a program of its own, whose figures are taken over from its file.
//!
//! An engine and a network are not this command's business; what was measured of another scorer, at another rate or
//! without optimisation is not taken.

use std::path::Path;

use serde::Deserialize;

use super::chance::exactly;
use super::row::{Goal, Row, State, Unit};
use super::{ReportError, measure};

/// How the figures are had.
const CURE: &str = "`cargo run --release -p benches --bin decisions -- --rate 500 --json decisions.json` measures decisions \
    over gRPC (another scorer with --scorer-model DIR); `--decisions decisions.json` then takes them over";

const FORMAT: &str = "signalbox.decisions/1";
/// Questions a second that are promised, and how many tokens each has.
const RATE: f64 = 500.0;
const TOKENS: u32 = 256;

/// The figures of a file.
#[derive(Clone, Debug, Deserialize)]
pub struct Decisions {
    format: String,
    scorer: String,
    rate: Option<f64>,
    optimised: bool,
    rows: Vec<Times>,
}

#[derive(Clone, Debug, Deserialize)]
struct Times {
    tokens: u32,
    transport: String,
    questions: usize,
    p50_ms: f64,
    p99_ms: f64,
}

impl Decisions {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is of another format.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let broken = |reason: String| ReportError::Document { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
        let found: Self = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        if found.format != FORMAT {
            return Err(broken(format!("its format is `{}`, expected `{FORMAT}`; {CURE}", found.format)));
        }
        Ok(found)
    }

    /// The times that are promised, or why these are others.
    fn times(&self, scorer: &str) -> Result<&Times, String> {
        if self.scorer != scorer {
            return Err(format!("--decisions is of scorer {}", self.scorer));
        }
        if !self.optimised {
            return Err("--decisions is of an unoptimised build".to_owned());
        }
        let times = self.rows.iter().find(|it| it.tokens == TOKENS && it.transport == "TCP");
        let found = times.filter(|_| self.rate == Some(RATE));
        found.ok_or_else(|| format!("--decisions has no {TOKENS} tokens over TCP at {RATE} a second"))
    }
}

/// Rows of a scorer.
pub fn rows(found: Option<&Decisions>, scorer: &str) -> Vec<Row> {
    let (p50, p99) = ("Decide over gRPC, 500 a second, p50", "Decide over gRPC, 500 a second, p99");
    match found.map_or_else(|| Err("--decisions was not given".to_owned()), |it| it.times(scorer)) {
        Ok(times) => {
            let row = |name: &str, value: f64| {
                Row::new(measure::SPEED, name, Unit::Milliseconds, exactly(value)).of(times.questions)
            };
            vec![
                row(p50, times.p50_ms).must(Goal::AtMost(1.0)),
                row(p99, times.p99_ms)
                    .must(Goal::AtMost(4.0))
                    .aim(Goal::AtMost(2.0))
                    .note("decisions over gRPC on loopback, 256 tokens, as the file of --decisions has them"),
            ]
        }
        Err(reason) => [p50, p99]
            .map(|name| {
                Row::without(measure::SPEED, name, Unit::Milliseconds, State::Elsewhere(reason.clone())).note(CURE)
            })
            .into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(change: impl FnOnce(&mut serde_json::Value)) -> Result<Decisions, ReportError> {
        let mut value = serde_json::json!({
            "format": FORMAT, "scorer": "9.1", "rate": 500.0, "optimised": true,
            "rows": [
                {"tokens": 256, "transport": "memory", "questions": 9, "p50_ms": 0.1, "p99_ms": 0.2, "max_ms": 1.0},
                {"tokens": 256, "transport": "TCP", "questions": 2000, "p50_ms": 0.7, "p99_ms": 3.5, "max_ms": 9.0},
            ],
        });
        change(&mut value);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.json");
        std::fs::write(&path, value.to_string()).unwrap();
        Decisions::read(&path)
    }

    #[test]
    fn figures_of_the_file_stand_beside_their_goals() {
        let rows = rows(Some(&read(|_| {}).unwrap()), "9.1");
        let found: Vec<_> =
            rows.iter().map(|row| (row.figure.value, row.n, row.must.unwrap().is_reached(row.figure))).collect();
        assert_eq!(found, [(Some(0.7), Some(2000), Some(true)), (Some(3.5), Some(2000), Some(true))]);
        assert_eq!(rows[1].aim.unwrap().is_reached(rows[1].figure), Some(false));
    }

    #[track_caller]
    fn not_taken(found: Option<&Decisions>, why: &str) {
        for row in rows(found, "9.1") {
            let State::Elsewhere(reason) = row.state else { panic!("{why}: it was taken") };
            assert!(reason.contains(why) && row.note.unwrap().contains("--bin decisions"), "{reason}");
        }
    }

    #[test]
    fn other_figures_are_not_taken_and_the_command_for_these_is_told() {
        not_taken(None, "was not given");
        not_taken(Some(&read(|it| it["scorer"] = "8.8".into()).unwrap()), "of scorer 8.8");
        not_taken(Some(&read(|it| it["rate"] = serde_json::Value::Null).unwrap()), "at 500 a second");
        not_taken(Some(&read(|it| it["optimised"] = false.into()).unwrap()), "unoptimised");
        assert!(read(|it| it["format"] = "other/1".into()).unwrap_err().to_string().contains("other/1"));
    }
}
