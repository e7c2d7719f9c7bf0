//! Requests to replay: from decision records, or from outcomes of which the scorer says how hard their prompts are.

use std::collections::BTreeMap;

use anyhow::Context;
use domain::{Calibration, Decision, ModelId};

use super::evidence::Evidence;
use super::prices::Price;
use super::replay::{Candidate, Case};

/// Reads decision records, one a line. Returns the requests that can be replayed, and how many others there were.
///
/// # Errors
/// When a line is no decision record.
pub fn of_decisions(text: &str) -> anyhow::Result<(Vec<Case>, usize)> {
    let (mut cases, mut passed) = (Vec::new(), 0);
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fault = || format!("line {}: expected a request as `signalbox logs --json` prints it", place + 1);
        let value: serde_json::Value = serde_json::from_str(line).with_context(fault)?;
        // A request holds its record; one that was refused holds none.
        let record = value.get("decision").unwrap_or(&value).clone();
        let decision: Option<Decision> = match record {
            serde_json::Value::Null => None,
            record => Some(serde_json::from_value(record).with_context(fault)?),
        };
        match decision.and_then(case) {
            Some(case) => cases.push(case),
            None => passed += 1,
        }
    }
    Ok((cases, passed))
}

fn case(decision: Decision) -> Option<Case> {
    let is_priced = decision.candidates.iter().any(|it| it.expected_cost_usd.is_some());
    if decision.strategy != "optimal" || !is_priced {
        return None;
    }
    let candidate = |it: domain::CandidateRecord| {
        Some(Candidate { chance: it.score?, model: it.model, cost: it.expected_cost_usd, score: None })
    };
    let options = decision.candidates.into_iter().map(candidate).collect::<Option<Vec<_>>>()?;
    Some(Case { name: decision.seed.to_string(), options })
}

/// Requests out of outcomes: each prompt of a set is one, and the models with a price that answered it are its
/// candidates.
///
/// # Errors
/// When a model's name cannot be one.
pub fn of_evidence(
    evidence: &Evidence,
    calibration: &Calibration,
    prices: &BTreeMap<String, Price>,
) -> anyhow::Result<Vec<Case>> {
    let mut cases = BTreeMap::<(&str, &str), Vec<Candidate>>::new();
    for row in &evidence.rows {
        let (Some(price), Some(said)) = (prices.get(&row.model), evidence.scores.get(&row.prompt)) else {
            continue;
        };
        // The estimate that requests are routed by, and what the scorer expects of the answer.
        let input = evidence.bytes.get(&row.prompt).map_or(0, |bytes| bytes.div_ceil(4) as u64) + 4;
        let cost = price.cost(input, u64::from(said.expected_output_tokens.p50.max(1)));
        let ability = calibration.scale.blend.ability(row.benchmark);
        cases.entry((&row.source, &row.prompt)).or_default().push(Candidate {
            model: model_id(&row.model).with_context(|| format!("--rows: model `{}`", row.model))?,
            chance: calibration.p_success(ability, said.difficulty),
            cost,
            score: Some(row.score),
        });
    }
    let case = |((source, prompt), options): ((&str, &str), Vec<Candidate>)| Case {
        name: format!("{source} {prompt}"),
        options,
    };
    Ok(cases.into_iter().map(case).collect())
}

/// Own rows have names of the catalogue; the public sets' are bare.
fn model_id(name: &str) -> anyhow::Result<ModelId> {
    Ok(ModelId::parse(name).or_else(|_| ModelId::parse(&format!("public/{name}")))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_records_are_named() {
        let fault = of_decisions("\n{\"decision\": null}\n{\"x\": 1}\n").unwrap_err();
        assert!(format!("{fault:#}").starts_with("line 3: expected a request"), "{fault:#}");
        assert_eq!(of_decisions("{\"decision\": null}\n").unwrap(), (Vec::new(), 1));
    }
}
