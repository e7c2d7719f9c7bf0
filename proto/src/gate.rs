//! What the gate said of a scorer: as much of its `gate.json` as counts for whoever promotes.
//!
//! Read by the engine and by the command lines alike, so that all of them let the same scorers pass. How the word comes
//! about is the business of `evalkit gate`.

use serde_json::Value;

/// The file beside a scorer's manifest that holds the gate's word.
pub const GATE: &str = "gate.json";

/// The gate's word for a scorer that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Which scorer it was compared with, where the gate says.
    pub against: Option<String>,
    /// Checks that were left out.
    pub without: Vec<String>,
}

/// Why a scorer has not passed its gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPassed {
    /// There is no word at all.
    #[error("there is no {GATE}: it has not been through a gate")]
    Never,
    /// The word cannot be read.
    #[error("{GATE} cannot be understood: {0}")]
    Unreadable(String),
    /// The word is another scorer's.
    #[error("{GATE} is that of {of}, the scorer is {version}")]
    OfAnother {
        /// Whose it is.
        of: String,
        /// Whose it should be.
        version: String,
    },
    /// The word is no, or not sure.
    #[error("its gate says `{verdict}`{}", lines(failing))]
    Refused {
        /// `fail` or `inconclusive`.
        verdict: String,
        /// The checks that were not passed, a line each.
        failing: Vec<String>,
    },
}

fn lines(failing: &[String]) -> String {
    if failing.is_empty() { String::new() } else { format!(": {}", failing.join("; ")) }
}

/// Judges the content of a scorer's `gate.json`; `None` = it has none.
///
/// # Errors
/// When the scorer has not passed, or it cannot be told.
pub fn passed(gate: Option<&[u8]>, version: &str) -> Result<Passed, NotPassed> {
    let word: Value = serde_json::from_slice(gate.ok_or(NotPassed::Never)?)
        .map_err(|fault| NotPassed::Unreadable(fault.to_string()))?;
    let Some(verdict) = word["verdict"].as_str() else {
        return Err(NotPassed::Unreadable("it has no `verdict`".to_owned()));
    };
    if verdict != "pass" {
        let checks = word["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let failing = checks.iter().filter(|check| check["verdict"] != "pass").map(line).collect();
        return Err(NotPassed::Refused { verdict: verdict.to_owned(), failing });
    }
    match word["version"].as_str() {
        Some(of) if of != version => Err(NotPassed::OfAnother { of: of.to_owned(), version: version.to_owned() }),
        _ => Ok(Passed { against: word["against"].as_str().map(str::to_owned), without: left_out(&word) }),
    }
}

/// A gate's word in a few: `pass against 2026.11.1 without tags`.
pub fn in_short(gate: &[u8]) -> String {
    let word: Value = serde_json::from_slice(gate).unwrap_or_default();
    let Some(verdict) = word["verdict"].as_str() else { return "unreadable".to_owned() };
    let mut short = verdict.to_owned();
    if let Some(against) = word["against"].as_str() {
        short.push_str(" against ");
        short.push_str(against);
    }
    let left_out = left_out(&word);
    if !left_out.is_empty() {
        short.push_str(" without ");
        short.push_str(&left_out.join(", "));
    }
    short
}

/// The checks that the gate was told to leave out.
fn left_out(word: &Value) -> Vec<String> {
    let checks = word["without"].as_array().map(Vec::as_slice).unwrap_or_default();
    checks.iter().filter_map(|check| check.as_str().map(str::to_owned)).collect()
}

/// One check: `tags: 0.512 beside 0.804, worse by 0.292 where 0.030 is allowed (fail)`.
fn line(check: &Value) -> String {
    let number = |value: &Value| value.as_f64().map_or_else(|| "?".to_owned(), |value| format!("{value:.3}"));
    format!(
        "{}: {} beside {}, worse by {} where {} is allowed ({})",
        check["check"].as_str().unwrap_or("?"),
        number(&check["candidate"]),
        number(&check["incumbent"]),
        number(&check["worse_by"]["value"]),
        number(&check["margin"]),
        check["verdict"].as_str().unwrap_or("?")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(gate: Option<&str>, why: &str) {
        let fault = passed(gate.map(str::as_bytes), "9.1").expect_err("it has not passed").to_string();
        assert!(fault.contains(why), "{fault}");
    }

    #[test]
    fn what_has_not_passed_is_told_by_its_failing_checks_alone() {
        refused(None, "has not been through a gate");
        refused(Some("{"), "cannot be understood");
        refused(Some("{}"), "no `verdict`");
        refused(Some(r#"{"verdict": "pass", "version": "8.8"}"#), "that of 8.8, the scorer is 9.1");
        refused(Some(r#"{"verdict": "inconclusive"}"#), "says `inconclusive`");
        let gate = r#"{"verdict": "fail", "version": "9.1", "checks": [
            {"check": "speed", "candidate": 0.3, "incumbent": 0.3, "worse_by": {"value": 0.0}, "margin": 0.25, "verdict": "pass"},
            {"check": "tags", "candidate": 0.5, "incumbent": 0.8, "worse_by": {"value": 0.3}, "margin": 0.03, "verdict": "fail"}]}"#;
        refused(Some(gate), "`fail`: tags: 0.500 beside 0.800, worse by 0.300 where 0.030 is allowed (fail)");
        let fault = passed(Some(gate.as_bytes()), "9.1").expect_err("it has not passed").to_string();
        assert!(!fault.contains("speed"), "{fault}");
    }

    #[test]
    fn what_has_passed_says_against_whom() {
        let found = passed(Some(br#"{"verdict": "pass", "against": "9.0", "version": "9.1"}"#), "9.1");
        assert_eq!(found, Ok(Passed { against: Some("9.0".to_owned()), without: Vec::new() }));
        assert_eq!(passed(Some(br#"{"verdict": "pass"}"#), "9.1"), Ok(Passed { against: None, without: Vec::new() }));
    }

    #[test]
    fn a_word_in_short_names_the_other_scorer() {
        assert_eq!(in_short(br#"{"verdict": "fail", "against": "9.0"}"#), "fail against 9.0");
        assert_eq!(in_short(br#"{"verdict": "pass"}"#), "pass");
        assert_eq!(in_short(b"{"), "unreadable");
        let partial = br#"{"verdict": "pass", "against": "9.0", "without": ["tags", "speed"]}"#;
        assert_eq!(in_short(partial), "pass against 9.0 without tags, speed");
        assert_eq!(passed(Some(partial), "9.1").map(|it| it.without.len()), Ok(2));
    }
}
