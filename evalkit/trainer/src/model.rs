//! The network with its variables, seeded, and batches for it.
//!
//! The token table stays as it is; a learned change of low rank is added to it and folded in at export. So a few hundred
//! prompts can teach words a new meaning without pulling languages apart.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use scorer::inputs::{INPUTS, WIDE_AT};
use scorer::learned::MASKED;
use scorer::network::{Batch, Heads, Network, Shape, TAGS};
use scorer::table::Table;
use scorer::wide::Wide;

use crate::examples::Encoded;

/// Tokens, padding among them, that run together: tensors small enough for candle to keep to one thread. Its helper threads
/// wait by spinning, which costs more than they save.
const SUB_BATCH_TOKENS: usize = 500;

/// A network in training.
pub struct Model {
    /// Sizes.
    pub shape: Shape,
    /// Variables of the network.
    pub vars: VarMap,
    /// The learned change of the table: `(vocabulary, rank)` and `(rank, width)`.
    pub change: (Var, Var),
    table: Tensor,
    network: Network,
}

/// What a network starts from, made without labels.
#[derive(Clone, Debug)]
pub struct Start {
    /// Token vectors, `(vocabulary, width)`.
    pub table: Tensor,
    /// Attention queries that go with them, `(width, any number)`.
    pub queries: Option<Tensor>,
}

impl Start {
    /// The drawn queries, as many of them as there are replaced by those that go with the table.
    fn first_queries(&self, drawn: &Tensor) -> Result<Tensor> {
        let Some(queries) = &self.queries else { return Ok(drawn.clone()) };
        let (known, wanted) = (queries.dim(1)?, drawn.dim(1)?);
        let known = known.min(wanted);
        Tensor::cat(&[queries.narrow(1, 0, known)?, drawn.narrow(1, known, wanted - known)?], 1)?.contiguous()
    }
}

impl Model {
    /// Makes a network with seeded variables over a given table.
    pub fn new(shape: Shape, rank: usize, start: &Start, seed: u64) -> Result<Self> {
        let vars = VarMap::new();
        let device = &Device::Cpu;
        let mut random = StdRng::seed_from_u64(seed);
        // The first build creates the variables with candle's own randomness, which has no seed on the CPU.
        Network::new(&shape, &VarBuilder::from_varmap(&vars, DType::F32, device))?;
        let mut named = sorted(&vars);
        for (name, var) in &mut named {
            let drawn = initial(name, var.dims(), &mut random)?;
            var.set(&if name.ends_with("queries") { start.first_queries(&drawn)? } else { drawn })?;
        }
        let network = Network::new(&shape, &VarBuilder::from_varmap(&vars, DType::F32, device))?;
        let left = Var::from_tensor(&Tensor::zeros((shape.vocabulary, rank), DType::F32, device)?)?;
        let right = Var::from_tensor(&normal(&[rank, shape.width], 1.0 / (shape.width as f64).sqrt(), &mut random)?)?;
        Ok(Self { shape, vars, change: (left, right), table: start.table.clone(), network })
    }

    /// Variables with their names, in the order of names, the change of the table last.
    pub fn named_vars(&self) -> Vec<(String, Var)> {
        let mut named = sorted(&self.vars);
        named.push(("change.left".to_owned(), self.change.0.clone()));
        named.push(("change.right".to_owned(), self.change.1.clone()));
        named
    }

    /// Runs the network on prompts. With randomness, inputs and tokens are dropped.
    pub fn forward(&self, prompts: &[&Encoded], dropping: Option<&mut Dropping<'_>>) -> Result<Heads> {
        // Prompts of like length run together: padding would be most of the work otherwise.
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by_key(|at| prompts[*at].tokens.ids.len());
        let mut dropping = dropping;
        let mut parts = Vec::new();
        let mut rest = order.as_slice();
        while let Some(longest) = rest.last() {
            let count = (SUB_BATCH_TOKENS / prompts[*longest].tokens.ids.len().max(1)).clamp(1, rest.len());
            let (shorter, chunk) = rest.split_at(rest.len() - count);
            rest = shorter;
            let chunk: Vec<_> = chunk.iter().map(|at| prompts[*at]).collect();
            parts.push(self.forward_padded(&chunk, dropping.as_deref_mut())?);
        }
        // The longest went first.
        parts.reverse();
        let mut places = vec![0_u32; order.len()];
        for (place, at) in (0..).zip(order) {
            places[at] = place;
        }
        let places = Tensor::from_vec(places, prompts.len(), &Device::Cpu)?;
        let join = |pick: fn(&Heads) -> &Tensor| {
            Tensor::cat(&parts.iter().map(pick).collect::<Vec<_>>(), 0)?.contiguous()?.index_select(&places, 0)
        };
        Ok(Heads {
            difficulty: join(|it| &it.difficulty)?,
            complexity: join(|it| &it.complexity)?,
            spread: join(|it| &it.spread)?,
            tags: join(|it| &it.tags)?,
            output: join(|it| &it.output)?,
        })
    }

    fn forward_padded(&self, prompts: &[&Encoded], dropping: Option<&mut Dropping<'_>>) -> Result<Heads> {
        let Some(dropping) = dropping else {
            return self.network.forward(&self.batch(prompts, |id| id)?, &|tensor| Ok(tensor.clone()));
        };
        let Dropping { random, inputs, tokens } = dropping;
        let batch = self.batch(prompts, |id| if random.random_bool(*tokens) { 0 } else { id })?;
        let random = std::cell::RefCell::new(random);
        self.network.forward(&batch, &|tensor| drop_some(tensor, *inputs, &mut random.borrow_mut()))
    }

    fn batch(&self, prompts: &[&Encoded], mut change: impl FnMut(u32) -> u32) -> Result<Batch> {
        let device = &Device::Cpu;
        let length = prompts.iter().map(|it| it.tokens.ids.len()).max().unwrap_or(1);
        let (mut ids, mut mask, mut ask, mut last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut inputs = Vec::new();
        for prompt in prompts {
            let padding = length - prompt.tokens.ids.len();
            ids.extend(prompt.tokens.ids.iter().map(|id| change(*id)).chain(std::iter::repeat_n(0, padding)));
            mask.extend(prompt.tokens.ids.iter().map(|_| 0.0).chain(std::iter::repeat_n(MASKED, padding)));
            let asks = prompt.tokens.ask.iter().map(|is_ask| if *is_ask { 0.0 } else { MASKED });
            // Padding stays below every token even where no token asks.
            ask.extend(asks.chain(std::iter::repeat_n(2.0 * MASKED, padding)));
            let lasts = prompt.tokens.last.iter().map(|is_last| if *is_last { 0.0 } else { MASKED });
            last.extend(lasts.chain(std::iter::repeat_n(2.0 * MASKED, padding)));
            inputs.extend_from_slice(&prompt.inputs);
        }
        let count = prompts.len();
        let ids = Tensor::from_vec(ids, count * length, device)?;
        let (left, right) = (&self.change.0, &self.change.1);
        let rows = (self.table.index_select(&ids, 0)? + left.index_select(&ids, 0)?.matmul(right)?)?;
        Ok(Batch {
            tokens: rows.reshape((count, length, self.shape.width))?,
            mask: Tensor::from_vec(mask, (count, length, 1), device)?,
            ask_mask: Tensor::from_vec(ask, (count, length, 1), device)?,
            last_mask: Tensor::from_vec(last, (count, length, 1), device)?,
            inputs: Tensor::from_vec(inputs, (count, self.shape.inputs), device)?,
        })
    }

    /// The weights as the scorer reads them: the change folded into the table, in half precision, and the wide part.
    pub fn weights(&self, wide: &Wide) -> Result<HashMap<String, Tensor>> {
        let mut tensors: HashMap<_, _> =
            sorted(&self.vars).into_iter().map(|(name, var)| (name, var.as_tensor().clone())).collect();
        let table = (&self.table + self.change.0.matmul(&self.change.1)?)?;
        tensors.extend(Table::tensors(&table)?.map(|(name, tensor)| (name.to_owned(), tensor)));
        tensors.extend(wide.tensors()?.map(|(name, tensor)| (name.to_owned(), tensor)));
        Ok(tensors)
    }

    /// Copies of all variables.
    pub fn snapshot(&self) -> Result<Vec<Tensor>> {
        self.named_vars().iter().map(|(_, var)| var.as_tensor().copy()).collect()
    }

    /// Puts copies back.
    pub fn restore(&self, snapshot: &[Tensor]) -> Result<()> {
        self.named_vars().iter().zip(snapshot).try_for_each(|((_, var), value)| var.set(value))
    }
}

/// What is dropped while training.
pub struct Dropping<'a> {
    /// Where chance comes from.
    pub random: &'a mut StdRng,
    /// Share of inputs.
    pub inputs: f32,
    /// Share of tokens.
    pub tokens: f64,
}

fn drop_some(tensor: &Tensor, share: f32, random: &mut StdRng) -> Result<Tensor> {
    if share <= 0.0 {
        return Ok(tensor.clone());
    }
    let kept = 1.0 / (1.0 - share);
    let mask: Vec<f32> =
        (0..tensor.elem_count()).map(|_| if random.random::<f32>() < share { 0.0 } else { kept }).collect();
    tensor.mul(&Tensor::from_vec(mask, tensor.shape(), tensor.device())?)
}

fn sorted(vars: &VarMap) -> Vec<(String, Var)> {
    let mut named: Vec<_> = match vars.data().lock() {
        Ok(data) => data.iter().map(|(name, var)| (name.clone(), var.clone())).collect(),
        // Nobody panics while holding this lock; if somebody did, there are no variables to be had.
        Err(_) => Vec::new(),
    };
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named
}

fn initial(name: &str, dims: &[usize], random: &mut StdRng) -> Result<Tensor> {
    let device = &Device::Cpu;
    match (name, dims) {
        ("norm.weight", _) => Tensor::ones(dims, DType::F32, device),
        ("direct.weight", [heads, inputs]) => Tensor::from_vec(straight(*heads, *inputs), dims, device),
        ("direct.bias", [heads]) => Tensor::from_vec(straight_bias(*heads), dims, device),
        (_, [] | [_]) => Tensor::zeros(dims, DType::F32, device),
        ("queries" | "ask_queries" | "last_queries", _) => normal(dims, 0.5, random),
        (_, [_, inputs, ..]) => normal(dims, 1.0 / (*inputs as f64).sqrt(), random),
    }
}

/// Heads that the wide part speaks of: which head, which of its outputs, what a unit of it is worth, and where it starts.
fn straight_ways() -> impl Iterator<Item = (usize, usize, f32, f32)> {
    let tags = (0..TAGS).map(|tag| (5 + tag, 3 + tag, 5.0, -2.5));
    [(0, 1, 1.0, 0.0), (1, 0, 1.0, 0.0), (3, 2, 2.0, 4.5)].into_iter().chain(tags)
}

/// The straight way starts by passing on what the wide part says of each head, and nothing else: small weights on a
/// thousand inputs would be loud.
fn straight(heads: usize, inputs: usize) -> Vec<f32> {
    let mut weights = vec![0.0; heads * inputs];
    // The dense inputs are the last ones; a network without them has no such way.
    if let Some(wide) = (inputs + WIDE_AT).checked_sub(INPUTS) {
        straight_ways().for_each(|(head, output, worth, _)| weights[head * inputs + wide + output] = worth);
    }
    weights
}

fn straight_bias(heads: usize) -> Vec<f32> {
    let mut biases = vec![0.0; heads];
    straight_ways().for_each(|(head, _, _, start)| biases[head] = start);
    biases
}

fn normal(dims: &[usize], deviation: f64, random: &mut StdRng) -> Result<Tensor> {
    let draw = |random: &mut StdRng| {
        // Box and Muller; the logarithm's argument is never 0.
        let (a, b): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
        ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos() * deviation) as f32
    };
    let values: Vec<f32> = (0..dims.iter().product()).map(|_| draw(random)).collect();
    Tensor::from_vec(values, dims, &Device::Cpu)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use domain::Features;
    use scorer::inputs::Reading;
    use scorer::tokens::Tokens;
    use scorer::wide::Grams;

    use super::*;
    use crate::config::Weights;
    use crate::examples::{Example, Target};
    use crate::loss;

    const SHAPE: Shape = Shape {
        vocabulary: 12,
        width: 8,
        queries: 2,
        ask_queries: 1,
        last_queries: 1,
        inputs: 3,
        hidden: 8,
        max_tokens: 16,
    };

    fn model(seed: u64) -> Model {
        let table = normal(&[SHAPE.vocabulary, SHAPE.width], 1.0, &mut StdRng::seed_from_u64(3)).unwrap();
        Model::new(SHAPE, 2, &Start { table, queries: None }, seed).unwrap()
    }

    fn encoded(ids: &[u32]) -> Encoded {
        let ask = ids.iter().map(|id| id % 2 == 0).collect();
        let last = ids.iter().map(|id| id % 3 != 1).collect();
        let tokens = Tokens { ids: ids.to_vec(), ask, last, truncated: false };
        let reading = Reading { grams: Grams::default(), features: Vec::new() };
        Encoded { tokens, reading, context: None, features: Features::default(), inputs: vec![0.5, -0.5, 1.0] }
    }

    fn example(ids: &[u32], grade: f64) -> Example {
        let target = Target { value: grade, weight: 1.0 };
        let (tags, variants) = ([1.0; TAGS], vec![encoded(ids)]);
        let name = String::new;
        Example {
            id: name(),
            unit: name(),
            author: name(),
            variants,
            group: 0,
            complexity: target,
            difficulty: target,
            tags,
            tags_weight: 1.0,
            output: target,
        }
    }

    #[test]
    fn every_variable_receives_a_gradient() {
        let model = model(1);
        // The left factor starts at zero, which alone keeps gradients from the right one.
        model.change.0.set(&normal(&[SHAPE.vocabulary, 2], 0.1, &mut StdRng::seed_from_u64(4)).unwrap()).unwrap();
        let examples = [example(&[1, 2, 3], 1.0), example(&[4, 5, 6, 7, 8], -1.0)];
        let examples: Vec<_> = examples.iter().collect();
        let encoded: Vec<_> = examples.iter().map(|it| &it.variants[0]).collect();
        let weights = Weights {
            generated: 1.0,
            public_graded: 1.0,
            pairs: 1.0,
            difficulty: 1.0,
            tags: 1.0,
            output: 1.0,
            anchored: 1.0,
            public_tags: 1.0,
            graded_difficulty: 1.0,
        };
        let heads = model.forward(&encoded, None).unwrap();
        let gradients = loss::joint(&heads, &examples, &weights).unwrap().backward().unwrap();
        for (name, var) in model.named_vars() {
            let gradient = gradients.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
            let size = gradient.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 1e-7, "{name}: {size}");
        }
    }

    #[test]
    fn padding_changes_nothing() {
        let (short, long) = (encoded(&[1, 2, 3]), encoded(&[4, 5, 6, 7, 8, 9, 10]));
        let model = model(1);
        let alone = model.forward(&[&short], None).unwrap().complexity.to_vec1::<f32>().unwrap()[0];
        let beside = model.forward(&[&short, &long], None).unwrap().complexity.to_vec1::<f32>().unwrap()[0];
        assert!((alone - beside).abs() < 1e-6, "{alone} {beside}");
    }

    #[test]
    fn same_seed_gives_the_same_network() {
        let said = |seed| model(seed).forward(&[&encoded(&[1, 2])], None).unwrap().complexity.to_vec1::<f32>().unwrap();
        assert_eq!(said(5), said(5));
        assert_ne!(said(5), said(6));
    }
}
