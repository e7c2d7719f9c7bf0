//! The shapes of rows. Fields that are not known are passed over.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A prompt.
#[derive(Debug, Deserialize)]
pub(super) struct PromptRow {
    pub(super) id: String,
    pub(super) prompt: Text,
    #[serde(default)]
    meta: Option<Map<String, Value>>,
}

impl PromptRow {
    pub(super) fn is_contaminated(&self) -> Result<bool, String> {
        match self.meta.as_ref().and_then(|meta| meta.get("contaminated")) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(format!("meta.contaminated is {other}, not true or false")),
        }
    }

    pub(super) fn cluster(&self, field: &str) -> Result<String, String> {
        match self.meta.as_ref().and_then(|meta| meta.get(field)) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            _ => Err(format!("no meta.{field} to cluster by")),
        }
    }
}

/// A prompt's text: one, or turns.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// One text.
    One(String),
    /// Turns, first to last.
    Turns(Vec<Turn>),
}

/// A turn: a text, or a message with a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Turn {
    /// What the user says.
    Text(String),
    /// A message.
    Message {
        /// Who speaks; the user if not said.
        role: Option<String>,
        /// What is said.
        content: String,
    },
}

impl Turn {
    fn of_user(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Message { role, content } => role.as_deref().is_none_or(|role| role == "user").then_some(content),
        }
    }
}

impl Text {
    /// What the router reads: the user's turns, or the first alone.
    ///
    /// # Errors
    /// When no turn is the user's.
    pub fn text(&self, first_turn: bool) -> Result<String, String> {
        let turns = match self {
            Self::One(text) => return Ok(text.clone()),
            Self::Turns(turns) => turns.iter().filter_map(Turn::of_user),
        };
        let turns: Vec<&str> = turns.take(if first_turn { 1 } else { usize::MAX }).collect();
        if turns.is_empty() { Err("prompt has no turn of the user".to_owned()) } else { Ok(turns.join("\n\n")) }
    }
}

/// An outcome.
#[derive(Debug, Deserialize)]
pub(super) struct OutcomeRow {
    pub(super) prompt_id: String,
    pub(super) model: String,
    pub(super) score: f64,
    #[serde(default)]
    pub(super) cost_usd: Option<f64>,
}

/// A score.
#[derive(Debug, Deserialize)]
pub(super) struct ScoreRow {
    pub(super) id: String,
    pub(super) complexity: Option<f64>,
    pub(super) difficulty: Option<f64>,
    pub(super) score: Option<f64>,
    pub(super) micros: Option<f64>,
    pub(super) version: Option<String>,
}
