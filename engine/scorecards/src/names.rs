//! Names as people publish them: slugs, normal forms, dates and efforts at their end, the nearest known one.

/// Longer words resemble nothing.
const MAX_WORD: usize = 64;

/// `swe-bench-pro` for `SWE-Bench Pro`; empty when nothing of it can stand in a slug.
pub(crate) fn slug(text: &str) -> String {
    let slug = joined(text, |it| it.is_ascii_alphanumeric() || matches!(it, '.' | '_'));
    slug.trim_matches(['-', '.', '_']).to_owned()
}

/// What two spellings of a name have in common: lower case, and one separator for all.
pub(crate) fn normal(text: &str) -> String {
    joined(text, |it| it.is_alphanumeric() || it == '+' || it == '@')
}

fn joined(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut joined = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        if is_kept(character) {
            joined.push(character);
        } else if !joined.is_empty() && !joined.ends_with('-') {
            joined.push('-');
        }
    }
    joined.truncate(joined.trim_end_matches('-').len());
    joined
}

/// A normal form without the day at its end, if it has one: `…-20250514` or `…-2025-05-14`.
pub(crate) fn without_date(normal: &str) -> Option<&str> {
    let is_number = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|it| it.is_ascii_digit());
    let (rest, last) = normal.rsplit_once('-')?;
    if is_number(last, 8) && last.starts_with("20") {
        return Some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    let is_date = is_number(last, 2) && is_number(month, 2) && is_number(year, 4) && year.starts_with("20");
    is_date.then_some(rest)
}

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Whether a word is a level of effort.
pub(crate) fn is_effort(word: &str) -> bool {
    EFFORTS.contains(&word)
}

/// The name and the variant in brackets at its end: `gpt-5` and `high` of `gpt-5 (high)`, `x` and `thinking-32k` of
/// `x (32k thinking tokens)`.
pub(crate) fn split_bracketed(name: &str) -> Option<(&str, String)> {
    let (base, bracket) = name.strip_suffix(')')?.rsplit_once('(')?;
    Some((base.trim_end(), variant(bracket)?))
}

/// The variant that a word means, as it stands behind `@` in ids.
pub(crate) fn variant(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    if is_effort(&text) {
        return Some(text);
    }
    let words: Vec<&str> = text.split([' ', '-']).collect();
    let is_thinking = |word: &str| matches!(word, "think" | "thinking");
    match words.as_slice() {
        [only] if is_thinking(only) => Some("thinking".to_owned()),
        ["no", word] if is_thinking(word) => Some("no-thinking".to_owned()),
        [budget, word] | [budget, word, "tokens"] if is_thinking(word) && is_budget(budget) => {
            Some(format!("thinking-{budget}"))
        }
        _ => None,
    }
}

/// `32k` or `24576`.
fn is_budget(word: &str) -> bool {
    let digits = word.strip_suffix('k').unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())
}

/// The known name that somebody probably meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_lowercase().replace(['-', ' '], "_");
    let steps = |name: &str| strsim::osa_distance(&word, &name.to_lowercase().replace(['-', ' '], "_"));
    let (found, steps) = known.into_iter().map(|name| (name, steps(name))).min_by_key(|(_, steps)| *steps)?;
    (steps <= (found.len().min(word.len()) / 3).max(1)).then_some(found)
}

/// `: did you mean `score`?`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |name| format!(": did you mean `{name}`?"))
}

/// A text of the file as messages quote it: one line, at most 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    let line = |it: char| if it.is_control() { ' ' } else { it };
    let mut short: String = text.chars().take(80).map(line).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_lower_case_with_single_separators() {
        for (text, expected) in [
            ("SWE-Bench Pro", "swe-bench-pro"),
            ("Humanity’s Last Exam", "humanity-s-last-exam"),
            ("τ3 Banking", "3-banking"),
            ("  ", ""),
            ("terminal-bench-2.1", "terminal-bench-2.1"),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }

    #[test]
    fn only_whole_days_are_taken_off() {
        for (text, expected) in [
            ("claude-opus-4-20250514", Some("claude-opus-4")),
            ("gpt-4o-2024-05-13", Some("gpt-4o")),
            ("gpt-4-0314", None),
            ("gemini-2-5-pro-05-06", None),
            ("x-12345678", None),
        ] {
            assert_eq!(without_date(text), expected, "{text}");
        }
    }

    #[test]
    fn variants_in_brackets_are_told_from_other_words() {
        for (name, expected) in [
            ("gpt-5 (high)", Some(("gpt-5", "high"))),
            ("x (32k thinking tokens)", Some(("x", "thinking-32k"))),
            ("x (no think)", Some(("x", "no-thinking"))),
            ("DeepSeek V3 (0324)", None),
            ("DeepSeek V3 (prev)", None),
            ("gpt-5", None),
        ] {
            let found = split_bracketed(name);
            assert_eq!(found.as_ref().map(|(base, variant)| (*base, variant.as_str())), expected, "{name}");
        }
    }
}
