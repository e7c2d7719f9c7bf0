//! What in a prompt moves its score: each piece is left out in turn, and the scorer asked again.
//!
//! Works with any [`Scorer`], knowing nothing of what is inside. It costs some tens of scorings, so it is for people who
//! ask why, never for the way of a decision. Pieces are words where there are few, else clauses, lines or paragraphs. Scripts
//! that write no spaces are cut anywhere between two characters, and an ellipsis shows where a run goes on.

use std::ops::Range;

use domain::{Score, ScorerInput};

use crate::{Scorer, ScorerError};

/// Pieces of one prompt, at most.
pub const PIECES: usize = 48;
/// Characters of a piece that are shown, at most.
pub const SHOWN: usize = 80;
/// Scorers read the ends of long texts; a text longer than both is cut there first.
const END_BYTES: usize = 1024;
/// A run of letters longer than this is not a word but a sentence of a script without spaces, or a blob.
const WORD_CHARS: usize = 20;
/// The same in scripts without spaces: most of their words are shorter.
const WIDE_CHARS: usize = 4;

/// What a piece of a prompt does to its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// The piece, at most [`SHOWN`] characters of it, on one line; `…` where it was cut out of a longer run of letters.
    pub piece: String,
    /// Complexity with the piece less complexity without it.
    pub complexity_delta: f64,
    /// Difficulty with the piece less difficulty without it.
    pub difficulty_delta: f64,
}

/// Leaves out each piece of the prompt in turn; what changed complexity most comes first. All in one batch.
///
/// The turn before, where the scorer is given it, is one piece. A text of a single piece is not left out: nothing would
/// remain to be judged.
///
/// # Errors
/// When the scorer cannot score the prompt, or what is left of it.
pub fn of(scorer: &dyn Scorer, input: &ScorerInput) -> Result<Vec<Influence>, ScorerError> {
    let without = variants(input);
    if without.is_empty() {
        return Ok(Vec::new());
    }
    let (shown, variants): (Vec<_>, Vec<_>) = without.into_iter().unzip();
    let batch: Vec<_> = std::iter::once(input.clone()).chain(variants).collect();
    let scores = scorer.score(&batch)?;
    let Some((whole, rest)) = scores.split_first() else { return Ok(Vec::new()) };
    let influence = |(piece, score): (String, &Score)| Influence {
        piece,
        complexity_delta: whole.complexity - score.complexity,
        difficulty_delta: whole.difficulty - score.difficulty,
    };
    let mut influences: Vec<_> = shown.into_iter().zip(rest).map(influence).collect();
    // Stable: of equals the first in the text stays first.
    influences.sort_by(|one, other| {
        let by_difficulty = || other.difficulty_delta.abs().total_cmp(&one.difficulty_delta.abs());
        other.complexity_delta.abs().total_cmp(&one.complexity_delta.abs()).then_with(by_difficulty)
    });
    Ok(influences)
}

/// Each piece as it is shown, and the prompt without it.
fn variants(input: &ScorerInput) -> Vec<(String, ScorerInput)> {
    let mut variants = Vec::new();
    if !input.context.trim().is_empty() {
        variants.push((shown(&input.context), ScorerInput { context: String::new(), ..input.clone() }));
    }
    let pieces = pieces(&input.text, PIECES - variants.len());
    if pieces.len() > 1 {
        let left_out = |piece: &Range<usize>| ScorerInput { text: without(&input.text, piece), ..input.clone() };
        variants.extend(pieces.iter().map(|piece| (shown_within(&input.text, piece), left_out(piece))));
    }
    variants
}

/// Cuts a text into at most `most` pieces, in order, without the space around them.
///
/// The longest piece is split again and again, at the widest gap that it has: a blank line, a line end, a mark, a space.
fn pieces(text: &str, most: usize) -> Vec<Range<usize>> {
    let mut pieces = ends(text);
    // What cannot be split any further.
    let mut whole: Vec<Range<usize>> = Vec::new();
    while pieces.len() + whole.len() < most {
        let Some(longest) = (0..pieces.len()).max_by_key(|at| pieces[*at].len()) else { break };
        let piece = pieces.swap_remove(longest);
        let room = most - pieces.len() - whole.len();
        match split(text, &piece) {
            Some(parts) => pieces.extend(joined(parts, room)),
            None => whole.push(piece),
        }
    }
    pieces.extend(whole);
    pieces.sort_by_key(|piece| piece.start);
    pieces
}

/// The text as one piece; a long one as its beginning, middle and end.
fn ends(text: &str) -> Vec<Range<usize>> {
    let cuts = if text.len() > 2 * END_BYTES {
        vec![text.floor_char_boundary(END_BYTES), text.ceil_char_boundary(text.len() - END_BYTES)]
    } else {
        Vec::new()
    };
    let starts = std::iter::once(0).chain(cuts.clone());
    starts.zip(cuts.into_iter().chain([text.len()])).filter_map(|(from, to)| trimmed(text, from..to)).collect()
}

/// Splits a piece at the widest kind of gap that it has; `None` when it is one word.
fn split(text: &str, piece: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let content = &text[piece.clone()];
    let kinds: [fn(&str) -> Vec<usize>; 5] = [after_blank_lines, after_lines, after_marks, after_spaces, halves];
    kinds.iter().find_map(|cuts| {
        let cuts = cuts(content);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([content.len()]);
        let parts: Vec<_> =
            starts.zip(ends).filter_map(|(from, to)| trimmed(text, piece.start + from..piece.start + to)).collect();
        (parts.len() > 1).then_some(parts)
    })
}

fn after_blank_lines(text: &str) -> Vec<usize> {
    text.match_indices("\n\n").map(|(at, gap)| at + gap.len()).collect()
}

fn after_lines(text: &str) -> Vec<usize> {
    text.match_indices('\n').map(|(at, _)| at + 1).collect()
}

/// After a mark that ends a clause: of those that also stand within numbers and names, only before a space.
fn after_marks(text: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let before_space = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
        let ends = match character {
            '.' | ',' | ';' | ':' | '!' | '?' => before_space,
            '。' | '，' | '；' | '：' | '！' | '？' | '、' | '؟' | '،' | '।' => true,
            _ => false,
        };
        if ends {
            cuts.push(at + character.len_utf8());
        }
    }
    cuts
}

fn after_spaces(text: &str) -> Vec<usize> {
    text.char_indices()
        .filter(|(_, character)| character.is_whitespace())
        .map(|(at, character)| at + character.len_utf8())
        .collect()
}

/// The middle of what is too long for a word.
fn halves(text: &str) -> Vec<usize> {
    let is_wide = text.chars().any(crate::prompt::is_cjk);
    let most = if is_wide { WIDE_CHARS } else { WORD_CHARS };
    let count = text.chars().count();
    if count <= most {
        return Vec::new();
    }
    text.char_indices().nth(count / 2).map(|(at, _)| at).into_iter().collect()
}

/// Joins neighbours until at most `room` parts are left.
fn joined(parts: Vec<Range<usize>>, room: usize) -> Vec<Range<usize>> {
    if parts.len() <= room {
        return parts;
    }
    let each = parts.len().div_ceil(room.max(1));
    parts.chunks(each).map(|chunk| chunk[0].start..chunk[chunk.len() - 1].end).collect()
}

/// A range without the space at its ends; `None` if nothing else is in it.
fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let content = &text[range.clone()];
    let start = range.start + content.len() - content.trim_start().len();
    let end = start + content.trim().len();
    (start < end).then_some(start..end)
}

/// The text without a piece, and without the space that would be left twice.
fn without(text: &str, piece: &Range<usize>) -> String {
    let (before, after) = (&text[..piece.start], &text[piece.end..]);
    let gap = after.chars().next().filter(|character| character.is_whitespace());
    let is_double = before.is_empty() || before.ends_with(char::is_whitespace);
    let after = gap.filter(|_| is_double).map_or(after, |gap| &after[gap.len_utf8()..]);
    format!("{before}{after}")
}

/// A piece of a text as it is shown, with an ellipsis where it was cut out of a run of letters.
fn shown_within(text: &str, piece: &Range<usize>) -> String {
    let is_within = |before: Option<char>, after: Option<char>| {
        before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
    };
    let (before, content, after) = (&text[..piece.start], &text[piece.clone()], &text[piece.end..]);
    let open = if is_within(before.chars().next_back(), content.chars().next()) { "…" } else { "" };
    let close = if is_within(content.chars().next_back(), after.chars().next()) { "…" } else { "" };
    shown(&format!("{open}{content}{close}"))
}

/// A piece on one line, its middle left out where it is long.
fn shown(piece: &str) -> String {
    let line = piece.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = line.chars().count();
    if count <= SHOWN {
        return line;
    }
    let side = (SHOWN - 1) / 2;
    let head: String = line.chars().take(side).collect();
    let tail: String = line.chars().skip(count - side).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::OutputTokens;
    use proptest::prelude::*;

    use super::*;
    use crate::HeuristicScorer;

    /// Complexity by the words `hard` and `easy` alone; counts its calls.
    struct Counting {
        version: Arc<str>,
        calls: std::sync::Mutex<Vec<usize>>,
    }

    impl Counting {
        fn new() -> Self {
            Self { version: "counting".into(), calls: std::sync::Mutex::default() }
        }
    }

    impl Scorer for Counting {
        fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
            self.calls.lock().expect("nobody panics").push(batch.len());
            let count = |text: &str, word| text.matches(word).count() as f64;
            let score = |input: &ScorerInput| Score {
                complexity: 0.5 + 0.2 * count(&input.text, "hard") - 0.1 * count(&input.text, "easy"),
                difficulty: count(&input.text, "hard"),
                capabilities: vec![],
                expected_output_tokens: OutputTokens::default(),
                uncertainty: 0.0,
                truncated: false,
                micros: 0,
                version: self.version.clone(),
            };
            Ok(batch.iter().map(score).collect())
        }

        fn version(&self) -> &Arc<str> {
            &self.version
        }
    }

    fn input(text: &str) -> ScorerInput {
        ScorerInput { text: text.to_owned(), ..ScorerInput::default() }
    }

    fn cut(text: &str) -> Vec<&str> {
        pieces(text, PIECES).into_iter().map(|piece| &text[piece]).collect()
    }

    #[test]
    fn the_word_that_moves_the_score_comes_first_with_its_sign() {
        let scorer = Counting::new();
        let found = of(&scorer, &input("an easy start then a hard end")).expect("scores");
        let told: Vec<_> = found.iter().take(2).map(|it| (it.piece.as_str(), it.complexity_delta)).collect();
        assert_eq!((told[0].0, told[1].0), ("hard", "easy"));
        assert!((told[0].1 - 0.2).abs() < 1e-9 && (told[1].1 + 0.1).abs() < 1e-9, "{told:?}");
        assert!((found[0].difficulty_delta - 1.0).abs() < 1e-9);
        assert!(found[2..].iter().all(|it| it.complexity_delta.abs() < 1e-9));
        assert_eq!(*scorer.calls.lock().expect("nobody panics"), [8], "one batch: the whole and seven words");
    }

    #[test]
    fn the_turn_before_is_one_piece() {
        let follow_up = ScorerInput { context: "a hard proof, please".to_owned(), ..input("and now shorter") };
        let found = of(&HeuristicScorer::new(), &follow_up).expect("scores");
        assert_eq!(found.len(), 4);
        assert!(found.iter().any(|it| it.piece == "a hard proof, please"));
    }

    #[test]
    fn few_words_are_pieces_by_themselves() {
        let text = "Prove that (in general) every finite integral domain is a field.\nThen: give 3.5 examples, please.";
        assert_eq!(cut(text), text.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn many_words_make_larger_pieces_in_order_that_lose_nothing() {
        let text =
            (0..400).map(|it| format!("w{it}{}", if it % 9 == 8 { "." } else { "" })).collect::<Vec<_>>().join(" ");
        let found = cut(&text);
        assert!((40..=PIECES).contains(&found.len()), "{}", found.len());
        assert_eq!(found.join(" "), text);
    }

    #[test]
    fn scripts_without_spaces_are_cut_too() {
        assert!(cut("请证明每个有限整环都是域，并说明有限性用在哪里。").len() > 6);
        assert!(cut(&"x".repeat(5000)).len() > 10);
    }

    #[test]
    fn pieces_of_a_run_without_spaces_show_that_it_goes_on() {
        let shown = |text: &str| pieces(text, PIECES).iter().map(|it| shown_within(text, it)).collect::<Vec<_>>();
        let found = shown("请证明每个有限整环都是域，谢谢");
        assert_eq!(found, ["请证明…", "…每个有…", "…限整环…", "…都是域，", "谢谢"]);
        assert_eq!(shown("3.5 easy-going words"), ["3.5", "easy-going", "words"]);
    }

    #[test]
    fn a_prompt_of_one_piece_has_no_influences() {
        for text in ["", "  \n", "hi", " hi "] {
            assert_eq!(of(&HeuristicScorer::new(), &input(text)).expect("nothing is scored"), []);
        }
    }

    #[test]
    fn long_pieces_are_shown_in_part() {
        let text = format!("{}\n\n{}", "é".repeat(300), "hard");
        let found = of(&Counting::new(), &input(&text)).expect("scores");
        assert!(found.iter().all(|it| it.piece.chars().count() <= SHOWN && !it.piece.contains('\n')));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_bounded_ordered_pieces(text in "\\PC{0,400}|(\\w{1,9}[ \\n.,;]{1,2}){0,300}") {
            let found = pieces(&text, PIECES);
            prop_assert!(found.len() <= PIECES);
            prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let kept: String = found.iter().flat_map(|piece| text[piece.clone()].chars()).filter(|it| !it.is_whitespace()).collect();
            let all: String = text.chars().filter(|it| !it.is_whitespace()).collect();
            prop_assert_eq!(kept, all);
        }

        #[test]
        fn any_text_has_finite_influences(text in "\\PC{0,200}") {
            let found = of(&HeuristicScorer::new(), &input(&text)).expect("scores");
            prop_assert!(found.iter().all(|it| it.complexity_delta.is_finite() && it.difficulty_delta.is_finite()));
        }
    }
}
