//! `signalbox explain --cases FILE`: a table of requests with what is to be decided for each, one JSON object a line.
//!
//! ```json
//! {"name": "premium goes to the large model", "request": {"body": {…}}, "complexity": 0.2,
//!  "expect": {"order": ["acme/large"], "removed": {"acme/small": "tools"}, "record": {"rule": "EU premium"}}}
//! ```
//!
//! `policy`, `complexity` and `capabilities` stand in for what would be found. `expect` has any of `order` (the
//! candidates), `removed` (model to reason; all of them), `scores` and `positions` (model to number, of those that
//! matter), `record` and `refusal` (members of the decision record, or of the error object). Objects are compared by
//! the members that the case names, lists item by item. Empty lines and lines that begin with `#` are skipped.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use proto::pb::admin::v1::explain_response::Answer;
use proto::pb::routing::v1 as routing;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::commands::explain::given::{Given, Injected};
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::ServerLink;

/// What numbers may differ by: they take a trip through text, and sums depend on the order of their terms.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Given,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    complexity: Option<f64>,
    #[serde(default)]
    difficulty: Option<f64>,
    #[serde(default)]
    capabilities: BTreeMap<String, f64>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    order: Option<Vec<String>>,
    #[serde(default)]
    removed: Option<BTreeMap<String, String>>,
    #[serde(default)]
    scores: BTreeMap<String, f64>,
    #[serde(default)]
    positions: BTreeMap<String, f64>,
    #[serde(default)]
    record: Map<String, Value>,
    #[serde(default)]
    refusal: Option<Map<String, Value>>,
}

/// Decides every case and tells which are not as expected; fails if there is any.
pub(super) async fn run(text: &str, file: &Path, as_json: bool, mut server: ServerLink) -> anyhow::Result<Exit> {
    let (mut passed, mut failed) = (0, 0);
    for (number, case) in cases(text, file)? {
        let differences = differences(&case, &mut server).await?;
        if differences.is_empty() {
            passed += 1;
        } else {
            failed += 1;
        }
        if as_json {
            output::json(
                &json!({"case": case.name, "line": number, "ok": differences.is_empty(), "differences": differences}),
            )?;
        } else {
            for difference in &differences {
                output::line(format!("line {number}, {}: {difference}", case.name))?;
            }
        }
    }
    if !as_json {
        output::line(format!("{passed} cases as expected, {failed} not"))?;
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// Every case with its line; all that is wrong with the file at once.
fn cases(text: &str, file: &Path) -> anyhow::Result<Vec<(usize, Case)>> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        match serde_json::from_str::<Case>(line) {
            Ok(case) if case.expect.is_empty() => {
                faults.push(format!(
                    "line {number}: `expect` is empty: name order, removed, scores, positions, record or refusal"
                ));
            }
            Ok(case) => cases.push((number, case)),
            Err(fault) => faults.push(format!("line {number}: {fault}")),
        }
    }
    if cases.is_empty() && faults.is_empty() {
        faults.push("there is no case: write one JSON object a line".to_owned());
    }
    if faults.is_empty() {
        return Ok(cases);
    }
    Err(UsageError(format!("{}:\n{}", file.display(), faults.join("\n"))).into())
}

async fn differences(case: &Case, server: &mut ServerLink) -> anyhow::Result<Vec<String>> {
    let tag = |(tag, probability): (&String, &f64)| routing::Capability { tag: tag.clone(), probability: *probability };
    let injected = Injected {
        policy: case.policy.clone(),
        complexity: case.complexity,
        difficulty: case.difficulty,
        capabilities: case.capabilities.iter().map(tag).collect(),
    };
    let answer = match case.request.question(injected) {
        // A case that names a key or policy that there is not is one bad case: the others are decided all the same.
        Ok(question) => match server.explain(question).await {
            Ok(response) => response.answer.context("the server sent no answer")?,
            Err(fault) => return Ok(vec![fault.to_string()]),
        },
        Err(refusal) => Answer::RefusalJson(refusal),
    };
    Ok(match answer {
        Answer::RecordJson(record) => case.expect.compare_record(&serde_json::from_slice(&record)?),
        Answer::RefusalJson(refusal) => case.expect.compare_refusal(&serde_json::from_slice(&refusal)?),
    })
}

impl Expected {
    fn is_empty(&self) -> bool {
        let no_figures = self.scores.is_empty() && self.positions.is_empty();
        self.order.is_none() && self.removed.is_none() && no_figures && self.record.is_empty() && self.refusal.is_none()
    }

    fn compare_record(&self, record: &Value) -> Vec<String> {
        if let Some(expected) = &self.refusal {
            let expected = Value::Object(expected.clone());
            return vec![format!("expected the refusal {expected}, found {}", record["selected_model"])];
        }
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: &Value, expected: &Value| {
            if !is_same(found, expected) {
                differences.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        if let Some(order) = &self.order {
            compare("order", &column(&record["candidates"], "model"), &json!(order));
        }
        if let Some(removed) = &self.removed {
            let rows = record["removed"].as_array().map(Vec::as_slice).unwrap_or_default();
            let found: BTreeMap<_, _> = rows.iter().map(|it| (it["model"].as_str(), &it["reason"])).collect();
            let found: Map<_, _> =
                found.into_iter().filter_map(|(model, reason)| Some((model?.to_owned(), reason.clone()))).collect();
            compare("removed", &Value::Object(found), &json!(removed));
        }
        for (figure, expected) in [("score", &self.scores), ("position", &self.positions)] {
            for (model, expected) in expected {
                compare(&format!("{figure} of {model}"), candidate(record, model, figure), &json!(expected));
            }
        }
        for (member, expected) in &self.record {
            compare(member, &record[member], expected);
        }
        differences
    }

    fn compare_refusal(&self, refusal: &Value) -> Vec<String> {
        let error = &refusal["error"];
        let Some(expected) = &self.refusal else {
            return vec![format!("expected a decision, found the refusal {error}")];
        };
        let different = expected.iter().filter(|(member, expected)| !is_same(&error[member.as_str()], expected));
        different.map(|(member, expected)| format!("{member}: expected {expected}, found {}", error[member])).collect()
    }
}

fn column(rows: &Value, name: &str) -> Value {
    rows.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|row| row[name].clone()).collect()
}

/// A member of a candidate's row; null where there is no such candidate.
fn candidate<'a>(record: &'a Value, model: &str, member: &str) -> &'a Value {
    let rows = record["candidates"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().find(|row| row["model"] == model).map_or(&Value::Null, |row| &row[member])
}

/// Whether a value is as expected: of an object, in the members that are expected; of a number, within the tolerance.
fn is_same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(_), Value::Number(_)) => {
            found.as_f64().zip(expected.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= TOLERANCE)
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| is_same(found.get(name).unwrap_or(&Value::Null), expected))
        }
        _ => found == expected,
    }
}
