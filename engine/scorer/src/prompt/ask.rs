//! Finds the part of a prompt that asks, as opposed to the material it is about.
//!
//! A long paste with a trivial question is the commonest trap for a scorer: the question stands before or after the
//! paste, outside fences and quotes, and is short. Wrong guesses cost little, since the whole text is pooled as well.

use std::ops::Range;

/// Texts up to this long are all ask, unless they hold fences.
const SHORT_BYTES: usize = 320;
/// Most bytes taken from one end of a longer text.
const EDGE_BYTES: usize = 280;
/// Most bytes of a question taken from the middle.
const QUESTION_BYTES: usize = 200;
/// Most questions taken from the middle.
const QUESTIONS: usize = 3;

/// The spans of the ask: sorted, disjoint, at least one.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let prose = outside_fences(text);
    if prose.is_empty() {
        return std::iter::once(0..text.len()).collect();
    }
    let bytes: usize = prose.iter().map(Range::len).sum();
    if bytes <= SHORT_BYTES {
        return prose;
    }
    let mut spans = edges(text, &prose);
    spans.extend(questions(text, &prose));
    merge(spans)
}

/// Lines that are neither inside a code fence nor quoted with `>`, joined where they touch.
fn outside_fences(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let (mut fenced, mut start) = (false, 0);
    for line in text.split_inclusive('\n') {
        let span = start..start + line.len();
        start = span.end;
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        if fenced || trimmed.starts_with("> ") || trimmed.is_empty() {
            continue;
        }
        spans.push(span);
    }
    spans
}

/// The first and the last paragraph, each cut to a bound at the sentence or line that crosses it.
fn edges(text: &str, prose: &[Range<usize>]) -> Vec<Range<usize>> {
    let (Some(first), Some(last)) = (prose.first(), prose.last()) else {
        return Vec::new();
    };
    let head_end = text.floor_char_boundary((first.start + EDGE_BYTES).min(first.end));
    let tail_start = text.ceil_char_boundary(last.end.saturating_sub(EDGE_BYTES).max(last.start));
    vec![first.start..head_end, tail_start..last.end]
}

/// Sentences that end in a question mark, the last ones first in line.
fn questions(text: &str, prose: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for span in prose.iter().rev() {
        let line = &text[span.clone()];
        for (at, mark) in line.char_indices().rev().filter(|(_, it)| matches!(it, '?' | '\u{ff1f}' | '؟')) {
            let before = line[..at]
                .rfind(['.', '!', '?', '。', '\u{ff1f}', '؟', '\n'])
                .map_or(0, |it| it + line[it..].chars().next().map_or(0, char::len_utf8));
            let start = line.ceil_char_boundary(before.max(at.saturating_sub(QUESTION_BYTES)));
            found.push(span.start + start..span.start + at + mark.len_utf8());
            if found.len() == QUESTIONS {
                return found;
            }
        }
    }
    found
}

fn merge(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, contains: &[&str], lacks: &[&str]) {
        let ask: String = find(text).into_iter().map(|span| text[span].to_owned() + "\n").collect();
        for part in contains {
            assert!(ask.contains(part), "{part:?} is not in {ask:?}");
        }
        for part in lacks {
            assert!(!ask.contains(part), "{part:?} is in {ask:?}");
        }
    }

    #[test]
    fn short_text_is_all_ask() {
        check("Prove it.\nNow.", &["Prove it.", "Now."], &[]);
    }

    #[test]
    fn fenced_code_and_quotes_are_material() {
        check(
            "What does this print?\n```\nfn main() {}\n```\n> quoted",
            &["What does this print?"],
            &["main", "quoted"],
        );
    }

    #[test]
    fn ask_before_and_after_a_paste_is_found_without_the_paste() {
        let paste = "Some material that goes on.\n".repeat(60);
        check(
            &format!("How many lines are there?\n\n{paste}\nAnswer with a number."),
            &["How many lines", "a number"],
            &["on.\nSome material"],
        );
    }

    #[test]
    fn question_in_the_middle_is_found() {
        let paste = "Some material that goes on.\n".repeat(30);
        check(&format!("{paste}So. Who wrote this? I wonder.\n{paste}"), &["Who wrote this?"], &[]);
    }

    #[test]
    fn nothing_but_a_fence_is_all_ask() {
        check("```\ncode\n```", &["code"], &[]);
    }
}
