//! Invented mails, tables, logs, lists and notes with a trivial question, and the same paste with a hard one.

use domain::CapabilityTag::{self, Extraction, Reasoning, Writing};

use super::Draft;
use super::chance::Chance;

mod asks;
mod documents;

use asks::Asks;

/// The two rows of a pair: the same paste, a trivial question and a hard one.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let document = documents::make(chance);
    let asks: &Asks = asks::of(document.kind);
    let easy = easy(chance, &document, asks);
    let hard = chance.fill("{hard}", asks.rules);
    let tags: &[CapabilityTag] = if hard.contains("rite ") || hard.contains("raft ") {
        &[Extraction, Reasoning, Writing]
    } else {
        &[Extraction, Reasoning]
    };
    // Where the question stands says nothing either, so each row has its own place.
    let (easy_text, hard_text) = (place(chance, &easy.1, &document.lines), place(chance, &hard, &document.lines));
    vec![
        Draft::new(easy_text, 1.0, &[Extraction], "long_paste", easy.0, 12.0),
        Draft::new(hard_text, 7.5, tags, "long_paste", "en", 600.0),
    ]
}

/// A question that is answered by copying or counting; now and then in another language than the paste.
fn easy(chance: &mut Chance, document: &documents::Document, asks: &Asks) -> (&'static str, String) {
    if chance.one_in(4) {
        let (language, list) = *chance.pick(asks::ABOUT_ANY_TEXT);
        return (language, chance.alternative(list).to_owned());
    }
    let ask = if chance.one_in(3) {
        chance.alternative(&document.asks).to_owned()
    } else {
        chance.fill("{easy}", asks.rules)
    };
    let ask = if chance.one_in(4) { format!("{}{ask}", chance.alternative(asks::BEFORE)) } else { ask };
    ("en", ask)
}

/// Before, after or in the midst of the paste, fenced or not.
fn place(chance: &mut Chance, ask: &str, lines: &[String]) -> String {
    let text = lines.join("\n");
    match chance.below(7) {
        0..=1 => format!("{ask}\n\n{text}"),
        2..=3 => format!("{text}\n\n{ask}"),
        4 => format!("{ask}\n\n\"\"\"\n{text}\n\"\"\""),
        5 => format!("```\n{text}\n```\n{ask}"),
        _ => {
            let middle = (lines.len() / 2).max(1);
            format!("{}\n\n{ask}\n\n{}", lines[..middle].join("\n"), lines[middle..].join("\n"))
        }
    }
}
