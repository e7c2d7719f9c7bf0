//! The table of token vectors: one byte a number and one scale a vector, widened row by row as a prompt needs them.
//!
//! A number is off by at most half of 1/127 of its vector's largest, and the table takes half the space and memory traffic
//! of half precision; decision 16 says what that costs in quality.

#![allow(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for the processor at hand"
)]

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use pulp::Arch;

use crate::ScorerError;
use crate::network::Shape;

/// The tensor of bytes, `[vocabulary, width]`.
const VALUES: &str = "table";
/// The tensor of scales, `[vocabulary]`.
const SCALES: &str = "table.scale";
/// The byte that stands for 0.
const ZERO: f32 = 128.0;
/// The byte furthest from it, either way.
const MOST: f32 = 127.0;

/// One vector a token of the vocabulary.
#[derive(Debug)]
pub struct Table {
    arch: Arch,
    width: usize,
    values: Vec<u8>,
    scales: Vec<f32>,
}

impl Table {
    /// A table of vectors, `[vocabulary, width]`, as the tensors that an artefact holds.
    ///
    /// # Errors
    /// When the tensor is not a table.
    pub fn tensors(vectors: &Tensor) -> candle_core::Result<[(&'static str, Tensor); 2]> {
        let rows = vectors.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let scale = |row: &[f32]| row.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs())) / MOST;
        let scales: Vec<f32> = rows.iter().map(|row| scale(row)).collect();
        let byte = |value: f32, scale: f32| ((value / scale).round() + ZERO) as u8;
        let values: Vec<u8> =
            rows.iter().zip(&scales).flat_map(|(row, scale)| row.iter().map(|it| byte(*it, *scale))).collect();
        let device = &Device::Cpu;
        let count = scales.len();
        Ok([
            (VALUES, Tensor::from_vec(values, vectors.dims(), device)?),
            (SCALES, Tensor::from_vec(scales, count, device)?),
        ])
    }

    /// Takes the tensors of an artefact, after their sizes were checked.
    ///
    /// # Errors
    /// When one is missing or has another size.
    pub fn from_tensors(shape: &Shape, tensors: &mut HashMap<String, Tensor>) -> candle_core::Result<Self> {
        let mut take = |name: &str, kind: DType, dims: &[usize]| {
            let fail = |reason: String| Err(candle_core::Error::Msg(reason));
            match tensors.remove(name) {
                Some(tensor) if tensor.dims() == dims && tensor.dtype() == kind => tensor.flatten_all(),
                Some(tensor) => fail(format!(
                    "`{name}` is {:?} of {:?}, expected {dims:?} of {kind:?}",
                    tensor.dims(),
                    tensor.dtype()
                )),
                None => fail(format!("there is no tensor `{name}`")),
            }
        };
        let values = take(VALUES, DType::U8, &[shape.vocabulary, shape.width])?.to_vec1()?;
        let scales = take(SCALES, DType::F32, &[shape.vocabulary])?.to_vec1()?;
        Ok(Self { arch: Arch::new(), width: shape.width, values, scales })
    }

    /// All vectors, `[vocabulary, width]`.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn vectors(&self) -> candle_core::Result<Tensor> {
        let rows = self.values.chunks_exact(self.width).zip(&self.scales);
        let values: Vec<f32> =
            rows.flat_map(|(row, scale)| row.iter().map(move |byte| (f32::from(*byte) - ZERO) * scale)).collect();
        Tensor::from_vec(values, (self.scales.len(), self.width), &Device::Cpu)
    }

    /// The vectors of some tokens, one after the other.
    ///
    /// # Errors
    /// When a token is not in the vocabulary.
    pub fn rows(&self, tokens: &[u32]) -> Result<Vec<f32>, ScorerError> {
        let mut rows = vec![0.0; tokens.len() * self.width];
        for (row, &token) in rows.chunks_exact_mut(self.width).zip(tokens) {
            let at = token as usize;
            let scale = *self.scales.get(at).ok_or(ScorerError::UnknownToken { token })?;
            self.arch.dispatch(Widen { row, bytes: &self.values[at * self.width..(at + 1) * self.width], scale });
        }
        Ok(rows)
    }
}

/// Bytes to numbers, with the widest vectors that the processor has.
struct Widen<'a> {
    row: &'a mut [f32],
    bytes: &'a [u8],
    scale: f32,
}

impl pulp::WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        for (value, byte) in self.row.iter_mut().zip(self.bytes) {
            *value = (f32::from(*byte) - ZERO) * self.scale;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::inputs::INPUTS;

    const SHAPE: Shape = Shape {
        vocabulary: 3,
        width: 2,
        queries: 1,
        ask_queries: 1,
        last_queries: 1,
        inputs: INPUTS,
        hidden: 4,
        max_tokens: 8,
    };

    fn tensors(values: &[f32]) -> HashMap<String, Tensor> {
        let vectors = Tensor::from_slice(values, (values.len() / 2, 2), &Device::Cpu).unwrap();
        Table::tensors(&vectors).unwrap().map(|(name, tensor)| (name.to_owned(), tensor)).into()
    }

    #[test]
    fn rows_come_back_in_the_order_of_the_tokens() {
        let values = [0.5_f32, -1.0, 1.5, 0.02, 0.0, 0.0];
        let table = Table::from_tensors(&SHAPE, &mut tensors(&values)).unwrap();
        let found = table.rows(&[1, 0, 2, 1]).unwrap();
        for (found, value) in found.iter().zip([1.5, 0.02, 0.5, -1.0, 0.0, 0.0, 1.5, 0.02]) {
            assert!((found - value).abs() <= 1.5 / 254.0, "{found} {value}");
        }
        assert_eq!(table.vectors().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[2..4], found[..2]);
        assert!(matches!(table.rows(&[1, 3]), Err(ScorerError::UnknownToken { token: 3 })));
    }

    #[test]
    fn tensors_of_another_size_or_none_are_refused_by_name() {
        let refused = |tensors: &mut HashMap<_, _>| Table::from_tensors(&SHAPE, tensors).unwrap_err().to_string();
        assert!(refused(&mut tensors(&[0.0; 4])).contains("`table` is [2, 2] of U8, expected [3, 2]"));
        assert!(refused(&mut HashMap::new()).contains("there is no tensor `table`"));
    }
}
