//! Short questions of general knowledge, sums and definitions that the smallest model answers.

use domain::CapabilityTag::{self, Code, Knowledge, Math};

use super::chance::{Chance, Rules};
use super::{Draft, tongue};

mod tables;

/// One question.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    let rules = tables::rules(language);
    let (slot, tags, grade): (&str, &[CapabilityTag], f64) = match chance.below(10) {
        0..=5 => ("{fact}", &[Knowledge], 1.0),
        6 => ("{sum}", &[Math], 1.0),
        7 if language == "en" => ("{code}", &[Code, Knowledge], 1.0),
        7..=8 => ("{meaning}", &[Knowledge], 2.0),
        _ => ("{small}", &[Knowledge], 1.0),
    };
    let prompt = chance.fill(slot, rules);
    let tokens = if slot == "{meaning}" { 45.0 } else { 14.0 };
    let lead = lead(chance, rules);
    vec![Draft::new(format!("{lead}{prompt}"), grade, tags, "lookup", language, tokens)]
}

/// Words before the question, mostly none.
fn lead(chance: &mut Chance, rules: &Rules) -> String {
    if chance.one_in(6) { chance.fill("{lead}", rules) } else { String::new() }
}
