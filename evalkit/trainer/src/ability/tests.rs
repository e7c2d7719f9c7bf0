//! Known places are found again, and what follows from them is calibrated.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::judge::{Right, Said};
use super::newcomer::{self, Newcomer};
use super::*;

/// Who answers how: name, ability, slope, in a source of scale 0.6 and shift 0.4.
const SCALE: SourceScale = SourceScale { scale: 0.6, shift: 0.4 };

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("q{at:05}")).collect()
}

/// Outcomes of models on prompts whose difficulties are spread evenly over -2 to 2.
fn drawn<'a>(prompts: &'a [String], models: &[(&'a str, f64, f64)], seed: u64) -> Vec<Cell<'a>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut cells = Vec::new();
    for (at, prompt) in prompts.iter().enumerate() {
        let difficulty = 4.0 * at as f64 / prompts.len() as f64 - 2.0;
        for (model, theta, slope) in models {
            let right = sigmoid(slope * (theta - SCALE.place(difficulty)));
            let score = f64::from(u8::from(random.random_bool(right)));
            cells.push(Cell { prompt, model, source: "s", difficulty, score });
        }
    }
    cells
}

#[test]
fn fitted_probabilities_are_those_that_outcomes_were_drawn_from() {
    let prompts = names(2000);
    let truth = [("a", -1.0, 1.0), ("b", 0.0, 0.8), ("c", 0.3, 1.0), ("d", 1.2, 1.3)];
    let fitted = fit(&drawn(&prompts, &truth, 5));
    assert_eq!(fitted.validate(), Ok(()));
    for (name, theta, slope) in truth {
        for difficulty in [-1.5, 0.0, 1.5] {
            let right = sigmoid(slope * (theta - SCALE.place(difficulty)));
            let said = fitted.p_right(name, difficulty).expect("a known model");
            assert!((said - right).abs() < 0.04, "{name} at {difficulty}: {said}, true {right}");
        }
    }
    let mean = fitted.models.iter().map(|it| it.theta).sum::<f64>() / 4.0;
    assert!(mean.abs() < 0.05, "abilities are about their mean: {mean}");
}

#[test]
fn models_that_differ_by_chance_alone_share_a_slope() {
    let prompts = names(150);
    let models: Vec<String> = (0..12).map(|at| format!("m{at:02}")).collect();
    let truth: Vec<_> =
        models.iter().zip(0..).map(|(name, at)| (name.as_str(), f64::from(at) / 6.0 - 1.0, 1.0)).collect();
    let fitted = fit(&drawn(&prompts, &truth, 9));
    let logs: Vec<f64> = fitted.models.iter().map(|it| it.slope.ln()).collect();
    let (_, deviation) = moments(&logs).expect("models");
    assert!(deviation < 0.2, "{logs:?}");
}

#[test]
fn source_in_which_difficulty_tells_nothing_keeps_rates() {
    let prompts = names(400);
    let mut cells = drawn(&prompts, &[("a", -1.0, 1.0), ("b", 1.0, 1.0)], 2);
    // Difficulties of other prompts say nothing.
    let mut random = StdRng::seed_from_u64(4);
    for it in &mut cells {
        it.difficulty = random.random_range(-2.0..2.0);
    }
    let fitted = fit(&cells);
    for name in ["a", "b"] {
        let own: Vec<_> = cells.iter().filter(|it| it.model == name).collect();
        let rate = own.iter().map(|it| it.score).sum::<f64>() / own.len() as f64;
        for difficulty in [-2.0, 2.0] {
            let said = fitted.p_right(name, difficulty).expect("a known model");
            assert!((said - rate).abs() < 0.12, "{name}: {said}, rate {rate}");
        }
    }
}

#[test]
fn source_whose_models_always_or_never_answer_right_is_fitted_all_the_same() {
    let prompts = names(60);
    let cells: Vec<_> = prompts
        .iter()
        .flat_map(|prompt| {
            [("always", 1.0), ("never", 0.0)].map(|(model, score)| Cell {
                prompt,
                model,
                source: "s",
                difficulty: 0.3,
                score,
            })
        })
        .collect();
    let fitted = fit(&cells);
    assert_eq!(fitted.validate(), Ok(()));
    assert!(fitted.p_right("always", 0.0) > Some(0.9) && fitted.p_right("never", 0.0) < Some(0.1), "{fitted:?}");
}

/// Places a model of known ability among others that were fitted before.
fn newly(theta: f64, slope: f64, count: usize, seed: u64) -> (Models, Newcomer) {
    let prompts = names(1500);
    let before = [("a", -1.0, 1.0), ("b", 0.0, 0.9), ("c", 1.2, 1.2)];
    let mut models = fit(&drawn(&prompts, &before, 5));
    let few = names(count);
    let placed = newcomer::add(&mut models, "s", &drawn(&few, &[("new", theta, slope)], seed));
    (models, placed.into_iter().next().expect("one model"))
}

#[test]
fn known_ability_is_found_again_from_sixty_outcomes() {
    // Of forty draws, about one in twenty may lie beyond two standard errors.
    let mut beyond = 0;
    for seed in 0..40 {
        let theta = f64::from(u32::try_from(seed).unwrap_or(0) % 5) / 2.0 - 1.0;
        let (models, placed) = newly(theta, 1.0, 60, seed);
        // Abilities are told from the mean of the known ones, whose own place is known but roughly.
        let (shift, scale) = (models.sources["s"].shift, models.sources["s"].scale);
        let expected = (theta - SCALE.shift) * scale / SCALE.scale + shift;
        beyond += usize::from((placed.model.theta - expected).abs() > 2.0 * placed.model.theta_error);
        assert!(placed.model.theta_error < 1.0, "{placed:?}");
    }
    assert!(beyond <= 4, "{beyond} of 40 beyond two standard errors");
}

#[test]
fn newly_placed_model_is_calibrated_on_prompts_to_come() {
    let (models, _) = newly(0.5, 1.1, 100, 1);
    let prompts = names(4000);
    let later = drawn(&prompts, &[("new", 0.5, 1.1)], 77);
    let said: Vec<_> = later
        .iter()
        .map(|it| Said {
            prompt: it.prompt,
            right: models.p_right("new", it.difficulty).expect("placed"),
            constant: 0.5,
            score: it.score,
        })
        .collect();
    let right = Right::of(&said).expect("outcomes");
    assert!(right.ece.value < 0.06 && right.skill.low > 0.0, "{right:?}");
}

#[test]
fn newcomer_of_an_unknown_source_is_expected_to_be_like_the_known_ones() {
    let prompts = names(1500);
    let mut models = fit(&drawn(&prompts, &[("a", -1.0, 1.0), ("b", 0.5, 1.0)], 5));
    let few = names(50);
    let cells: Vec<_> = drawn(&few, &[("b", 0.5, 1.0)], 3).into_iter().map(|it| Cell { source: "own", ..it }).collect();
    let placed = newcomer::add(&mut models, "own", &cells);
    assert_eq!(models.validate(), Ok(()));
    assert_eq!((placed.len(), models.models.len()), (1, 3));
    let (own, known) = (models.p_right("own/b", 0.0), models.p_right("s/b", 0.0));
    assert!((own.unwrap_or(9.0) - known.unwrap_or(-9.0)).abs() < 0.2, "{own:?} {known:?}");
    // Placed again, it stands there once.
    newcomer::add(&mut models, "own", &cells);
    assert_eq!((models.validate(), models.models.len()), (Ok(()), 3));
}
