//! The network: token vectors pooled by learned attention, joined with dense inputs, one trunk, several heads.
//!
//! The same forward pass serves training and scoring, so that there is one definition of the model. Softmax, layer norm
//! and GELU are composed from differentiable operations: candle's fused ones cut gradients without a word.

use candle_core::{D, Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder, linear};
use domain::CapabilityTag;
use serde::{Deserialize, Serialize};

use crate::inputs::{INPUTS, WIDE_AT};

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Rows of the token table.
    pub vocabulary: usize,
    /// Width of a token vector.
    pub width: usize,
    /// Attention queries over all tokens.
    pub queries: usize,
    /// Attention queries over the tokens that ask.
    pub ask_queries: usize,
    /// Attention queries over the tokens of the last thing said.
    pub last_queries: usize,
    /// Dense inputs beside the tokens.
    pub inputs: usize,
    /// Width of the trunk.
    pub hidden: usize,
    /// Most tokens read.
    pub max_tokens: usize,
}

/// How many tags there are.
pub const TAGS: usize = CapabilityTag::ALL.len();

/// A batch as tensors: `b` prompts of up to `t` tokens.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Token vectors, `(b, t, width)`.
    pub tokens: Tensor,
    /// 0 for a token, a large negative number for padding, `(b, t, 1)`.
    pub mask: Tensor,
    /// The same, where tokens outside the ask count as padding.
    pub ask_mask: Tensor,
    /// The same, where tokens outside the last thing said count as padding.
    pub last_mask: Tensor,
    /// Dense inputs, `(b, inputs)`.
    pub inputs: Tensor,
}

/// What the heads say, before calibration; one row a prompt.
#[derive(Clone, Debug)]
pub struct Heads {
    /// Difficulty on the item-response scale, `(b)`.
    pub difficulty: Tensor,
    /// Raw complexity, `(b)`.
    pub complexity: Tensor,
    /// Logarithm of the standard deviation of the raw complexity, `(b)`.
    pub spread: Tensor,
    /// Logits, `(b, TAGS)`.
    pub tags: Tensor,
    /// Logarithms of the answer's tokens: median, and 90th percentile above it, `(b, 2)`.
    pub output: Tensor,
}

/// The trained part, token table aside.
#[derive(Clone, Debug)]
pub struct Network {
    queries: Tensor,
    ask_queries: Tensor,
    last_queries: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    trunk: Linear,
    second: Linear,
    heads: Linear,
    direct: Linear,
}

/// Outputs of the joint last layer: difficulty, complexity, spread, two of length, the tags.
pub const HEADS: usize = 5 + TAGS;

impl Network {
    /// Takes (or, when training, creates) the variables.
    pub fn new(shape: &Shape, vars: &VarBuilder<'_>) -> Result<Self> {
        let joined = (shape.queries + shape.ask_queries + shape.last_queries) * shape.width;
        let small = candle_nn::Init::Randn { mean: 0.0, stdev: 0.05 };
        Ok(Self {
            queries: vars.get_with_hints((shape.width, shape.queries), "queries", small)?,
            ask_queries: vars.get_with_hints((shape.width, shape.ask_queries), "ask_queries", small)?,
            last_queries: vars.get_with_hints((shape.width, shape.last_queries), "last_queries", small)?,
            norm_weight: vars.get_with_hints(joined, "norm.weight", candle_nn::init::ONE)?,
            norm_bias: vars.get_with_hints(joined, "norm.bias", candle_nn::init::ZERO)?,
            trunk: linear(joined + shape.inputs, shape.hidden, vars.pp("trunk"))?,
            second: linear(shape.hidden, shape.hidden / 2, vars.pp("second"))?,
            heads: linear(shape.hidden / 2, HEADS, vars.pp("heads"))?,
            direct: linear(joined + shape.inputs, HEADS, vars.pp("direct"))?,
        })
    }

    /// Runs the network. `drop` is applied to the joined input and the trunk; serving passes the identity.
    pub fn forward(&self, batch: &Batch, drop: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Heads> {
        let all = pool(&batch.tokens, &self.queries, &batch.mask)?;
        let ask = pool(&batch.tokens, &self.ask_queries, &batch.ask_mask)?;
        let last = pool(&batch.tokens, &self.last_queries, &batch.last_mask)?;
        let pooled = normalise(&Tensor::cat(&[all, ask, last], 1)?, &self.norm_weight, &self.norm_bias)?;
        let joined = Tensor::cat(&[drop(&pooled)?, batch.inputs.clone()], 1)?;
        let trunk = drop(&self.trunk.forward(&joined)?.gelu()?)?;
        let second = self.second.forward(&trunk)?.gelu()?;
        // What is plain to see takes the straight way; the trunk learns the rest.
        let out = (self.heads.forward(&second)? + self.direct.forward(&joined)?)?;
        Ok(Heads {
            difficulty: with_wide(&out.get_on_dim(1, 0)?, &batch.inputs)?,
            complexity: out.get_on_dim(1, 1)?,
            spread: out.get_on_dim(1, 2)?,
            output: out.narrow(1, 3, 2)?,
            tags: out.narrow(1, 5, TAGS)?,
        })
    }
}

/// The mean of what the network and the wide part say of difficulty: they err differently, and neither is better alone.
fn with_wide(said: &Tensor, inputs: &Tensor) -> Result<Tensor> {
    if inputs.dim(1)? != INPUTS {
        return Ok(said.clone());
    }
    (said + inputs.get_on_dim(1, WIDE_AT + 1)?)? * 0.5
}

/// Attention pooling: each query's weighted mean of the tokens, side by side.
fn pool(tokens: &Tensor, queries: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let (batch, length, width) = tokens.dims3()?;
    let flat = tokens.reshape((batch * length, width))?;
    let logits = flat.matmul(queries)?.reshape((batch, length, queries.dim(1)?))?.broadcast_add(mask)?;
    // Pooling along the last axis and as a matrix product: reductions along other axes are slow in candle.
    let weights = softmax(&logits.transpose(1, 2)?.contiguous()?)?;
    weights.matmul(tokens)?.flatten_from(1)
}

/// Softmax along the last axis, composed so that gradients flow.
fn softmax(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let powers = shifted.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

/// Layer norm along the last axis, composed so that gradients flow.
fn normalise(input: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let centred = input.broadcast_sub(&input.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + 1e-5)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}
