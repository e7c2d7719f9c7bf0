//! Whether a demo model calls a tool, which, and with what: a matter of words, not of understanding.

use serde_json::{Value, json};

use super::schema;
use super::wire::{ApiError, ChatRequest, Function};

/// A tool to call.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Chooses a tool, or none. After a tool has answered, only a demand makes another call.
pub(super) fn choose(request: &ChatRequest, prompt: &str) -> Result<Option<Chosen>, ApiError> {
    let functions: Vec<&Function> = request.tools.iter().flatten().map(|tool| &tool.function).collect();
    let demand = Demand::read(request.tool_choice.as_ref())?;
    if functions.is_empty() {
        return match demand {
            Demand::Required | Demand::Named(_) => Err(invalid("`tool_choice` needs `tools`")),
            Demand::Auto | Demand::None => Ok(None),
        };
    }
    let ends_with_tool = request.messages.last().is_some_and(|message| message.role == "tool");
    let best = || functions.iter().max_by_key(|function| likeness(function, prompt)).copied();
    let function = match demand {
        Demand::None => None,
        Demand::Named(name) => {
            let found = functions.iter().find(|function| function.name == name).copied();
            Some(found.ok_or_else(|| invalid(format!("`tool_choice` names `{name}`, which is not among `tools`")))?)
        }
        // A loop that demands a tool each time would never end: a result in hand is answered.
        Demand::Required | Demand::Auto if ends_with_tool => None,
        Demand::Required => best(),
        Demand::Auto => best().filter(|function| likeness(function, prompt) >= ENOUGH),
    };
    Ok(function.map(|function| call(function, prompt)))
}

fn call(function: &Function, prompt: &str) -> Chosen {
    let empty = json!({"type": "object", "properties": {}});
    let arguments = match schema::generate(function.parameters.as_ref().unwrap_or(&empty), prompt) {
        Value::Object(members) => Value::Object(members).to_string(),
        _ => "{}".to_owned(),
    };
    Chosen { name: function.name.clone(), arguments }
}

enum Demand<'a> {
    None,
    Auto,
    Required,
    Named(&'a str),
}

impl<'a> Demand<'a> {
    fn read(choice: Option<&'a Value>) -> Result<Self, ApiError> {
        match choice {
            None | Some(Value::Null) => Ok(Self::Auto),
            Some(Value::String(word)) => match word.as_str() {
                "none" => Ok(Self::None),
                "auto" => Ok(Self::Auto),
                "required" => Ok(Self::Required),
                other => Err(invalid(format!("`tool_choice` is `{other}`: expected none, auto or required"))),
            },
            Some(object) => {
                let name = object.pointer("/function/name").and_then(Value::as_str);
                name.map(Self::Named).ok_or_else(|| invalid("`tool_choice` names no function"))
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, message, Some("tool_choice"), None)
}

/// A word of the tool's name, or two of its description, in the prompt.
const ENOUGH: usize = 2;

fn likeness(function: &Function, prompt: &str) -> usize {
    let asked = words(prompt);
    let count = |text: &str, weight: usize| words(text).iter().filter(|word| asked.contains(word)).count() * weight;
    count(&function.name, 2) + function.description.as_deref().map_or(0, |text| count(text, 1))
}

/// Words that mean something, in lower case: split at everything that is no letter, and where case changes.
fn words(text: &str) -> Vec<String> {
    const EMPTY: [&str; 20] = [
        "the", "and", "for", "get", "set", "with", "that", "this", "what", "from", "your", "you", "are", "how", "can",
        "any", "please", "given", "user", "tell",
    ];
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut was_lower = false;
    for char in text.chars().take(4_000) {
        if char.is_uppercase() && was_lower {
            spaced.push(' ');
        }
        was_lower = char.is_lowercase();
        spaced.extend(char.to_lowercase());
    }
    let mut words: Vec<String> = spaced
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 && !EMPTY.contains(word))
        .map(str::to_owned)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value, reason = "the json! macro stands in the call")]

    use super::*;

    fn request(prompt: &str, choice: Value, last_role: &str) -> ChatRequest {
        let tool = |name: &str, description: &str, property: &str| {
            let parameters =
                json!({"type": "object", "required": [property], "properties": {property: {"type": "string"}}});
            json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
        };
        serde_json::from_value(json!({
            "model": "demo-small", "tool_choice": choice,
            "messages": [{"role": last_role, "content": prompt}],
            "tools": [tool("getWeather", "Current conditions in a city", "city"), tool("send_mail", "Writes to somebody", "to")],
        }))
        .expect("request")
    }

    #[track_caller]
    fn check(prompt: &str, choice: Value, expected: Option<(&str, &str)>) {
        let chosen = choose(&request(prompt, choice, "user"), prompt).expect("valid");
        let chosen = chosen.as_ref().map(|it| (it.name.as_str(), it.arguments.as_str()));
        assert_eq!(chosen, expected, "{prompt}");
    }

    #[test]
    fn a_tool_is_called_when_its_words_are_asked_for() {
        let paris = r#"{"city":"Paris"}"#;
        check("How is the weather in Paris?", Value::Null, Some(("getWeather", paris)));
        check("Any city with good conditions? Say Paris", json!("auto"), Some(("getWeather", paris)));
        check("Tell me a joke", Value::Null, None);
    }

    #[test]
    fn a_demand_is_met_and_a_ban_kept() {
        check("Tell me a joke", json!("required"), Some(("send_mail", r#"{"to":"demo to"}"#)));
        let named = json!({"type": "function", "function": {"name": "getWeather"}});
        check("Tell me a joke", named, Some(("getWeather", r#"{"city":"demo city"}"#)));
        check("How is the weather?", json!("none"), None);
    }

    #[test]
    fn a_tool_result_is_answered_not_called_again() {
        let request = request("the weather is fine", json!("required"), "tool");
        assert_eq!(choose(&request, "weather"), Ok(None));
    }

    #[test]
    fn a_demand_that_cannot_be_met_is_refused() {
        let named = json!({"type": "function", "function": {"name": "absent"}});
        assert!(choose(&request("x", named, "user"), "x").is_err());
        assert!(choose(&request("x", json!("maybe"), "user"), "x").is_err());
        let bare = json!({"model": "demo-small", "messages": [], "tool_choice": "required"});
        assert!(choose(&serde_json::from_value(bare).expect("request"), "x").is_err());
    }
}
