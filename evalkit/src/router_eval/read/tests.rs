//! What is refused, and how it is said.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::router_eval::CostUnit;

const PROMPTS: &str = r#"{"id":"a","prompt":"one"}
{"id":"b","prompt":["two","three"],"meta":{"kind":"x"}}
{"id":"c","prompt":"four","meta":{"contaminated":true}}"#;

fn prompts(text: &str, options: &PromptOptions) -> Result<Prompts, InputError> {
    let mut prompts = Prompts::default();
    prompts.read(text.as_bytes(), "prompts.jsonl", options).map(|()| prompts)
}

fn outcomes(text: &str) -> Result<(Prompts, AllOutcomes), InputError> {
    let prompts = prompts(PROMPTS, &PromptOptions { exclude_contaminated: true, ..PromptOptions::default() })?;
    let mut all = AllOutcomes::default();
    all.read(text.as_bytes(), "outcomes.jsonl", &prompts).map(|()| (prompts, all))
}

fn joined(text: &str, wanted: &Wanted<'_>) -> Result<Joined, InputError> {
    let (prompts, all) = outcomes(text)?;
    join(&prompts, &all, wanted)
}

const WANTED: Wanted<'_> = Wanted { strong: "big", weak: "small", costs: Costs::OfOutcomes, strict: false };

fn row(id: &str, model: &str, rest: &str) -> String {
    format!("{{\"prompt_id\":\"{id}\",\"model\":\"{model}\",{rest}}}\n")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, InputError>, words: &[&str]) {
    let said = result.unwrap_err().to_string();
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn contaminated_prompts_are_dropped_and_counted() {
    let kept = prompts(PROMPTS, &PromptOptions { exclude_contaminated: true, ..PromptOptions::default() }).unwrap();
    assert_eq!((kept.rows.len(), kept.contaminated), (2, 1));
    assert_eq!(prompts(PROMPTS, &PromptOptions::default()).unwrap().rows.len(), 3);
}

#[test]
fn first_turn_alone_is_read_when_asked() {
    let options = PromptOptions { first_turn: true, ..PromptOptions::default() };
    assert_eq!(prompts(PROMPTS, &options).unwrap().rows[1].text, "two");
    assert_eq!(prompts(PROMPTS, &PromptOptions::default()).unwrap().rows[1].text, "two\n\nthree");
    let messages = r#"{"id":"m","prompt":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}"#;
    assert_eq!(prompts(messages, &options).unwrap().rows[0].text, "u");
    refused(prompts(r#"{"id":"m","prompt":[]}"#, &options), &["line 1", "no turn of the user"]);
}

#[test]
fn prompt_that_changes_is_refused_and_one_that_repeats_is_counted() {
    refused(
        prompts("{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"a\",\"prompt\":\"y\"}", &PromptOptions::default()),
        &["line 2", "`a`"],
    );
    let twice = prompts("{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"a\",\"prompt\":\"x\"}", &PromptOptions::default());
    assert_eq!(twice.unwrap().repeated, 1);
}

#[test]
fn cluster_that_is_missing_is_named_by_line() {
    let options = PromptOptions { cluster_field: Some("kind".to_owned()), ..PromptOptions::default() };
    refused(prompts(PROMPTS, &options), &["line 1", "meta.kind", "line 3"]);
}

#[test]
fn scores_that_are_no_quality_are_refused_by_line() {
    let text =
        row("a", "big", "\"score\":1.5") + &row("a", "small", "\"score\":NaN") + &row("a", "x", "\"score\":1e999");
    refused(
        outcomes(&text),
        &["3 bad rows", "line 1: score 1.5 is not within 0..=1", "line 2", "line 3", "from 0 to 1"],
    );
    refused(outcomes(&row("a", "big", "\"score\":0.5,\"cost_usd\":-1")), &["line 1", "cost_usd -1"]);
}

#[test]
fn outcomes_that_disagree_are_refused_and_equal_ones_counted() {
    let text = row("a", "big", "\"score\":1") + &row("a", "big", "\"score\":0.5");
    refused(outcomes(&text), &["line 2", "0.5 here and 1 on line 1"]);
    let text = row("a", "big", "\"score\":1") + &row("a", "big", "\"score\":1.0") + &row("zz", "big", "\"score\":1");
    let (_, all) = outcomes(&text).unwrap();
    assert_eq!((all.repeated, all.unknown), (1, 1));
}

#[test]
fn outcomes_of_dropped_prompts_are_not_unknown() {
    assert_eq!(outcomes(&row("c", "big", "\"score\":1")).unwrap().1.unknown, 0);
}

#[test]
fn unknown_model_gets_the_nearest_names() {
    let text = row("a", "big-model", "\"score\":1") + &row("a", "small", "\"score\":0");
    let wanted = Wanted { strong: "Big", ..WANTED };
    refused(joined(&text, &wanted), &["--strong", "`Big`", "nearest: big-model", "hold big-model, small"]);
    refused(joined(&text, &Wanted { strong: "small", ..WANTED }), &["both name `small`"]);
}

#[test]
fn prompts_without_partner_are_left_out_or_refused() {
    let text = row("a", "big", "\"score\":1") + &row("a", "small", "\"score\":0") + &row("b", "big", "\"score\":1");
    assert_eq!(joined(&text, &WANTED).unwrap().left_out, ["b"]);
    refused(joined(&text, &Wanted { strict: true, ..WANTED }), &["1 of 2 prompts", "big or small", "b"]);
    let text = row("a", "big", "\"score\":1") + &row("b", "small", "\"score\":0");
    refused(joined(&text, &WANTED), &["none has an outcome of both big and small"]);
}

#[test]
fn strong_model_that_is_weaker_is_refused_and_an_equal_one_is_not() {
    let text = |strong: &str| row("a", "big", &format!("\"score\":{strong}")) + &row("a", "small", "\"score\":0.5");
    refused(joined(&text("0.25"), &WANTED), &["0.2500", "0.5000", "not stronger", "swap"]);
    assert!(joined(&text("0.5"), &WANTED).is_ok());
}

#[test]
fn costs_come_whole_or_not_at_all() {
    let text = |weak: &str| {
        row("a", "big", "\"score\":1,\"cost_usd\":0.01") + &row("a", "small", &format!("\"score\":0{weak}"))
    };
    refused(joined(&text(""), &WANTED), &["1 of 2 outcomes lack `cost_usd`", "--cost-strong"]);
    let priced = joined(&text(",\"cost_usd\":0.002"), &WANTED).unwrap();
    assert_eq!((priced.cost_unit, priced.outcomes.cost_strong), (CostUnit::UsdPer1kCalls, vec![10.0]));
    let flat = joined(&text(""), &Wanted { costs: Costs::Flat { weak: 1.0, strong: 3.0 }, ..WANTED }).unwrap();
    assert_eq!(flat.outcomes.cost_strong, [3.0]);
}

#[test]
fn order_of_rows_does_not_matter() {
    let rows = [
        row("a", "big", "\"score\":1"),
        row("a", "small", "\"score\":0"),
        row("b", "small", "\"score\":0.5"),
        row("b", "big", "\"score\":1"),
    ];
    let there = joined(&rows.concat(), &WANTED).unwrap();
    let back = joined(&rows.iter().rev().cloned().collect::<String>(), &WANTED).unwrap();
    assert_eq!((there.places, there.outcomes), (back.places, back.outcomes));
}

#[test]
fn scores_are_checked_by_line() {
    let prompts = prompts(PROMPTS, &PromptOptions::default()).unwrap();
    let read = |text: &str, signal| Scores::read(text.as_bytes(), "scores.jsonl", signal, &prompts);
    refused(read("{\"id\":\"a\"}\n{\"id\":\"b\",\"score\":null}", Signal::Complexity), &["line 1: neither", "line 2"]);
    refused(read("{\"id\":\"a\",\"score\":1}", Signal::Difficulty), &["no `difficulty`"]);
    refused(
        read("{\"id\":\"a\",\"score\":1}\n{\"id\":\"a\",\"score\":2}", Signal::Complexity),
        &["line 2", "2 here and 1"],
    );
    let both = read("{\"id\":\"a\",\"complexity\":0.25,\"score\":1}\n{\"id\":\"q\",\"score\":1}", Signal::Complexity);
    let both = both.unwrap();
    assert_eq!((both.by_prompt[&0], both.unused), (0.25, 1));
}
