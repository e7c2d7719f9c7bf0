//! The network's forward pass for one prompt, in plain loops, compiled for the widest vectors that the processor has.
//!
//! The same function as [`Network::forward`](crate::network::Network::forward), which defines and trains it: a test holds the
//! two together. candle is not used here because each of its matrix products asks the operating system for the number of
//! cores, which takes longer than the product; see decision 15.

#![allow(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for the processor at hand"
)]

use std::collections::HashMap;

use candle_core::{DType, Result, Tensor};

use pulp::{Arch, Simd};

use crate::inputs::{INPUTS, WIDE_AT};
use crate::network::{HEADS, Shape};
use crate::tokens::Tokens;

/// The trained part in memory, token table and wide part aside.
#[derive(Clone, Debug)]
pub struct Forward {
    arch: Arch,
    width: usize,
    /// Attention queries over all tokens, over those that ask, over the last thing said; each `width` long.
    queries: [Vec<f32>; 3],
    norm: (Vec<f32>, Vec<f32>),
    trunk: Layer,
    second: Layer,
    heads: Layer,
    direct: Layer,
}

/// A linear layer: one row of weights an output.
#[derive(Clone, Debug)]
struct Layer {
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Forward {
    /// Takes the weights by their names and checks their sizes.
    pub fn new(shape: &Shape, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let joined = (shape.queries + shape.ask_queries + shape.last_queries) * shape.width;
        let all = joined + shape.inputs;
        let queries = |name: &str, count| flat(tensors, name, &[shape.width, count], true);
        let layer = |name: &str, inputs, outputs| -> Result<Layer> {
            let weights = flat(tensors, &format!("{name}.weight"), &[outputs, inputs], false)?;
            Ok(Layer { inputs, weights, bias: flat(tensors, &format!("{name}.bias"), &[outputs], false)? })
        };
        Ok(Self {
            arch: Arch::new(),
            width: shape.width,
            queries: [
                queries("queries", shape.queries)?,
                queries("ask_queries", shape.ask_queries)?,
                queries("last_queries", shape.last_queries)?,
            ],
            norm: (flat(tensors, "norm.weight", &[joined], false)?, flat(tensors, "norm.bias", &[joined], false)?),
            trunk: layer("trunk", all, shape.hidden)?,
            second: layer("second", shape.hidden, shape.hidden / 2)?,
            heads: layer("heads", shape.hidden / 2, HEADS)?,
            direct: layer("direct", all, HEADS)?,
        })
    }

    /// What the heads say of a prompt: `rows` holds its token vectors one after the other, `dense` its dense inputs.
    pub fn run(&self, rows: &[f32], tokens: &Tokens, dense: &[f32]) -> [f32; HEADS] {
        self.arch.dispatch(Pass { forward: self, rows, tokens, dense })
    }

    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, rows: &[f32], tokens: &Tokens, dense: &[f32]) -> [f32; HEADS] {
        let [all, ask, last] = &self.queries;
        let mut joined = Vec::with_capacity(self.trunk.inputs);
        self.pool(simd, rows, |_| true, all, &mut joined);
        self.pool(simd, rows, within(&tokens.ask), ask, &mut joined);
        self.pool(simd, rows, within(&tokens.last), last, &mut joined);
        self.normalise(&mut joined);
        joined.extend_from_slice(dense);
        let mut trunk = self.trunk.run(simd, &joined);
        trunk.iter_mut().for_each(gelu);
        let mut second = self.second.run(simd, &trunk);
        second.iter_mut().for_each(gelu);
        let mut said = [0.0; HEADS];
        for ((said, head), direct) in
            said.iter_mut().zip(self.heads.run(simd, &second)).zip(self.direct.run(simd, &joined))
        {
            *said = head + direct;
        }
        if dense.len() == INPUTS {
            said[0] = f32::midpoint(said[0], dense[WIDE_AT + 1]);
        }
        said
    }

    /// Attention pooling over some tokens: appends each query's weighted mean.
    #[inline(always)]
    fn pool<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        chosen: impl Fn(usize) -> bool,
        queries: &[f32],
        joined: &mut Vec<f32>,
    ) {
        let rows: Vec<&[f32]> =
            rows.chunks_exact(self.width).enumerate().filter(|(at, _)| chosen(*at)).map(|(_, row)| row).collect();
        for query in queries.chunks_exact(self.width) {
            let mut weights = Vec::with_capacity(rows.len());
            for row in &rows {
                weights.push(dot(simd, row, query));
            }
            let most = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for weight in &mut weights {
                *weight = (*weight - most).exp();
            }
            let total: f32 = weights.iter().sum();
            let start = joined.len();
            joined.resize(start + self.width, 0.0);
            for (row, weight) in rows.iter().zip(weights) {
                let weight = weight / total;
                for (sum, value) in joined[start..].iter_mut().zip(*row) {
                    *sum += weight * value;
                }
            }
        }
    }

    /// Layer norm.
    #[inline(always)]
    fn normalise(&self, values: &mut [f32]) {
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / count;
        let scale = (variance + 1e-5).sqrt().recip();
        for ((value, weight), bias) in values.iter_mut().zip(&self.norm.0).zip(&self.norm.1) {
            *value = (*value - mean) * scale * weight + bias;
        }
    }
}

/// One pass; what is inlined into it is compiled for each kind of processor.
struct Pass<'a> {
    forward: &'a Forward,
    rows: &'a [f32],
    tokens: &'a Tokens,
    dense: &'a [f32],
}

impl pulp::WithSimd for Pass<'_> {
    type Output = [f32; HEADS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; HEADS] {
        self.forward.pass(simd, self.rows, self.tokens, self.dense)
    }
}

impl Layer {
    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, inputs: &[f32]) -> Vec<f32> {
        let mut outputs = Vec::with_capacity(self.bias.len());
        for (row, bias) in self.weights.chunks_exact(self.inputs).zip(&self.bias) {
            outputs.push(dot(simd, row, inputs) + bias);
        }
        outputs
    }
}

/// Which tokens belong to a part; if none does, all do.
fn within(flags: &[bool]) -> impl Fn(usize) -> bool + '_ {
    let none = !flags.contains(&true);
    move |at| none || flags[at]
}

/// The sum of products, in four vectors side by side: one alone would wait for its own last sum.
#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = S::as_simd_f32s(left);
    let (right, right_rest) = S::as_simd_f32s(right);
    let (left, left_tail) = left.as_chunks::<4>();
    let (right, right_tail) = right.as_chunks::<4>();
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (left, right) in left.iter().zip(right) {
        for at in 0..4 {
            sums[at] = simd.mul_add_e_f32s(left[at], right[at], sums[at]);
        }
    }
    for (left, right) in left_tail.iter().zip(right_tail) {
        sums[0] = simd.mul_add_e_f32s(*left, *right, sums[0]);
    }
    let [a, b, c, d] = sums;
    let sum = simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
    left_rest.iter().zip(right_rest).fold(sum, |sum, (left, right)| sum + left * right)
}

/// GELU by its tanh form, as candle's `gelu`.
fn gelu(value: &mut f32) {
    let inner = (2.0 / std::f32::consts::PI).sqrt() * *value * (1.0 + 0.044_715 * *value * *value);
    *value *= 0.5 * (1.0 + inner.tanh());
}

/// A tensor's values, after its size was checked; transposed if asked.
fn flat(tensors: &HashMap<String, Tensor>, name: &str, dims: &[usize], transposed: bool) -> Result<Vec<f32>> {
    let fail = |reason: String| Err(candle_core::Error::Msg(reason));
    let Some(tensor) = tensors.get(name) else { return fail(format!("there is no tensor `{name}`")) };
    if tensor.dims() != dims {
        return fail(format!("`{name}` is {:?}, expected {dims:?}", tensor.dims()));
    }
    let tensor = tensor.to_dtype(DType::F32)?;
    let tensor = if transposed { tensor.t()?.contiguous()? } else { tensor };
    tensor.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use candle_core::Device;
    use candle_nn::{VarBuilder, VarMap};

    use super::*;
    use crate::learned::MASKED;
    use crate::network::{Batch, Network};

    const WIDTH: usize = 24;
    const SHAPE: Shape = Shape {
        vocabulary: 1,
        width: WIDTH,
        queries: 3,
        ask_queries: 2,
        last_queries: 1,
        inputs: INPUTS,
        hidden: 20,
        max_tokens: 8,
    };

    /// The network as candle runs it, and as it is run here, on the same weights.
    fn both(rows: &[f32], tokens: &Tokens, dense: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let device = &Device::Cpu;
        let vars = VarMap::new();
        let network = Network::new(&SHAPE, &VarBuilder::from_varmap(&vars, DType::F32, device)).unwrap();
        let tensors: HashMap<_, _> =
            vars.data().lock().unwrap().iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
        let length = tokens.ids.len();
        let mask = |flags: &[bool]| {
            let mask: Vec<f32> = flags.iter().map(|is| if *is { 0.0 } else { MASKED }).collect();
            Tensor::from_vec(mask, (1, length, 1), device).unwrap()
        };
        let batch = Batch {
            tokens: Tensor::from_slice(rows, (1, length, WIDTH), device).unwrap(),
            mask: mask(&vec![true; length]),
            ask_mask: mask(&tokens.ask),
            last_mask: mask(&tokens.last),
            inputs: Tensor::from_slice(dense, (1, dense.len()), device).unwrap(),
        };
        let heads = network.forward(&batch, &|tensor| Ok(tensor.clone())).unwrap();
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let parts = [&heads.difficulty, &heads.complexity, &heads.spread, &heads.output, &heads.tags];
        let defined = parts.into_iter().flat_map(values).collect();
        (defined, Forward::new(&SHAPE, &tensors).unwrap().run(rows, tokens, dense).to_vec())
    }

    #[test]
    fn plain_loops_say_what_the_network_says() {
        let wave = |count: usize, step: f32| (0..count).map(|at| (at as f32 * step).sin()).collect::<Vec<_>>();
        for (ask, last) in
            [([true, false, true, true, false], [false, false, false, true, true]), ([true; 5], [false; 5])]
        {
            let tokens = Tokens { ids: vec![0; 5], ask: ask.to_vec(), last: last.to_vec(), truncated: false };
            let (defined, run) = both(&wave(5 * WIDTH, 0.37), &tokens, &wave(INPUTS, 0.71));
            for (defined, run) in defined.iter().zip(&run) {
                assert!((defined - run).abs() < 2e-3 * (1.0 + defined.abs()), "{defined} {run}");
            }
            let exact = defined.iter().zip(&run).filter(|(defined, run)| (*defined - *run).abs() < 1e-4).count();
            assert!(exact == HEADS || last == [false; 5], "{defined:?} {run:?}");
        }
    }

    #[test]
    fn weights_of_another_size_are_refused_by_name() {
        let error = Forward::new(&SHAPE, &HashMap::new()).unwrap_err().to_string();
        assert!(error.contains("`queries`"), "{error}");
    }
}
