//! The `choices` of an answer or of a chunk: whether they carry content, how much, and how they end.

use crate::json::{Kind, Scanner, SyntaxFault};
use domain::tokens::TokenEstimator;

/// An answer that is not what the dialect says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ShapeFault {
    /// It is no JSON.
    #[error("{0}")]
    Syntax(#[from] SyntaxFault),
    /// It is other JSON.
    #[error("`{0}` is not {1}")]
    Type(&'static str, &'static str),
}

/// What one choice holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its place among the answers.
    pub(super) index: u64,
    /// It carries text, reasoning, a refusal, a tool call or media.
    pub(super) has_content: bool,
    /// Its text, counted.
    pub(super) text: TokenEstimator,
    /// Why it ended, if it did.
    pub(super) finish_reason: Option<String>,
}

/// Reads a `choices` value and gives each choice to `take`; the content stands in `member` (`message` or `delta`).
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    member: &'static str,
    mut take: impl FnMut(Choice),
) -> Result<(), ShapeFault> {
    if scanner.peek()? != Kind::Array {
        return Err(ShapeFault::Type("choices", "an array"));
    }
    let mut position = 0;
    let mut elements = scanner.enter_array()?;
    while scanner.next_element(&mut elements)? {
        take(read_choice(scanner, member, position)?);
        position += 1;
    }
    Ok(())
}

/// Whether a top-level member marks an object without choices as an error.
pub(super) fn is_error_mark(name: &str, value: &str) -> bool {
    match name {
        "object" | "type" => value == "\"error\"",
        "message" | "detail" => !matches!(value, "null" | "\"\""),
        _ => false,
    }
}

fn read_choice(scanner: &mut Scanner<'_>, member: &'static str, position: u64) -> Result<Choice, ShapeFault> {
    if scanner.peek()? != Kind::Object {
        return Err(ShapeFault::Type("choices[]", "an object"));
    }
    let mut choice = Choice { index: position, ..Choice::default() };
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        let kind = scanner.peek()?;
        match (&*scanner.decode(&key), kind) {
            ("index", Kind::Number) => {
                let span = scanner.number()?;
                choice.index = scanner.slice(span).parse().map_err(|_| ShapeFault::Type("index", "a whole number"))?;
            }
            ("finish_reason", Kind::String) => {
                let reason = scanner.string()?;
                choice.finish_reason = Some(scanner.decode(&reason).into_owned()).filter(|reason| !reason.is_empty());
            }
            (name, Kind::Object) if name == member => read_content(scanner, &mut choice)?,
            (name, Kind::Null) if name == member => drop(scanner.skip()?),
            (name, _) if name == member => return Err(ShapeFault::Type(member, "an object")),
            _ => drop(scanner.skip()?),
        }
    }
    Ok(choice)
}

/// Reads a `message` or `delta` object.
fn read_content(scanner: &mut Scanner<'_>, choice: &mut Choice) -> Result<(), SyntaxFault> {
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        let kind = scanner.peek()?;
        match (&*scanner.decode(&key), kind) {
            ("content" | "reasoning" | "reasoning_content" | "refusal", Kind::String) => {
                let text = scanner.string()?;
                choice.has_content |= text.span.len() > 0;
                choice.text += text.count;
            }
            // Some providers send content as an array of parts.
            ("content" | "images", Kind::Array) => {
                let parts = scanner.skip()?;
                choice.has_content |= !is_empty_array(scanner.slice(parts.span));
                choice.text += parts.count;
            }
            ("tool_calls", Kind::Array) => {
                let mut calls = scanner.enter_array()?;
                while scanner.next_element(&mut calls)? {
                    choice.has_content = true;
                    count_call(scanner, &mut choice.text)?;
                }
            }
            ("function_call", Kind::Object) => {
                choice.has_content = true;
                count_call(scanner, &mut choice.text)?;
            }
            ("audio", Kind::Object) => {
                choice.has_content = true;
                scanner.skip()?;
            }
            _ => drop(scanner.skip()?),
        }
    }
    Ok(())
}

/// Counts what the model wrote of a tool call: its name and arguments, not the frame around each piece of them.
fn count_call(scanner: &mut Scanner<'_>, text: &mut TokenEstimator) -> Result<(), SyntaxFault> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(());
    }
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        let kind = scanner.peek()?;
        match (&*scanner.decode(&key), kind) {
            ("name" | "arguments" | "input", Kind::String) => *text += scanner.string()?.count,
            ("arguments", Kind::Object) => *text += scanner.skip()?.count,
            ("function" | "custom", Kind::Object) => count_call(scanner, text)?,
            _ => drop(scanner.skip()?),
        }
    }
    Ok(())
}

fn is_empty_array(array: &str) -> bool {
    array.trim_matches(['[', ']', ' ', '\n', '\r', '\t']).is_empty()
}
