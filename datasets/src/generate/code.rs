//! Asks for code, from one-liners over functions to whole systems, graded by what they ask for.

use domain::CapabilityTag::{self, Code, Reasoning};

use super::chance::Chance;
use super::{Draft, tongue};

mod languages;
mod tasks;

/// One ask, or an easy and a hard one on the same thing.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    if language != "en" {
        return vec![foreign(chance, language)];
    }
    if chance.one_in(4) {
        let twin = chance.pick(tasks::TWINS);
        let programming = chance.alternative(tasks::PROGRAMMING);
        return vec![
            draft(chance.alternative(twin.0).replace("{l}", programming), 2.0, "en"),
            draft(chance.alternative(twin.1).replace("{l}", programming), 8.0, "en"),
        ];
    }
    let (grade, list) = *chance.pick(tasks::BY_GRADE);
    let task = {
        let task = chance.alternative(list);
        chance.fill(task, tasks::WORDS)
    };
    let thing = task.starts_with("a ") || task.starts_with("an ") || task.starts_with("the ");
    let form = if grade >= 7.0 {
        "{large}"
    } else if thing || grade >= 4.0 {
        "{thing}"
    } else {
        "{small}"
    };
    let prompt = chance.fill(form, tasks::WORDS).replace("{task}", &task);
    vec![draft(prompt, grade, "en")]
}

fn foreign(chance: &mut Chance, language: &'static str) -> Draft {
    let tiers = languages::of(language);
    let (grade, tier) = *chance.pick(&[(2.0, tiers.easy), (5.0, tiers.middle), (8.5, tiers.hard)]);
    let prompt = chance.fill("{s}", tier).replace("{l}", chance.alternative(tasks::PROGRAMMING));
    draft(prompt, grade, language)
}

fn draft(prompt: String, grade: f64, language: &'static str) -> Draft {
    let (tags, kind): (&[CapabilityTag], _) = if grade < 6.0 {
        (&[Code], "code_snippet")
    } else {
        (&[Code, Reasoning], if grade < 8.0 { "code_snippet" } else { "code_system" })
    };
    // From a line to some pages.
    let tokens = 25.0 * (grade / 2.0).exp2().powf(1.4);
    Draft::new(prompt, grade, tags, kind, language, tokens)
}
