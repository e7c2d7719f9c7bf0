//! The same request as others would have typed it: with slips, in another case, in other words, in a wrapper.
//!
//! None of these changes how hard a prompt is. Tables and templates are our own and none of them is used in training.

use crate::statistics::sampling::{key, mix, uniform};

/// How a prompt was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Letters swapped, dropped or doubled.
    Typos,
    /// All lower, or all upper case.
    Case,
    /// Other words, or another way to ask.
    Paraphrase,
    /// A frame around it.
    Wrapper,
}

/// One letter in so many slips.
const SLIP_EVERY: f64 = 0.03;

/// Openings of requests in other words, English.
const REWORDED: [(&str, &str); 28] = [
    ("What is ", "Tell me what is "),
    ("What's ", "What is "),
    ("What are ", "Tell me what are "),
    ("Who ", "Tell me who "),
    ("When ", "Tell me when "),
    ("Where ", "Tell me where "),
    ("How many ", "What is the number of "),
    ("How do I ", "What is the way to "),
    ("How do you ", "What is the way to "),
    ("How can I ", "In what way can I "),
    ("Why ", "For what reason "),
    ("Can you ", "Could you "),
    ("Could you ", "Would you "),
    ("Write ", "Compose "),
    ("Explain ", "Describe "),
    ("Describe ", "Explain "),
    ("List ", "Name "),
    ("Give me ", "Provide "),
    ("Fix ", "Correct "),
    ("Summarize ", "Sum up "),
    ("Summarise ", "Sum up "),
    ("Translate ", "Render "),
    ("Convert ", "Turn "),
    ("Design ", "Work out a design for "),
    ("Prove ", "Show "),
    ("Compute ", "Calculate "),
    ("Calculate ", "Compute "),
    ("Compare ", "Set side by side "),
];

/// Ways to ask politely, by language: before and after the text.
const POLITE: [(&str, &[(&str, &str)]); 11] = [
    (
        "en",
        &[
            ("I'd like to know the following. ", ""),
            ("", " I'd appreciate it."),
            ("Here is what I need from you: ", ""),
        ],
    ),
    ("de", &[("Folgendes hätte ich gern von dir: ", ""), ("", " Besten Dank dafür.")]),
    ("fr", &[("Voici ce qu'il me faut : ", ""), ("", " Je vous en remercie.")]),
    ("es", &[("Esto es lo que necesito: ", ""), ("", " Se lo agradezco.")]),
    ("it", &[("Ecco di cosa ho bisogno: ", ""), ("", " Ti ringrazio.")]),
    ("pt", &[("É disto que preciso: ", ""), ("", " Agradeço desde já.")]),
    ("ru", &[("Вот что мне нужно: ", ""), ("", " Заранее благодарю.")]),
    ("zh", &[("我需要的是：", ""), ("", " 先谢过了。")]),
    ("ja", &[("お願いしたいのは次のことです。", ""), ("", " 助かります。")]),
    ("ar", &[("هذا ما أحتاج إليه: ", ""), ("", " شكراً مقدماً.")]),
    ("hi", &[("मुझे यह चाहिए: ", ""), ("", " आपका आभार।")]),
];

/// Frames of chat programs and question sets.
const FRAMES: [(&str, &str); 6] = [
    ("### Instruction:\n", "\n\n### Response:\n"),
    ("USER: ", "\nASSISTANT:"),
    ("[Task]\n", "\n[End of task]"),
    ("<request>\n", "\n</request>"),
    ("Below is a message from a user. Reply to it.\n\n", ""),
    ("Input: ", "\nOutput:"),
];

// === impl Change ===

impl Change {
    /// Every change.
    pub const ALL: [Self; 4] = [Self::Typos, Self::Case, Self::Paraphrase, Self::Wrapper];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typos => "typos",
            Self::Case => "case",
            Self::Paraphrase => "paraphrase",
            Self::Wrapper => "wrapper",
        }
    }

    /// The text, changed; the same text, language and seed give the same change. `None` where nothing changes.
    pub fn apply(self, text: &str, language: &str, seed: u64) -> Option<String> {
        let mut chance = Draws(mix(key(text) ^ mix(seed ^ self as u64)));
        let changed = match self {
            Self::Typos => slips(text, &mut chance),
            Self::Case if chance.next() < 0.7 => text.to_lowercase(),
            Self::Case => text.to_uppercase(),
            Self::Paraphrase => reworded(text, language, &mut chance),
            Self::Wrapper => {
                let (before, after) = FRAMES[chance.below(FRAMES.len())];
                format!("{before}{text}{after}")
            }
        };
        (changed != text).then_some(changed)
    }
}

struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = mix(self.0);
        uniform(self.0)
    }

    fn below(&mut self, count: usize) -> usize {
        ((self.next() * count as f64) as usize).min(count - 1)
    }
}

fn slips(text: &str, chance: &mut Draws) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut changed = String::with_capacity(text.len() + 8);
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        let inside = letter.is_alphabetic() && at > 0 && letters[at - 1].is_alphabetic();
        at += 1;
        if !inside || chance.next() >= SLIP_EVERY {
            changed.push(letter);
            continue;
        }
        match (chance.below(3), letters.get(at)) {
            (0, Some(next)) if next.is_alphabetic() => {
                changed.extend([*next, letter]);
                at += 1;
            }
            (1, _) => {}
            _ => changed.extend([letter, letter]),
        }
    }
    changed
}

fn reworded(text: &str, language: &str, chance: &mut Draws) -> String {
    let known = REWORDED.iter().find(|(from, _)| language == "en" && text.starts_with(from));
    if let Some((from, to)) = known {
        return format!("{to}{}", &text[from.len()..]);
    }
    let polite = POLITE.iter().find(|(name, _)| *name == language).map_or(POLITE[0].1, |it| it.1);
    let (before, after) = polite[chance.below(polite.len())];
    format!("{before}{text}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Write a function that reverses a linked list and explain why its running time is linear.";

    #[test]
    fn same_seed_gives_the_same_change() {
        for change in Change::ALL {
            assert_eq!(change.apply(TEXT, "en", 1), change.apply(TEXT, "en", 1));
        }
        assert!((0..9).any(|seed| Change::Typos.apply(TEXT, "en", seed) != Change::Typos.apply(TEXT, "en", 9)));
    }

    #[test]
    fn words_are_reworded_in_english_and_asked_politely_elsewhere() {
        let said = |text: &str, language: &str| Change::Paraphrase.apply(text, language, 1).unwrap_or_default();
        assert!(said(TEXT, "en").starts_with("Compose a function that"));
        assert!(said("Wie spät ist es?", "de").contains("Wie spät ist es?"));
        assert_ne!(said("Wie spät ist es?", "de"), "Wie spät ist es?");
    }

    #[test]
    fn slips_are_few_and_touch_words_alone() {
        let slipped = Change::Typos.apply(&TEXT.repeat(5), "en", 3).unwrap_or_default();
        let difference = slipped.chars().count().abs_diff(TEXT.len() * 5);
        assert!(difference < 25, "{slipped}");
        assert_eq!(Change::Typos.apply("12 + 34 = ?", "en", 3), None);
    }

    #[test]
    fn text_without_case_has_no_case_to_change() {
        assert_eq!(Change::Case.apply("证明定理", "zh", 1), None);
    }
}
