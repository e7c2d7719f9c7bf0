//! Outcomes become models in the artefact; a team's own rows stand beside public ones or alone.

use super::*;

/// A file of own rows: two models on sixty prompts, those that prove being hard.
fn write_own(folder: &Path, more: &str) -> std::path::PathBuf {
    let mut rows = "prompt,model,score\n".to_owned();
    for at in 0..60 {
        let hard = at % 2 == 0;
        let prompt = if hard { format!("prove primes {at}") } else { format!("thanks the {at}") };
        writeln!(rows, "{prompt},small,{}", u8::from(!hard || at % 10 == 0)).unwrap();
        writeln!(rows, "{prompt},large,{}", u8::from(at % 20 != 0)).unwrap();
    }
    let path = folder.join("own.csv");
    fs::write(&path, rows + more).unwrap();
    path
}

fn own_config() -> Config {
    let mut config = config();
    let tags = Vec::new();
    config.anchor.push(trainer::config::Anchor {
        source: "own".to_owned(),
        task: "*".to_owned(),
        grade: 5.0,
        spread: 1.5,
        tags,
    });
    config
}

#[test]
fn outcomes_place_their_models_in_the_artefact() {
    let (_parent, inputs) = prepared();
    let (folder, report) = trainer::train(&config(), &inputs, 7, &mut |_| {}).unwrap();
    let scorer = LearnedScorer::load(&folder).unwrap();
    let models = scorer.models().unwrap();
    let names: Vec<_> = models.models.iter().map(|it| (it.source.as_str(), it.name.as_str(), it.n)).collect();
    assert_eq!(names, ["m0", "m1", "m2", "m3"].map(|name| ("mmlu-pro", name, 16)));
    assert!(models.p_right("m3", 0.0) > models.p_right("m0", 0.0));
    let right = report.right.unwrap();
    assert_eq!((right.all.outcomes, right.all.prompts), (16, 4));
    assert!(fs::read_to_string(folder.join("card.md")).unwrap().contains("| mmlu-pro | 16 of 4 prompts |"));
}

#[test]
fn artefact_whose_models_were_changed_is_refused() {
    let (_parent, inputs) = prepared();
    let (folder, _) = trainer::train(&config(), &inputs, 7, &mut |_| {}).unwrap();
    let path = folder.join("models.json");
    fs::write(&path, fs::read_to_string(&path).unwrap().replacen("m0", "mx", 1)).unwrap();
    let error = LearnedScorer::load(&folder).unwrap_err().to_string();
    assert!(error.contains("models.json does not match its manifest"), "{error}");
}

#[test]
fn own_rows_are_learned_beside_public_ones_and_alone() {
    let (parent, mut inputs) = prepared();
    inputs.rows = vec![write_own(parent.path(), "")];
    let sources = |inputs: &Inputs| {
        let (folder, report) = trainer::train(&own_config(), inputs, 7, &mut |_| {}).unwrap();
        let models = LearnedScorer::load(&folder).unwrap().models().unwrap().clone();
        assert!(models.p_right("own/large", 0.0) > models.p_right("own/small", 0.0));
        assert!(report.difficulty.contains_key("own"));
        models.sources.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(sources(&inputs), ["mmlu-pro", "own"]);
    inputs.data = None;
    assert_eq!(sources(&inputs), ["own"]);
}

#[test]
fn bad_own_row_is_told_by_line_with_the_cure() {
    let (parent, mut inputs) = prepared();
    inputs.rows = vec![write_own(parent.path(), "one more,small,7\n")];
    let error = trainer::train(&own_config(), &inputs, 7, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("own.csv") && error.contains("122") && error.contains("score"), "{error}");
}

#[test]
fn files_that_disagree_are_refused() {
    let (parent, mut inputs) = prepared();
    let first = write_own(parent.path(), "");
    let second = parent.path().join("second.csv");
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&second, text.replacen("thanks the 1,small,1", "thanks the 1,small,0", 1)).unwrap();
    inputs.rows = vec![first.clone(), second];
    let error = trainer::train(&own_config(), &inputs, 7, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("second.csv") && error.contains("`small`") && error.contains("earlier file"), "{error}");
    inputs.rows = vec![first.clone(), first];
    trainer::train(&own_config(), &inputs, 7, &mut |_| {}).unwrap();
}

#[test]
fn nothing_to_learn_from_is_said() {
    let (_parent, mut inputs) = prepared();
    inputs.data = None;
    let error = trainer::train(&config(), &inputs, 7, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Config { key: "data", .. }), "{error}");
}
