//! A network of one hidden layer over the counted features.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use domain::ScorerInput;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use scorer::prompt::{FEATURES, Prompt};

use super::{Said, Taught};

const HIDDEN: usize = 32;
const PASSES: usize = 25;
const BATCH: usize = 128;
/// Few rows take more passes, so that there are at least so many steps.
const LEAST_STEPS: usize = 500;

/// The fitted network.
pub(super) struct Network {
    mean: Vec<f32>,
    deviation: Vec<f32>,
    first: (Var, Var),
    second: (Var, Var),
}

impl Network {
    pub(super) fn fit(rows: &[Taught], seed: u64) -> Result<Self> {
        let features: Vec<Vec<f32>> = rows.iter().map(|row| Prompt::read(&row.input).features).collect();
        let mut random = StdRng::seed_from_u64(seed);
        let mut network = Self::new(&mut random)?;
        network.scale(&features);
        let features: Vec<Vec<f32>> = features.iter().map(|it| network.standard(it)).collect();
        let variables = [&network.first, &network.second].into_iter().flat_map(|(w, b)| [w.clone(), b.clone()]);
        let settings = ParamsAdamW { lr: 3e-3, weight_decay: 1e-3, ..ParamsAdamW::default() };
        let mut optimiser = AdamW::new(variables.collect(), settings)?;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let passes = PASSES.max(LEAST_STEPS / rows.len().div_ceil(BATCH).max(1));
        for _ in 0..passes {
            order.shuffle(&mut random);
            for batch in order.chunks(BATCH) {
                optimiser.backward_step(&network.loss(batch, &features, rows)?)?;
            }
        }
        Ok(network)
    }

    pub(super) fn say(&self, input: &ScorerInput) -> Result<Said> {
        let features = self.standard(&Prompt::read(input).features);
        let said = self.forward(&Tensor::from_vec(features, (1, FEATURES), &Device::Cpu)?)?.flatten_all()?;
        let said = said.to_vec1::<f32>()?;
        Ok(Said { complexity: f64::from(said[0]), difficulty: f64::from(said[1]) })
    }

    fn new(random: &mut StdRng) -> Result<Self> {
        let mut layer = |inputs: usize, outputs: usize| -> Result<(Var, Var)> {
            // Uniform with the variance that keeps signals at their size.
            let reach = (3.0 / inputs as f64).sqrt();
            let values: Vec<f32> =
                (0..inputs * outputs).map(|_| ((random.random::<f64>() * 2.0 - 1.0) * reach) as f32).collect();
            let weights = Var::from_tensor(&Tensor::from_vec(values, (inputs, outputs), &Device::Cpu)?)?;
            Ok((weights, Var::zeros(outputs, DType::F32, &Device::Cpu)?))
        };
        let (first, second) = (layer(FEATURES, HIDDEN)?, layer(HIDDEN, 2)?);
        Ok(Self { mean: vec![0.0; FEATURES], deviation: vec![1.0; FEATURES], first, second })
    }

    fn scale(&mut self, features: &[Vec<f32>]) {
        let count = features.len().max(1) as f32;
        for at in 0..FEATURES {
            let mean = features.iter().map(|it| it[at]).sum::<f32>() / count;
            let variance = features.iter().map(|it| (it[at] - mean).powi(2)).sum::<f32>() / count;
            (self.mean[at], self.deviation[at]) = (mean, variance.sqrt() + 1e-3);
        }
    }

    fn standard(&self, features: &[f32]) -> Vec<f32> {
        let scaled = features.iter().zip(&self.mean).zip(&self.deviation);
        scaled.map(|((value, mean), deviation)| ((value - mean) / deviation).clamp(-4.0, 4.0)).collect()
    }

    fn forward(&self, features: &Tensor) -> Result<Tensor> {
        let hidden = features.matmul(self.first.0.as_tensor())?.broadcast_add(self.first.1.as_tensor())?.tanh()?;
        hidden.matmul(self.second.0.as_tensor())?.broadcast_add(self.second.1.as_tensor())
    }

    /// Mean squared error over the targets that are known.
    fn loss(&self, batch: &[usize], features: &[Vec<f32>], rows: &[Taught]) -> Result<Tensor> {
        let inputs: Vec<f32> = batch.iter().flat_map(|at| features[*at].iter().copied()).collect();
        let targets = || batch.iter().flat_map(|at| [rows[*at].complexity, rows[*at].difficulty]);
        let wanted: Vec<f32> = targets().map(|it| it.unwrap_or_default() as f32).collect();
        let known: Vec<f32> = targets().map(|it| f32::from(it.is_some())).collect();
        let tensor = |values, width| Tensor::from_vec(values, (batch.len(), width), &Device::Cpu);
        let error = (self.forward(&tensor(inputs, FEATURES)?)? - tensor(wanted, 2)?)?;
        (error.sqr()? * tensor(known, 2)?)?.sum_all()? / batch.len() as f64
    }
}
