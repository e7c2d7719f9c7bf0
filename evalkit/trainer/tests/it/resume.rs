//! An interrupted run goes on where it was, and ends as if it had not been interrupted.

use trainer::pipeline::Progress;

use super::*;

/// Trains; returns how it ended and how many networks an earlier run had fitted.
fn run(inputs: &Inputs, seed: u64) -> (Result<std::path::PathBuf, TrainError>, usize) {
    let mut taken_over = 0;
    let ended = trainer::train(&config(), inputs, seed, &mut |it| {
        taken_over += usize::from(matches!(it, Progress::Fitted(_, _, true)));
    });
    (ended.map(|(folder, _)| folder), taken_over)
}

/// A run that fails at its end, when all networks are fitted: a file is in its folder's way.
fn interrupted(inputs: &Inputs, seed: u64) -> usize {
    fs::write(inputs.out.join("test-1"), "").unwrap();
    let (ended, taken_over) = run(inputs, seed);
    assert!(matches!(ended, Err(TrainError::File { .. })), "{ended:?}");
    fs::remove_file(inputs.out.join("test-1")).unwrap();
    taken_over
}

#[test]
fn fitted_networks_are_taken_over_and_the_end_is_the_same() {
    let (_parent, mut inputs) = prepared();
    assert_eq!(interrupted(&inputs, 7), 0);
    let work = inputs.out.join(".work-test-1");
    // One of the three was being written when the run ended.
    let torn = fs::read_dir(&work).unwrap().map(|it| it.unwrap().path()).max().unwrap();
    fs::write(&torn, b"torn").unwrap();
    let (folder, taken_over) = run(&inputs, 7);
    let resumed = fs::read(folder.unwrap().join("weights.safetensors")).unwrap();
    assert_eq!(taken_over, 2);
    assert!(!work.exists(), "what was kept is taken away when the run has ended well");
    inputs.out = inputs.out.join("at once");
    let (folder, _) = run(&inputs, 7);
    assert!(resumed == fs::read(folder.unwrap().join("weights.safetensors")).unwrap(), "it ended otherwise");
}

#[test]
fn other_seed_data_or_a_fresh_start_takes_nothing_over() {
    let (_parent, mut inputs) = prepared();
    interrupted(&inputs, 7);
    assert_eq!(interrupted(&inputs, 8), 0);
    let file = inputs.everyday.join("x.jsonl");
    let rows = fs::read_to_string(&file).unwrap();
    fs::write(&file, rows.replacen("hi thanks 0", "hi thanks sum", 1)).unwrap();
    assert_eq!(interrupted(&inputs, 7), 0);
    fs::write(&file, rows).unwrap();
    assert_eq!(interrupted(&inputs, 7), 3);
    inputs.fresh = true;
    assert_eq!(interrupted(&inputs, 7), 0);
}
