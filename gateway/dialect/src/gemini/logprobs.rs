//! Log probabilities: Google's, and `OpenAI`'s, which is how the canonical form has them. Numbers are copied, not read.

use serde::Serialize;

use super::encode;
use crate::canonical::Json;
use crate::json::{Escapes, Node};

// === Google's to OpenAI's ===

#[derive(Serialize)]
struct Content<'a> {
    content: Vec<Chosen<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Chosen<'a> {
    token: &'a str,
    logprob: Json,
    bytes: &'a [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<Self>>,
}

/// Reads the `logprobsResult` of a candidate.
pub(super) fn of(candidate: &Node<'_>) -> Option<Json> {
    let result = candidate.get("logprobsResult")?;
    let chosen = result.get("chosenCandidates").map(Node::items).filter(|chosen| !chosen.is_empty())?;
    let tops = result.get("topCandidates").map(Node::items).unwrap_or_default();
    let content = chosen.iter().enumerate().map(|(place, chosen)| {
        let top = tops.get(place).and_then(|top| top.get("candidates")).map(Node::items).unwrap_or_default();
        Chosen { top_logprobs: Some(top.iter().map(token).collect()), ..token(chosen) }
    });
    json(&Content { content: content.collect(), refusal: None })
}

fn token<'n>(node: &'n Node<'_>) -> Chosen<'n> {
    let token = node.str_of("token").unwrap_or_default();
    Chosen { token, logprob: number(node, "logProbability"), bytes: token.as_bytes(), top_logprobs: None }
}

// === OpenAI's to Google's ===

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogprobsResult<'a> {
    chosen_candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_candidates: Vec<Top<'a>>,
}

#[derive(Serialize)]
struct Top<'a> {
    candidates: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    token: &'a str,
    log_probability: Json,
}

/// Writes a `logprobsResult`; `None` = these are none.
pub(super) fn result(logprobs: &Json) -> Option<Json> {
    let node = Node::parse(logprobs.as_str(), Escapes::Lenient).ok()?;
    let content = node.get("content")?.items();
    let tops = content.iter().map(|it| it.get("top_logprobs").map(Node::items).unwrap_or_default());
    let has_tops = tops.clone().any(|top| !top.is_empty());
    let top_candidates = tops.filter(|_| has_tops).map(|top| Top { candidates: top.iter().map(candidate).collect() });
    json(&LogprobsResult {
        chosen_candidates: content.iter().map(candidate).collect(),
        top_candidates: top_candidates.collect(),
    })
}

fn candidate<'n>(token: &'n Node<'_>) -> Candidate<'n> {
    Candidate { token: token.str_of("token").unwrap_or_default(), log_probability: number(token, "logprob") }
}

/// A number as it was written; proto leaves zeros out.
fn number(node: &Node<'_>, name: &str) -> Json {
    let number = node.get(name).and_then(|it| Json::parse(it.raw));
    number.unwrap_or_else(|| Json::parse("0").expect("a number is JSON"))
}

fn json(value: &impl Serialize) -> Option<Json> {
    Json::parse(crate::json::utf8(&encode::json(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOGLES: &str = r#"{"chosenCandidates":[{"token":"Ja","logProbability":-0.25}],"topCandidates":[{"candidates":[{"token":"Ja","logProbability":-0.25},{"token":"No","logProbability":-1.5e0}]}]}"#;
    const OPENAIS: &str = r#"{"content":[{"token":"Ja","logprob":-0.25,"bytes":[74,97],"top_logprobs":[{"token":"Ja","logprob":-0.25,"bytes":[74,97]},{"token":"No","logprob":-1.5e0,"bytes":[78,111]}]}],"refusal":null}"#;

    #[test]
    fn each_reads_as_the_other() {
        let candidate = format!(r#"{{"logprobsResult":{GOOGLES}}}"#);
        let found = of(&Node::parse(&candidate, Escapes::Strict).unwrap()).unwrap();
        assert_eq!(found.as_str(), OPENAIS);
        assert_eq!(result(&found).unwrap().as_str(), GOOGLES);
    }

    #[test]
    fn what_is_none_is_none() {
        assert_eq!(result(&Json::parse("7").unwrap()), None);
        assert_eq!(of(&Node::parse("{}", Escapes::Strict).unwrap()), None);
    }
}
