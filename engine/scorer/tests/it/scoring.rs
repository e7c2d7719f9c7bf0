//! What the built-in scorer says of prompts: order and margins, sanity whatever the bytes, batches.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use scorer::{CapabilityTag, Scorer, ScorerInput};

use crate::{BUILTIN, input, score};

const PROOF: &str = "Prove that every bounded sequence in a reflexive Banach space has a weakly convergent subsequence. \
    Give a full and rigorous proof, stating every theorem you rely on, and show by a counterexample that reflexivity \
    cannot be dropped.";
const SYSTEM: &str = "Design a multi-region payment ledger with exactly-once semantics under network partitions. Work out \
    the consensus protocol, failure modes, recovery, schema migrations without downtime, and argue why no money is lost \
    or created in any interleaving.";

#[test]
fn greeting_lookup_and_proof_are_told_apart_by_a_wide_margin() {
    let (hello, capital) = (score("hi").complexity, score("What is the capital of France?").complexity);
    let (proof, system) = (score(PROOF).complexity, score(SYSTEM).complexity);
    assert!(hello < 0.25 && capital < 0.3, "{hello} {capital}");
    assert!(proof > 0.75 && system > 0.75, "{proof} {system}");
}

#[test]
fn simple_asks_are_simple_and_complex_asks_complex_in_several_languages() {
    for text in [
        "Hola, ¿cómo estás?",
        "¿Cuál es la capital de Italia?",
        "Quelle est la capitale de l'Espagne ?",
        "Was ist die Hauptstadt von Polen?",
        "Привет! Как дела?",
        "日本の首都はどこですか?",
        "谢谢你!",
        "thanks!",
        "What is 7 times 8?",
        "Translate 'good morning' into French.",
    ] {
        let complexity = score(text).complexity;
        assert!(complexity < 0.4, "{text}: {complexity}");
    }
    for text in [
        "Demuestra con todo rigor que toda extensión finita separable de un cuerpo es simple, y da un contraejemplo cuando no es separable.",
        "Démontrez que tout groupe d'ordre p²q possède un sous-groupe de Sylow normal, en détaillant chaque cas.",
        "Beweise, dass jede stetige Funktion auf einem kompakten metrischen Raum gleichmäßig stetig ist, und konstruiere ein Gegenbeispiel für den nicht kompakten Fall.",
        "Спроектируй распределённую отказоустойчивую систему бронирования с гарантией отсутствия двойных продаж и докажи её корректность при сетевых разделениях.",
        "设计一个跨区域高可用的分布式订单系统,证明在网络分区下不会超卖,并分析一致性与延迟的权衡。",
    ] {
        let complexity = score(text).complexity;
        assert!(complexity > 0.6, "{text}: {complexity}");
    }
}

#[test]
fn long_paste_with_a_trivial_ask_is_simpler_than_with_a_hard_one() {
    let paste =
        "The quarterly review covered staffing, the office move and the new supplier contract. Minutes were taken. "
            .repeat(40);
    let trivial = score(format!("{paste}\n\nWhat is the first word of this text?")).complexity;
    let hard = score(format!("{paste}\n\n{SYSTEM}")).complexity;
    assert!(trivial < 0.4 && hard > 0.6, "{trivial} {hard}");
}

#[test]
fn point_behind_a_grand_opening_decides() {
    let opening =
        "You are a world-class engineer with forty years of experience in distributed systems. Think step by step.";
    let trivial = score(format!("{opening}\n\nQuestion: what is the capital of Spain?")).complexity;
    let hard = score(format!("{opening}\n\n{SYSTEM}")).complexity;
    assert!(trivial < 0.5 && trivial + 0.3 < hard, "{trivial} {hard}");
}

#[test]
fn follow_up_is_understood_by_what_it_follows() {
    let after = |context: &str| {
        let input =
            ScorerInput { text: "And why is that?".to_owned(), context: context.to_owned(), ..ScorerInput::default() };
        BUILTIN.score(&[input]).unwrap().remove(0).complexity
    };
    let (capital, proof) = (after("What is the capital of France?"), after(PROOF));
    assert!(capital + 0.1 < proof, "{capital} {proof}");
    let thanks =
        ScorerInput { text: "Thanks, that helps!".to_owned(), context: PROOF.to_owned(), ..ScorerInput::default() };
    assert!(BUILTIN.score(&[thanks]).unwrap()[0].complexity < 0.4);
}

#[test]
fn tags_and_length_follow_the_kind_of_work() {
    let probability = |text: &str, tag| score(text).capabilities.iter().find(|it| it.0 == tag).unwrap().1;
    let merge = probability("Write a Python function that merges two sorted lists.", CapabilityTag::Code);
    let greeting = probability("hi", CapabilityTag::Code);
    assert!(merge > 0.5 && greeting < 0.3, "{merge} {greeting}");
    assert!(score("hi").expected_output_tokens.p50 < score(SYSTEM).expected_output_tokens.p50 / 4);
}

#[test]
fn batch_equals_its_singles() {
    let inputs: Vec<_> = ["hi", PROOF, "", "🦀🦀", "What is 2+2?"].into_iter().map(input).collect();
    let batch = BUILTIN.score(&inputs).unwrap();
    for (input, together) in inputs.iter().zip(batch) {
        let alone = BUILTIN.score(std::slice::from_ref(input)).unwrap().remove(0);
        assert!((alone.complexity - together.complexity).abs() <= 1e-6);
        assert!((alone.difficulty - together.difficulty).abs() <= 1e-6);
        assert_eq!(alone.expected_output_tokens, together.expected_output_tokens);
    }
}

#[test]
fn score_is_the_same_on_every_thread() {
    let expected = score(PROOF).complexity.to_bits();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| score(PROOF).complexity.to_bits())).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[track_caller]
fn check_sane(text: &str) {
    let said = score(text);
    assert!((0.0..=1.0).contains(&said.complexity), "{said:?}");
    assert!(said.difficulty.is_finite() && said.uncertainty.is_finite() && said.uncertainty >= 0.0, "{said:?}");
    assert!(
        said.capabilities.len() == 10 && said.capabilities.iter().all(|it| (0.0..=1.0).contains(&it.1)),
        "{said:?}"
    );
    assert!(said.expected_output_tokens.p50 >= 1 && said.expected_output_tokens.p90 >= said.expected_output_tokens.p50);
}

#[test]
fn odd_texts_score_sanely() {
    for text in [
        "",
        " ",
        "\n\t\r\n",
        "\u{0}\u{1}\u{7f}\u{200b}\u{feff}",
        "🦀👩‍👩‍👧‍👦🏳️‍🌈",
        "مرحبا كيف حالك؟",
        "שלום עולם",
        "นี่คืออะไร",
        "aGVsbG8gd29ybGQhIQ==",
        "```",
        "???",
        "{}",
        "\\frac{}{}",
        "a\u{301}\u{302}\u{303}",
        "▁▁▁",
        "<unk>",
        "0",
        "\u{10ffff}",
    ] {
        check_sane(text);
    }
    check_sane(&"QUJD".repeat(100_000));
    check_sane(&"\u{0}".repeat(100_000));
    check_sane(&"?\n".repeat(50_000));
    check_sane(&"```\n".repeat(50_000));
}

#[test]
fn ten_megabytes_cost_little_more_than_four_kilobytes() {
    check_sane("warm up");
    for unit in ["word ", "x", "证", "\n", "> quoted?\n"] {
        let text = unit.repeat(10_000_000 / unit.len());
        let inputs = [input(text)];
        let start = Instant::now();
        let said = BUILTIN.score(&inputs).unwrap().remove(0);
        // Generous for an unoptimised build on a busy machine; reading all of it would take far longer.
        assert!(start.elapsed() < Duration::from_millis(250), "{unit:?}: {:?}", start.elapsed());
        assert!(said.truncated);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_scores_sanely(text in "\\PC{0,400}") {
        check_sane(&text);
    }

    #[test]
    fn any_characters_score_sanely(characters in prop::collection::vec(any::<char>(), 0..3000)) {
        check_sane(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn any_bytes_score_sanely(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        check_sane(&String::from_utf8_lossy(&bytes));
    }
}
