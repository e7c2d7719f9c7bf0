//! Finds the last thing said in a prompt: the sentence or two at its end.
//!
//! However grand the opening ("You are a world-class engineer ...") and however long the material, most prompts come to
//! the point at the end.

use std::ops::Range;

/// Bytes from the end that are looked at.
const REACH: usize = 1200;
/// Most bytes taken.
const MOST_BYTES: usize = 300;
/// Sentences are taken, from the end, until there are so many words or bytes.
const ENOUGH_WORDS: f64 = 6.0;
const ENOUGH_BYTES: usize = 80;
/// Text before a closing block of code that is worth reading instead of it.
const WORTH_BYTES: usize = 8;

/// The span of the last thing said; empty only for a blank text.
pub(super) fn find(text: &str) -> Range<usize> {
    let end = before_fence(text).trim_end().len();
    let reach = text.ceil_char_boundary(end.saturating_sub(REACH)).min(end);
    let mut start = end;
    for boundary in boundaries(&text[reach..end]).into_iter().rev() {
        start = reach + boundary;
        let taken = text[start..end].trim();
        if words(taken) >= ENOUGH_WORDS || taken.len() >= ENOUGH_BYTES {
            break;
        }
    }
    text.ceil_char_boundary(start.max(end.saturating_sub(MOST_BYTES))).min(end)..end
}

/// The text without a block of code that closes it, if something stands before that.
fn before_fence(text: &str) -> &str {
    let Some(body) = text.trim_end().strip_suffix("```") else { return text };
    match body.rfind("```") {
        Some(at) if text[..at].trim().len() > WORTH_BYTES => &text[..at],
        _ => text,
    }
}

/// Where sentences and lines begin, the start of the text among them.
fn boundaries(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut after_stop = false;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        match character {
            '\n' | '\u{3002}' | '\u{ff01}' | '\u{ff1f}' | '\u{ff1b}' => starts.push(next),
            _ if after_stop && character.is_whitespace() => starts.push(next),
            _ => {}
        }
        after_stop = matches!(character, '.' | '!' | '?' | ':' | ';' | '>' | '\u{061f}' | '\u{0964}');
    }
    starts
}

/// Words, two ideographs counting as one.
fn words(text: &str) -> f64 {
    let wide = text.chars().filter(|it| super::is_cjk(*it)).count();
    text.split_whitespace().count() as f64 + wide as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text[find(text)].trim(), expected);
    }

    #[test]
    fn point_is_found_behind_a_preamble() {
        check(
            "You are a world-class legal engine. Think step by step. Question: how do you abbreviate 'versus' in a case name?",
            "how do you abbreviate 'versus' in a case name?",
        );
        check(
            "Long story about my week. And so on.\n\nwhich bin is for glass, please tell",
            "which bin is for glass, please tell",
        );
        check(
            "\u{5f88}\u{957f}\u{7684}\u{6545}\u{4e8b}\u{3002}\u{6211}\u{4eec}\u{516c}\u{53f8}\u{7684}\u{4f1a}\u{8bae}\u{5728}\u{51e0}\u{70b9}\u{5f00}\u{59cb}\u{ff1f}",
            "\u{6211}\u{4eec}\u{516c}\u{53f8}\u{7684}\u{4f1a}\u{8bae}\u{5728}\u{51e0}\u{70b9}\u{5f00}\u{59cb}\u{ff1f}",
        );
    }

    #[test]
    fn short_sentences_come_together_until_they_say_something() {
        check("Here it is. Read it. Now. Why?", "Here it is. Read it. Now. Why?");
    }

    #[test]
    fn ask_before_a_closing_block_of_code_is_the_last_thing_said() {
        check("What does this loop print when run?\n```\nfor x in y: pass\n```", "What does this loop print when run?");
        check("```\ncode\n```", "```\ncode\n```");
    }

    proptest! {
        #[test]
        fn any_text_has_a_last_part_within_bounds(text in "[\\PC\n]{0,400}") {
            let last = find(&text);
            prop_assert!(last.end <= text.len() && text.is_char_boundary(last.start) && text.is_char_boundary(last.end));
            prop_assert!(last.len() <= MOST_BYTES && (!last.is_empty() || text.trim().is_empty()));
        }
    }
}
