//! What generated prompts promise.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;
use crate::grading::Level;

#[test]
fn same_seed_makes_the_same_rows_and_another_seed_others() {
    assert_eq!(generate(7, 600), generate(7, 600));
    let texts = |seed| generate(seed, 600).into_iter().map(|row| row.prompt).collect::<BTreeSet<_>>();
    assert!(texts(7).intersection(&texts(8)).count() < 150);
}

#[test]
fn four_thousand_rows_have_next_to_no_near_duplicates() {
    let rows = generate(1, 4_000);
    assert_eq!(rows.len(), 4_000);
    let distinct: HashSet<_> = rows.iter().map(|row| masked(&row.prompt)).collect();
    assert!(distinct.len() * 100 > rows.len() * 99, "{}", distinct.len());
    let ids: HashSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), rows.len());
}

#[test]
fn every_family_fills_its_share_and_none_is_lopsided() {
    let rows = generate(1, 4_000);
    for family in &FAMILIES {
        let of: Vec<_> = rows.iter().filter(|row| row.author == family.author).collect();
        assert!(of.len() * 100 >= 4_000 * family.share * 97 / 100, "{}: {}", family.author, of.len());
    }
    for level in [Level::Simple, Level::Medium, Level::Complex] {
        let count = rows.iter().filter(|row| row.level == level).count();
        assert!(count >= 300, "{level:?}: {count}");
    }
}

#[test]
fn families_that_promise_it_speak_every_language() {
    let rows = generate(1, 4_000);
    for author in ["gen-smalltalk", "gen-lookups", "gen-translation", "gen-word-problems", "gen-code", "gen-hard-asks"]
    {
        let mut count = BTreeMap::<&str, usize>::new();
        for row in rows.iter().filter(|row| row.author == author) {
            *count.entry(&row.language).or_default() += 1;
        }
        for language in LANGUAGES.iter().chain(&["en"]) {
            assert!(count.get(language).copied().unwrap_or_default() >= 10, "{author} {language}: {count:?}");
        }
    }
}

#[test]
fn rows_are_as_sound_as_written_ones() {
    for row in generate(3, 4_000) {
        assert_eq!(row.first.check(""), Ok(()), "{row:?}");
        assert!(row.level == Level::of(row.grade) && row.second.is_none() && !row.prompt.trim().is_empty(), "{row:?}");
    }
}

#[test]
fn no_slot_is_left_open() {
    for row in generate(5, 4_000) {
        let open = row.prompt.split('{').skip(1).any(|rest| {
            rest.split_once('}').is_some_and(|(slot, _)| {
                slot.len() < 20 && slot.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '#' | '-'))
            })
        });
        assert!(!open && (row.kind == "long_paste" || !row.prompt.contains('|')), "{}", row.prompt);
    }
}

#[test]
fn pairs_are_whole_and_differ_in_grade() {
    let mut pairs = BTreeMap::<String, Vec<f64>>::new();
    for row in generate(2, 4_000) {
        if let Some(pair) = row.pair {
            pairs.entry(pair).or_default().push(row.grade);
        }
    }
    assert!(pairs.len() >= 500, "{}", pairs.len());
    for (pair, grades) in pairs {
        assert!(grades.len() == 2 && (grades[0] - grades[1]).abs() > 3.0, "{pair}: {grades:?}");
    }
}

#[test]
fn steps_of_a_word_problem_lead_to_its_answer() {
    for (at, language) in LANGUAGES.iter().chain(&["en"]).enumerate() {
        for steps in 1..=9 {
            for seed in 0..6 {
                let mut chance = Chance::new(seed * 1_000 + at as u64 * 10 + steps as u64);
                let problem = word_problems::problem(&mut chance, language, steps);
                check_chain(&problem, steps);
            }
        }
    }
}

/// Calculates a chain anew, by arithmetic of its own.
#[track_caller]
fn check_chain(problem: &WordProblem, steps: usize) {
    let mut values: Vec<i64> = Vec::new();
    let mut used = HashSet::new();
    for node in problem.chain.nodes() {
        values.push(match *node {
            Node::Given(value) => {
                assert!(problem.text.contains(&value.to_string()), "{value} is not in: {}", problem.text);
                value
            }
            Node::Step(operation, left, right) => {
                used.extend([left, right]);
                let (a, b) = (values[left], values[right]);
                match operation {
                    Operation::Add => a + b,
                    Operation::Subtract => a - b,
                    Operation::Multiply => a * b,
                    Operation::Divide => {
                        assert_eq!(a % b, 0);
                        a / b
                    }
                    Operation::Percent => {
                        assert_eq!(a * b % 100, 0);
                        a * b / 100
                    }
                }
            }
        });
    }
    assert_eq!(values.last().copied(), Some(problem.chain.answer()));
    let calculated = problem.chain.nodes().iter().filter(|node| !matches!(node, Node::Given(_))).count();
    assert_eq!((calculated, problem.chain.steps()), (steps, steps));
    // Every number leads to the answer: none is stated in vain, none is worked out in vain.
    assert_eq!(used.len(), values.len() - 1, "{problem:?}");
}

#[test]
fn grade_of_a_word_problem_follows_its_steps() {
    let mut seen = BTreeSet::new();
    for row in generate(1, 4_000).iter().filter(|row| row.kind == "word_problem") {
        let steps = row.steps.unwrap();
        assert!((row.grade - grade_of_steps(steps as usize)).abs() < f64::EPSILON, "{row:?}");
        seen.insert(steps);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
}

#[test]
fn length_says_little_about_the_grade() {
    let rows = generate(1, 4_000);
    let mean = |level| {
        let of: Vec<_> = rows.iter().filter(|row| row.level == level).map(|row| row.prompt.len() as f64).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    let ratio = mean(Level::Complex) / mean(Level::Simple);
    assert!((0.5..2.5).contains(&ratio), "{ratio}");
}

#[test]
fn pastes_are_of_many_lengths() {
    let rows = generate(1, 4_000);
    let words: Vec<_> = rows
        .iter()
        .filter(|row| row.author == "gen-extraction")
        .map(|row| row.prompt.split_whitespace().count())
        .collect();
    assert!(words.iter().any(|it| *it < 50) && words.iter().any(|it| *it > 200) && words.iter().all(|it| *it < 420));
}
