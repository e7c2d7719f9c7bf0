//! The `usage` object: what a provider says a call consumed.

use domain::Usage;

use crate::json::{Escapes, Kind, Node, Scanner, SyntaxFault};

/// Reads the object where a tree of it was made.
pub(crate) fn of(object: &Node<'_>) -> Option<Usage> {
    read(&mut Scanner::new(object.raw, Escapes::Lenient)).ok()?
}

/// Reads a `usage` value. `None` = it says nothing: not an object, or one without counts.
pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Option<Usage>, SyntaxFault> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let mut usage = Usage::default();
    let mut is_told = false;
    let mut take = |count: Option<u64>| {
        is_told |= count.is_some();
        count.unwrap_or(0)
    };
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        match &*scanner.decode(&key) {
            "prompt_tokens" => usage.prompt_tokens = take(count(scanner)?),
            "completion_tokens" => usage.completion_tokens = take(count(scanner)?),
            "prompt_tokens_details" | "completion_tokens_details" => read_details(scanner, &mut usage)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(is_told.then_some(usage))
}

/// Writes usage as a provider would.
pub(super) fn write(usage: &Usage) -> String {
    let written = match usage.cache_write_tokens {
        0 => String::new(),
        tokens => format!(r#","cache_write_tokens":{tokens}"#),
    };
    format!(
        concat!(
            r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"#,
            r#""prompt_tokens_details":{{"cached_tokens":{}{}}},"completion_tokens_details":{{"reasoning_tokens":{}}}}}"#
        ),
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens(),
        usage.cached_tokens,
        written,
        usage.reasoning_tokens,
    )
}

fn read_details(scanner: &mut Scanner<'_>, usage: &mut Usage) -> Result<(), SyntaxFault> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(());
    }
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        match &*scanner.decode(&key) {
            "cached_tokens" => usage.cached_tokens = count(scanner)?.unwrap_or(0),
            "cache_write_tokens" => usage.cache_write_tokens = count(scanner)?.unwrap_or(0),
            "reasoning_tokens" => usage.reasoning_tokens = count(scanner)?.unwrap_or(0),
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// Reads a count; what is none is not told, since a provider's mistake here must not cost the caller the answer.
fn count(scanner: &mut Scanner<'_>) -> Result<Option<u64>, SyntaxFault> {
    let span = scanner.skip()?.span;
    let text = scanner.slice(span);
    Ok(text
        .parse::<u64>()
        .ok()
        .or_else(|| text.parse::<f64>().ok().filter(|float| *float >= 0.0).map(|float| float as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Usage> {
        read(&mut Scanner::new(text, Escapes::Lenient)).expect("valid")
    }

    #[test]
    fn details_are_read() {
        let text = r#"{"prompt_tokens":11,"completion_tokens":7.0,"total_tokens":18,"cost":0.1,
            "prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}"#;
        let expected = Usage {
            prompt_tokens: 11,
            cached_tokens: 3,
            completion_tokens: 7,
            reasoning_tokens: 5,
            ..Usage::default()
        };
        assert_eq!(parse(text), Some(expected));
    }

    #[test]
    fn usage_without_counts_is_missing_usage_and_zero_is_a_count() {
        for text in [
            "null",
            "{}",
            r#"{"prompt_tokens":null,"total_tokens":0}"#,
            r#"{"prompt_tokens":"many"}"#,
            r#"{"prompt_tokens":-5}"#,
            "[]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(r#"{"prompt_tokens":0,"completion_tokens":0}"#), Some(Usage::default()));
    }

    #[test]
    fn written_usage_reads_back() {
        let usage =
            Usage { prompt_tokens: 9, cached_tokens: 4, completion_tokens: 2, reasoning_tokens: 1, ..Usage::default() };
        assert_eq!(parse(&write(&usage)), Some(usage));
        let with_cache = Usage { cache_write_tokens: 3, ..usage };
        assert_eq!(parse(&write(&with_cache)), Some(with_cache));
    }
}
