//! The `generationConfig` of a request.

use serde::Serialize;

use crate::canonical::{Json, Loss, OutputShape, Reasoning, Request};
use crate::gemini::types;

/// Texts that end an answer: the most that Google takes.
const MOST_STOPS: usize = 5;

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    response_logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    /// Takes a JSON schema, where `responseSchema` takes Google's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<WireThinking>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireThinking {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    include_thoughts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

impl WireConfig<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self == &WireConfig::default()
    }
}

/// Writes it.
pub(super) fn write<'a>(request: &'a Request, native_model: &str, loss: &mut Loss) -> WireConfig<'a> {
    let sampling = request.sampling;
    let seed = sampling.seed.and_then(|seed| i32::try_from(seed).ok());
    if seed.is_none() && sampling.seed.is_some() {
        loss.note("seed", "seeds are of 32 bits in this dialect");
    }
    if request.stop.len() > MOST_STOPS {
        loss.note(format!("stop[{MOST_STOPS}]"), "this dialect takes five texts at most");
    }
    let mut config = WireConfig {
        max_output_tokens: request.max_output_tokens,
        stop_sequences: &request.stop[..request.stop.len().min(MOST_STOPS)],
        candidate_count: request.choices,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        seed,
        response_logprobs: request.logprobs.is_some(),
        logprobs: request.logprobs.filter(|most| *most > 0),
        thinking_config: request.reasoning.as_ref().map(|it| thinking(it, native_model, loss)),
        ..WireConfig::default()
    };
    config.shape(request, types::is_older(native_model), loss);
    config
}

impl<'a> WireConfig<'a> {
    fn shape(&mut self, request: &'a Request, is_older: bool, loss: &mut Loss) {
        let (schema, description) = match &request.output {
            OutputShape::Text => return,
            OutputShape::JsonObject => (None, None),
            // The name is a label that no model reads, and every schema is kept to.
            OutputShape::JsonSchema { schema, description, name: _, strict: _ } => (Some(schema), description.as_ref()),
        };
        if is_older && !request.tools.is_empty() {
            loss.note("output", "models of this generation do not answer in JSON where there are functions");
            return;
        }
        if description.is_some() {
            loss.note("output.description", "this dialect has no place for it outside the schema");
        }
        self.response_mime_type = Some("application/json");
        self.response_json_schema = schema;
    }
}

/// How much is thought: newer models take a level, older ones a budget of tokens, none takes both.
fn thinking(reasoning: &Reasoning, native_model: &str, loss: &mut Loss) -> WireThinking {
    let include_thoughts = reasoning.summary.as_deref().is_some_and(|word| word != "none");
    let mut wire = WireThinking { include_thoughts, ..WireThinking::default() };
    let is_older = types::is_older(native_model);
    let is_large = types::is_large(native_model);
    // Not every model can leave it: a budget of nothing is an effort of none.
    let effort = reasoning.effort.as_deref().or((reasoning.budget_tokens == Some(0)).then_some("none"));
    match (effort, reasoning.budget_tokens.filter(|budget| *budget > 0)) {
        // Left to the model.
        (None, None) => wire.thinking_budget = (!include_thoughts).then_some(-1),
        (None, Some(budget)) => wire.thinking_budget = Some(i64::try_from(budget).unwrap_or(i64::MAX)),
        (Some(_), Some(budget)) if is_older => {
            wire.thinking_budget = Some(i64::try_from(budget).unwrap_or(i64::MAX));
            loss.note("reasoning.effort", "this dialect takes a level or a budget, not both");
        }
        (Some(effort), None) if is_older => wire.thinking_budget = budget_of(effort, is_large, loss),
        (Some(effort), budget) => {
            wire.thinking_level = level_of(effort, is_large, loss);
            if budget.is_some() {
                loss.note("reasoning.budget_tokens", "this dialect takes a level or a budget, not both");
            }
        }
    }
    wire
}

/// The budget that Google itself takes for an effort.
fn budget_of(effort: &str, is_large: bool, loss: &mut Loss) -> Option<i64> {
    Some(match effort {
        "none" if is_large => {
            loss.note("reasoning.effort", "the model always thinks: as little as it can");
            128
        }
        "none" => 0,
        "minimal" | "low" => 1024,
        "medium" => 8192,
        "high" | "xhigh" | "max" => 24_576,
        _ => {
            loss.note("reasoning.effort", "is a word that this dialect does not have");
            return None;
        }
    })
}

fn level_of(effort: &str, is_large: bool, loss: &mut Loss) -> Option<&'static str> {
    let (level, is_exact) = match effort {
        "none" | "minimal" if is_large => ("LOW", false),
        "none" => ("MINIMAL", false),
        "minimal" => ("MINIMAL", true),
        "low" => ("LOW", true),
        "medium" => ("MEDIUM", true),
        "high" => ("HIGH", true),
        "xhigh" | "max" => ("HIGH", false),
        _ => {
            loss.note("reasoning.effort", "is a word that this dialect does not have");
            return None;
        }
    };
    if !is_exact {
        loss.note("reasoning.effort", "the model has no such level: the nearest is asked for");
    }
    Some(level)
}
