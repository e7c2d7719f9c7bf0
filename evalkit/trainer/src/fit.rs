//! The training loop: `AdamW`, warm-up and cosine decay, early stopping on dev.

use std::collections::BTreeMap;

use candle_core::Tensor;
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use scorer::network::Shape;

use crate::TrainError;
use crate::config::Config;
use crate::examples::{Encoded, Example};
use crate::loss;
use crate::model::{Dropping, Model, Start};

/// Share of the newest step in the running mean of the variables: about two passes deep.
const MEAN_SHARE: f64 = 0.015;

/// Prompts in a forward pass without gradients.
const PREDICT_BATCH: usize = 256;

/// One public dev prompt in so many is enough to stop by; all are reported on.
const STOP_BY_ONE_IN: usize = 5;

/// Data of one fit.
pub struct Data<'a> {
    /// Graded prompts to fit.
    pub everyday: Vec<&'a Example>,
    /// Graded prompts to stop by.
    pub everyday_dev: Vec<&'a Example>,
    /// Public prompts to fit.
    pub public: Vec<&'a Example>,
    /// Public prompts to stop by.
    pub public_dev: Vec<&'a Example>,
}

impl<'a> Data<'a> {
    /// Splits graded prompts by unit: one unit in `one_in` is for stopping.
    pub fn split(everyday: Vec<&'a Example>, public: Vec<&'a Example>, public_dev: &'a [Example], one_in: u64) -> Self {
        let (everyday_dev, everyday) = everyday.into_iter().partition(|it| is_dev(&it.unit, one_in));
        Self { everyday, everyday_dev, public, public_dev: public_dev.iter().step_by(STOP_BY_ONE_IN).collect() }
    }
}

/// Whether a unit is for stopping: by a hash of its name, so that it stays where it is when others come.
pub fn is_dev(unit: &str, one_in: u64) -> bool {
    unit_hash(unit).is_multiple_of(one_in)
}

/// A number from a unit's name.
pub fn unit_hash(unit: &str) -> u64 {
    let hash = blake3::hash(unit.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// What is known after a pass.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// Which pass, from 1.
    pub number: usize,
    /// Mean loss of its steps.
    pub train: f64,
    /// Squared error of complexity on graded dev prompts.
    pub complexity: f64,
    /// Squared error of difficulty on public dev prompts.
    pub difficulty: f64,
    /// Best so far.
    pub best: bool,
}

/// How far a fit is.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// A step has been made: which, and of how many if it does not stop early.
    Stepped(usize, usize),
    /// A pass has ended.
    Passed(Epoch),
}

/// What the network says of one prompt, before calibration.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Raw complexity.
    pub complexity: f64,
    /// Difficulty.
    pub difficulty: f64,
    /// Standard deviation of the raw complexity.
    pub spread: f64,
    /// Probabilities of tags.
    pub tags: Vec<f64>,
    /// Logarithm of the median answer length.
    pub log_output: f64,
}

/// Fits a network; returns it as it was after its best pass.
pub fn fit(
    config: &Config,
    shape: Shape,
    start: &Start,
    data: &Data<'_>,
    seed: u64,
    on_pace: &mut dyn FnMut(Pace),
) -> Result<Model, TrainError> {
    let model = Model::new(shape, config.rank, start, seed)?;
    let mut run = Run::new(config, &model, data, seed)?;
    let (mut best, mut kept, mut since) = (f64::INFINITY, model.snapshot()?, 0);
    for number in 1..=config.epochs {
        let train = run.epoch(on_pace)?;
        // The mean of the last steps is judged and kept: it is steadier than any one of them, and better.
        let here = model.snapshot()?;
        model.restore(&run.mean)?;
        let (complexity, difficulty) = run.dev()?;
        let judged = complexity + 0.2 * difficulty;
        let is_best = judged < best;
        on_pace(Pace::Passed(Epoch { number, train, complexity, difficulty, best: is_best }));
        if is_best {
            (best, kept, since) = (judged, run.mean.clone(), 0);
        } else {
            since += 1;
            if since >= config.patience {
                break;
            }
        }
        model.restore(&here)?;
    }
    model.restore(&kept)?;
    Ok(model)
}

struct Run<'a> {
    config: &'a Config,
    model: &'a Model,
    data: &'a Data<'a>,
    network: AdamW,
    table: AdamW,
    random: StdRng,
    step: usize,
    steps: usize,
    public_order: Vec<usize>,
    mean: Vec<Tensor>,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config, model: &'a Model, data: &'a Data<'a>, seed: u64) -> Result<Self, TrainError> {
        if data.everyday.is_empty() || data.everyday_dev.is_empty() || data.public.is_empty() {
            let reason = "leaves a part of the data empty; lower it or add prompts".to_owned();
            return Err(TrainError::Config { key: "dev_one_in", reason });
        }
        let params = |lr| ParamsAdamW { lr, weight_decay: config.weight_decay, ..ParamsAdamW::default() };
        let (table, network): (Vec<_>, Vec<_>) =
            model.named_vars().into_iter().partition(|(name, _)| name.starts_with("change"));
        let only = |vars: Vec<(String, _)>| vars.into_iter().map(|(_, var)| var).collect();
        Ok(Self {
            config,
            model,
            data,
            network: AdamW::new(only(network), params(config.learning_rate))?,
            table: AdamW::new(only(table), params(config.table_learning_rate))?,
            random: StdRng::seed_from_u64(seed.wrapping_add(1)),
            step: 0,
            steps: config.epochs * data.everyday.len().div_ceil(config.everyday_batch),
            public_order: Vec::new(),
            mean: model.snapshot()?,
        })
    }

    /// One pass over the graded prompts, with as many public batches beside them.
    fn epoch(&mut self, on_pace: &mut dyn FnMut(Pace)) -> Result<f64, TrainError> {
        let order = self.everyday_order();
        let (mut sum, mut count) = (0.0, 0.0);
        for chunk in order.chunks(self.config.everyday_batch) {
            let public = self.next_public();
            let rate = schedule(self.step, self.steps);
            self.network.set_learning_rate(self.config.learning_rate * rate);
            self.table.set_learning_rate(self.config.table_learning_rate * rate);
            let loss = (self.loss(chunk)? + self.loss(&public)?)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                return Err(TrainError::Diverged(value));
            }
            let gradients = loss.backward()?;
            self.network.step(&gradients)?;
            self.table.step(&gradients)?;
            self.step += 1;
            self.move_mean()?;
            on_pace(Pace::Stepped(self.step, self.steps));
            (sum, count) = (sum + value, count + 1.0);
        }
        Ok(sum / count)
    }

    /// Moves the mean of the last steps towards where the variables are; quicker at first, when they move far.
    fn move_mean(&mut self) -> candle_core::Result<()> {
        let share = (2.0 / (self.step as f64 + 1.0)).max(MEAN_SHARE);
        for ((_, var), mean) in self.model.named_vars().iter().zip(&mut self.mean) {
            *mean = ((&*mean * (1.0 - share))? + (var.as_tensor() * share)?)?.detach();
        }
        Ok(())
    }

    fn loss(&mut self, examples: &[&Example]) -> candle_core::Result<Tensor> {
        let encoded: Vec<&Encoded> =
            examples.iter().map(|it| &it.variants[self.random.random_range(0..it.variants.len())]).collect();
        let mut dropping =
            Dropping { random: &mut self.random, inputs: self.config.dropout, tokens: self.config.token_dropout };
        let heads = self.model.forward(&encoded, Some(&mut dropping))?;
        loss::joint(&heads, examples, &self.config.weights)
    }

    /// Graded prompts in random order, units together.
    fn everyday_order(&mut self) -> Vec<&'a Example> {
        let mut units = BTreeMap::<&str, Vec<&Example>>::new();
        for example in &self.data.everyday {
            units.entry(&example.unit).or_default().push(example);
        }
        let mut units: Vec<_> = units.into_values().collect();
        units.shuffle(&mut self.random);
        units.into_iter().flatten().collect()
    }

    /// The next public prompts of an endless shuffled round.
    fn next_public(&mut self) -> Vec<&'a Example> {
        let mut chosen = Vec::with_capacity(self.config.public_batch);
        while chosen.len() < self.config.public_batch {
            if self.public_order.is_empty() {
                self.public_order = (0..self.data.public.len()).collect();
                self.public_order.shuffle(&mut self.random);
            }
            chosen.extend(self.public_order.pop().map(|at| self.data.public[at]));
        }
        chosen
    }

    fn dev(&self) -> Result<(f64, f64), TrainError> {
        let complexity = predict(self.model, &self.data.everyday_dev)?;
        let difficulty = predict(self.model, &self.data.public_dev)?;
        let graded = self
            .data
            .everyday_dev
            .iter()
            .zip(complexity)
            .map(|(it, said)| (said.complexity - it.complexity.value).powi(2));
        let hard = self.data.public_dev.iter().zip(difficulty).filter(|(it, _)| it.difficulty.weight > 0.0);
        Ok((mean(graded), mean(hard.map(|(it, said)| (said.difficulty - it.difficulty.value).powi(2)))))
    }
}

/// Runs a network on the unaltered texts.
pub fn predict(model: &Model, examples: &[&Example]) -> Result<Vec<Prediction>, TrainError> {
    let mut found = Vec::with_capacity(examples.len());
    for chunk in examples.chunks(PREDICT_BATCH) {
        let encoded: Vec<_> = chunk.iter().map(|it| &it.variants[0]).collect();
        let heads = model.forward(&encoded, None)?;
        let (complexity, difficulty) = (heads.complexity.to_vec1::<f32>()?, heads.difficulty.to_vec1::<f32>()?);
        let (spread, output) = (heads.spread.to_vec1::<f32>()?, heads.output.to_vec2::<f32>()?);
        let tags = heads.tags.to_vec2::<f32>()?;
        for row in 0..chunk.len() {
            found.push(Prediction {
                complexity: f64::from(complexity[row]),
                difficulty: f64::from(difficulty[row]),
                spread: f64::from(spread[row]).clamp(-4.0, 2.0).exp(),
                tags: tags[row].iter().map(|logit| 1.0 / (1.0 + (-f64::from(*logit)).exp())).collect(),
                log_output: f64::from(output[row][0]),
            });
        }
    }
    Ok(found)
}

/// Rises over the first twentieth, then falls along a cosine to a fiftieth.
fn schedule(step: usize, steps: usize) -> f64 {
    let (step, steps) = (step as f64, (steps as f64).max(1.0));
    let warm = steps / 20.0;
    if step < warm {
        return (step + 1.0) / (warm + 1.0);
    }
    let done = ((step - warm) / (steps - warm)).min(1.0);
    0.02 + 0.49 * (1.0 + (std::f64::consts::PI * done).cos())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}
