//! What became of a request's routing instructions, for the decision record.

use serde::{Deserialize, Serialize};

/// The longest instructions that are read, in characters.
pub const MAX_INSTRUCTIONS: usize = 2000;

/// What was understood of a text, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstructionsRecord {
    /// The intents found, in the order of the text.
    pub understood: Vec<Understood>,
    /// Why the text changed nothing; `None` = it changed the order or the set of candidates.
    pub no_effect: Option<String>,
}

/// One intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Understood {
    /// The intent: `cheaper`, `avoid openai`, `capability code`.
    pub intent: String,
    /// When it applies: `unless complex`; absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What it did, in words.
    pub effect: String,
}
