//! Fits the wide part: ridge regression on hashed words and counted features, all outputs at once, by conjugate gradients.
//!
//! Rows are cut into folds, and each row is later described by a fit that has not seen its fold. The network on top thus
//! learns how far to trust the wide part on prompts that are new to it.

use scorer::inputs::Reading;
use scorer::prompt::FEATURES;
use scorer::wide::{BUCKETS, OUTPUTS, Wide};

/// Steps of the conjugate gradient; the residual falls below a thousandth in about forty.
const STEPS: usize = 50;

/// Length of a standardised feature beside a word's: features are few and may weigh more freely than words.
const FEATURE_SCALE: f32 = 0.15;

/// The constant column; its weight is as good as free of the penalty.
const BIAS: f32 = 5.0;

/// Columns: buckets, features, the constant.
const COLUMNS: usize = BUCKETS + FEATURES + 1;

/// One row: what is read, what is wanted of each output and how much it counts; weight 0 is "not known".
pub struct Row<'a> {
    /// The text.
    pub reading: &'a Reading,
    /// Wanted values.
    pub wanted: [f32; OUTPUTS],
    /// Their weights.
    pub weights: [f32; OUTPUTS],
}

/// Fits all outputs with one penalty.
pub fn fit(rows: &[Row<'_>], penalty: f32) -> Wide {
    let scaling = Scaling::of(rows);
    let design = Design::of(rows, &scaling);
    let weights = solve(&design, rows, penalty);
    scaling.undo(&weights)
}

type Vector = Vec<[f32; OUTPUTS]>;

/// Mean and deviation of each feature.
struct Scaling {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Scaling {
    fn of(rows: &[Row<'_>]) -> Self {
        let count = rows.len().max(1) as f32;
        let each = |value: &dyn Fn(usize, f32) -> f32| -> Vec<f32> {
            (0..FEATURES)
                .map(|at| rows.iter().map(|row| value(at, row.reading.features[at])).sum::<f32>() / count)
                .collect()
        };
        let mean = each(&|_, value| value);
        let variance = each(&|at, value| (value - mean[at]).powi(2));
        Self { deviation: variance.into_iter().map(|it| it.sqrt() + 1e-3).collect(), mean }
    }

    fn apply(&self, features: &[f32]) -> Vec<f32> {
        let standard = |at: usize| (features[at] - self.mean[at]) / self.deviation[at] * FEATURE_SCALE;
        (0..FEATURES).map(standard).collect()
    }

    /// The layer for features as they are counted.
    fn undo(&self, weights: &Vector) -> Wide {
        let mut bias = weights[COLUMNS - 1].map(|weight| weight * BIAS);
        let mut dense = Vec::with_capacity(FEATURES);
        for at in 0..FEATURES {
            let row = weights[BUCKETS + at].map(|weight| weight * FEATURE_SCALE / self.deviation[at]);
            for (sum, weight) in bias.iter_mut().zip(row) {
                *sum -= weight * self.mean[at];
            }
            dense.push(row);
        }
        Wide::new(weights[..BUCKETS].to_vec(), dense, bias)
    }
}

/// The rows as sparse and dense columns.
struct Design {
    sparse: Vec<Vec<(u32, f32)>>,
    dense: Vec<Vec<f32>>,
}

impl Design {
    fn of(rows: &[Row<'_>], scaling: &Scaling) -> Self {
        let sparse = |row: &Row<'_>| row.reading.grams.values().map(|(at, value)| (at as u32, value)).collect();
        let dense = |row: &Row<'_>| {
            let mut values = scaling.apply(&row.reading.features);
            values.push(BIAS);
            values
        };
        Self { sparse: rows.iter().map(sparse).collect(), dense: rows.iter().map(dense).collect() }
    }

    fn times(&self, vector: &Vector, row: usize) -> [f32; OUTPUTS] {
        let mut out = [0.0; OUTPUTS];
        self.columns(row, |column, value| add(&mut out, &vector[column], value));
        out
    }

    /// Calls back with each column of a row that is not zero.
    fn columns(&self, row: usize, mut each: impl FnMut(usize, f32)) {
        self.sparse[row].iter().for_each(|(column, value)| each(*column as usize, *value));
        self.dense[row].iter().enumerate().for_each(|(at, value)| each(BUCKETS + at, *value));
    }

    /// Adds the transposed rows, each times its value.
    fn transposed(&self, values: impl Fn(usize) -> [f32; OUTPUTS]) -> Vector {
        let mut out = vec![[0.0; OUTPUTS]; COLUMNS];
        for row in 0..self.sparse.len() {
            let value = values(row);
            self.columns(row, |column, weight| add(&mut out[column], &value, weight));
        }
        out
    }
}

/// Conjugate gradients on the normal equations; each output takes steps of its own.
fn solve(design: &Design, rows: &[Row<'_>], penalty: f32) -> Vector {
    let mut solution = vec![[0.0; OUTPUTS]; COLUMNS];
    let mut residual = design.transposed(|row| combine(&rows[row].wanted, &rows[row].weights, |y, w| y * w));
    let mut direction = residual.clone();
    let mut size = dot(&residual, &residual);
    for _ in 0..STEPS {
        let mut image =
            design.transposed(|row| combine(&design.times(&direction, row), &rows[row].weights, |y, w| y * w));
        for (sum, value) in image.iter_mut().zip(&direction) {
            add(sum, value, penalty);
        }
        let step = ratio(&size, &dot(&direction, &image));
        advance(&mut solution, &direction, &step, 1.0);
        advance(&mut residual, &image, &step, -1.0);
        let next = dot(&residual, &residual);
        let keep = ratio(&next, &size);
        for (value, rest) in direction.iter_mut().zip(&residual) {
            for output in 0..OUTPUTS {
                value[output] = rest[output] + keep[output] as f32 * value[output];
            }
        }
        size = next;
    }
    solution
}

fn add(sum: &mut [f32; OUTPUTS], value: &[f32; OUTPUTS], times: f32) {
    for (sum, value) in sum.iter_mut().zip(value) {
        *sum += value * times;
    }
}

fn combine(left: &[f32; OUTPUTS], right: &[f32; OUTPUTS], with: impl Fn(f32, f32) -> f32) -> [f32; OUTPUTS] {
    std::array::from_fn(|at| with(left[at], right[at]))
}

fn advance(vector: &mut Vector, along: &Vector, step: &[f64; OUTPUTS], sign: f64) {
    for (value, along) in vector.iter_mut().zip(along) {
        for output in 0..OUTPUTS {
            value[output] += (sign * step[output]) as f32 * along[output];
        }
    }
}

fn dot(left: &Vector, right: &Vector) -> [f64; OUTPUTS] {
    let mut sums = [0.0; OUTPUTS];
    for (left, right) in left.iter().zip(right) {
        for output in 0..OUTPUTS {
            sums[output] += f64::from(left[output]) * f64::from(right[output]);
        }
    }
    sums
}

/// 0 where there is nothing left to do.
fn ratio(over: &[f64; OUTPUTS], under: &[f64; OUTPUTS]) -> [f64; OUTPUTS] {
    std::array::from_fn(|at| if under[at] > 1e-20 { over[at] / under[at] } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use scorer::ScorerInput;
    use scorer::prompt::Prompt;

    use super::*;

    fn reading(text: &str) -> Reading {
        Reading::of(&Prompt::read(&ScorerInput { text: text.to_owned(), ..ScorerInput::default() }))
    }

    #[test]
    fn word_that_decides_is_found_and_generalises() {
        let texts: Vec<_> = (0..40)
            .map(|at| format!("{} the thing number {}", if at % 2 == 0 { "prove" } else { "name" }, "x".repeat(at % 7)))
            .collect();
        let readings: Vec<_> = texts.iter().map(|text| reading(text)).collect();
        let rows: Vec<_> = readings
            .iter()
            .enumerate()
            .map(|(at, reading)| {
                let mut weights = [0.0; OUTPUTS];
                (weights[0], weights[1]) = (1.0, if at < 20 { 1.0 } else { 0.0 });
                Row { reading, wanted: [if at % 2 == 0 { 1.0 } else { -1.0 }; OUTPUTS], weights }
            })
            .collect();
        let wide = fit(&rows, 0.1);
        let said = |text: &str| {
            let reading = reading(text);
            wide.say(&reading.grams, &reading.features)
        };
        let (hard, easy) = (said("prove the other thing"), said("name the other thing"));
        assert!(hard[0] > 0.5 && easy[0] < -0.5, "{hard:?} {easy:?}");
        assert!(hard[1] > 0.4 && easy[1] < -0.4, "fitted on the rows that have a weight: {hard:?} {easy:?}");
        assert!(hard[2].abs() < 1e-6, "an output without weights stays at nothing: {hard:?}");
    }

    #[test]
    fn penalty_shrinks() {
        let (a, b) = (reading("alpha beta"), reading("gamma delta"));
        let rows = [(&a, 1.0), (&b, -1.0)].map(|(reading, value)| Row {
            reading,
            wanted: [value; OUTPUTS],
            weights: [1.0; OUTPUTS],
        });
        let said = |penalty| fit(&rows, penalty).say(&a.grams, &a.features)[0];
        assert!(said(0.01) > 0.95 && said(10.0) < 0.5, "{} {}", said(0.01), said(10.0));
    }
}
