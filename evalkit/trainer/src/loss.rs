//! What is minimised: one sum over all targets, each with its weight.

use candle_core::{Device, Result, Tensor};
use scorer::network::{Heads, TAGS};

use crate::config::Weights;
use crate::examples::{Example, Target};

/// Pairs whose complexities differ by less, on the network's scale, are not compared: half a grade step is noise.
const PAIR_MARGIN: f64 = 0.6;

/// The loss of a batch.
pub fn joint(heads: &Heads, examples: &[&Example], weights: &Weights) -> Result<Tensor> {
    let complexity = Column::of(examples, |it| it.complexity)?;
    let difficulty = Column::of(examples, |it| it.difficulty)?;
    let output = Column::of(examples, |it| it.output)?;
    let tags_weight = Column::of(examples, |it| Target { value: 0.0, weight: it.tags_weight })?;
    let parts = [
        complexity.mean(&(&heads.complexity - &complexity.value)?.sqr()?)?,
        (complexity.mean(&spread(heads, &complexity.value)?)? * 0.1)?,
        (pairs(&heads.complexity, examples)? * weights.pairs)?,
        (difficulty.mean(&(&heads.difficulty - &difficulty.value)?.sqr()?)? * weights.difficulty)?,
        (tags_weight.mean(&tags(&heads.tags, examples)?)? * weights.tags)?,
        (output.mean(&lengths(&heads.output, &output.value)?)? * weights.output)?,
    ];
    parts.iter().skip(1).try_fold(parts[0].clone(), |sum, part| sum + part)
}

/// A target as a column, with its weights.
struct Column {
    value: Tensor,
    weight: Tensor,
    total: f64,
}

impl Column {
    fn of(examples: &[&Example], target: impl Fn(&Example) -> Target) -> Result<Self> {
        let targets: Vec<_> = examples.iter().map(|it| target(it)).collect();
        let column = |pick: fn(&Target) -> f64| {
            Tensor::from_vec(targets.iter().map(|it| pick(it) as f32).collect::<Vec<_>>(), targets.len(), &Device::Cpu)
        };
        Ok(Self {
            value: column(|it| it.value)?,
            weight: column(|it| it.weight)?,
            total: targets.iter().map(|it| it.weight).sum(),
        })
    }

    /// Mean over the batch's size, so that rows of little weight count little.
    fn mean(&self, losses: &Tensor) -> Result<Tensor> {
        let count = if self.total > 0.0 { losses.elem_count() as f64 } else { 1.0 };
        (losses * &self.weight)?.sum_all()? / count
    }
}

/// Negative log-likelihood of the residual under the predicted spread; the mean is not moved by it.
fn spread(heads: &Heads, value: &Tensor) -> Result<Tensor> {
    let residual = (&heads.complexity.detach() - value)?.sqr()?;
    let log = heads.spread.clamp(-4.0, 2.0)?;
    (residual * (&log * -2.0)?.exp()?)? * 0.5 + log
}

/// Logistic loss on the order of pairs within a group.
fn pairs(complexity: &Tensor, examples: &[&Example]) -> Result<Tensor> {
    let count = examples.len();
    let (mut wanted, mut total) = (vec![0.0_f32; count * count], 0.0);
    for (i, above) in examples.iter().enumerate() {
        for (j, below) in examples.iter().enumerate() {
            let gap = above.complexity.value - below.complexity.value;
            if above.group == below.group && gap >= PAIR_MARGIN {
                let weight = above.complexity.weight.min(below.complexity.weight);
                wanted[i * count + j] = weight as f32;
                total += weight;
            }
        }
    }
    let gaps = complexity.unsqueeze(1)?.broadcast_sub(&complexity.unsqueeze(0)?)?;
    let losses = softplus(&(gaps * -2.0)?)?;
    (losses * Tensor::from_vec(wanted, (count, count), &Device::Cpu)?)?.sum_all()? / total.max(1.0)
}

/// Cross entropy, mean over tags.
fn tags(logits: &Tensor, examples: &[&Example]) -> Result<Tensor> {
    let truth: Vec<f32> = examples.iter().flat_map(|it| it.tags).collect();
    let truth = Tensor::from_vec(truth, (examples.len(), TAGS), &Device::Cpu)?;
    (softplus(logits)? - (logits * truth)?)?.mean(1)
}

/// Quantile losses of the median and the 90th percentile of log length.
fn lengths(output: &Tensor, value: &Tensor) -> Result<Tensor> {
    let median = output.get_on_dim(1, 0)?;
    let high = (&median + softplus(&output.get_on_dim(1, 1)?)?)?;
    quantile(&(value - median)?, 0.5)? + quantile(&(value - high)?, 0.9)?
}

fn quantile(residual: &Tensor, q: f64) -> Result<Tensor> {
    (residual.relu()? * q)? + (residual.neg()?.relu()? * (1.0 - q))?
}

fn softplus(value: &Tensor) -> Result<Tensor> {
    value.relu()? + (value.abs()?.neg()?.exp()? + 1.0)?.log()?
}
