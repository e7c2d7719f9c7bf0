//! Short asks that are very hard: theorems, open-ended design, concurrency, law, science, in many wordings.

use domain::CapabilityTag::{self, Code, Knowledge, Math, Reasoning};

use super::chance::Chance;
use super::{Draft, tongue};

mod english;
mod languages;

/// One ask.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    let (area, prompt) = ask(chance, language);
    let (tags, kind, tokens): (&[CapabilityTag], _, _) = match area {
        "proof" => (&[Math, Reasoning], "proof", 1000.0),
        "system" => (&[Code, Reasoning], "code_system", 1800.0),
        "law" => (&[Knowledge, Reasoning], "legal_finance", 900.0),
        _ => (&[Knowledge, Reasoning], "science", 800.0),
    };
    vec![Draft::new(prompt, 9.0, tags, kind, language, tokens)]
}

/// An ask and its area.
pub(crate) fn ask(chance: &mut Chance, language: &str) -> (&'static str, String) {
    let (rules, areas) = if language == "en" { (english::RULES, 8) } else { (languages::of(language), 6) };
    let area = ["proof", "proof", "system", "system", "law", "science", "proof", "system"][chance.below(areas)];
    (area, chance.fill(&format!("{{{area}}}"), rules))
}
