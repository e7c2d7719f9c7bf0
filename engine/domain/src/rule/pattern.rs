//! The regular expressions of `matches`: linear in the text whatever they are, and bounded in size.

use regex::{Regex, RegexBuilder};

/// How long an expression may be.
pub const PATTERN_BYTES: usize = 1024;
/// How large it may become when compiled, and its cache when used. Bounds memory, and time per byte of text.
const COMPILED_BYTES: usize = 256 << 10;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// It is too long, or becomes so when repetitions are written out.
    #[error("is too large an expression: shorten it, lower its repetitions, or write `[A-Za-z0-9_]` for `\\w`")]
    TooLarge,
    /// It is no regular expression, or one that cannot be matched in linear time.
    #[error("is not a regular expression of linear time ({0}): mend it")]
    Syntax(String),
}

/// Compiles an expression. It matches anywhere in a text unless it is anchored.
pub(super) fn compile(text: &str) -> Result<Regex, PatternFault> {
    if text.len() > PATTERN_BYTES {
        return Err(PatternFault::TooLarge);
    }
    let compiled = RegexBuilder::new(text).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build();
    compiled.map_err(|fault| match fault {
        regex::Error::CompiledTooBig(_) => PatternFault::TooLarge,
        other => PatternFault::Syntax(last_line(&other.to_string())),
    })
}

/// The library draws the expression and points into it; what is wrong stands in the last line.
fn last_line(drawing: &str) -> String {
    let line = drawing.lines().last().unwrap_or(drawing);
    line.trim_start_matches("error: ").to_owned()
}
