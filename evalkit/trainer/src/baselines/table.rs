//! The mean of an artefact's own token vectors, with a ridge on top: what the vectors know without attention or trunk.

use std::path::Path;

use candle_core::Device;
use domain::ScorerInput;
use ndarray::{Array1, Array2};
use scorer::artifact::{self, TOKENIZER, Verified, WEIGHTS};
use scorer::prompt::Prompt;
use scorer::table::Table;
use scorer::tokens::TokenReader;

use super::{Said, Taught};
use crate::TrainError;

const PENALTY: f64 = 10.0;

/// Token vectors of an artefact.
pub struct StaticTable {
    reader: TokenReader,
    vectors: Table,
    width: usize,
}

impl StaticTable {
    /// Reads the tokenizer and the token vectors of an artefact's folder.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let files = artifact::read_folder(folder)?;
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let verified = Verified::check(&files)?;
        let shape = &verified.manifest.shape;
        let mut tensors = candle_core::safetensors::load_buffer(verified.file(WEIGHTS)?, &Device::Cpu)?;
        Ok(Self {
            reader: TokenReader::parse(verified.file(TOKENIZER)?, shape)?,
            vectors: Table::from_tensors(shape, &mut tensors)?,
            width: shape.width,
        })
    }

    /// The mean vector of a prompt's tokens, and a constant.
    fn mean(&self, input: &ScorerInput) -> Result<Array1<f64>, TrainError> {
        let tokens = self.reader.read(&Prompt::read(input));
        let mut mean = Array1::zeros(self.width + 1);
        for row in self.vectors.rows(&tokens.ids)?.chunks_exact(self.width) {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        mean /= tokens.ids.len().max(1) as f64;
        mean[self.width] = 1.0;
        Ok(mean)
    }
}

/// Two ridges over the mean vector.
pub(super) struct Readout {
    table: StaticTable,
    complexity: Array1<f64>,
    difficulty: Array1<f64>,
}

impl Readout {
    pub(super) fn fit(table: StaticTable, rows: &[Taught]) -> Result<Self, TrainError> {
        let means = rows.iter().map(|row| table.mean(&row.input)).collect::<Result<Vec<_>, _>>()?;
        // Vectors are short; the penalty is in units of their mean square.
        let squares: f64 = means.iter().map(|it| it.dot(it) - 1.0).sum();
        let scale = (squares / (means.len().max(1) * table.width.max(1)) as f64).max(1e-9);
        let solve = |target: fn(&Taught) -> Option<f64>| {
            let known = rows.iter().zip(&means).filter_map(|(row, mean)| Some((mean, target(row)?)));
            ridge(known, table.width, PENALTY * scale)
        };
        let (complexity, difficulty) = (solve(|row| row.complexity), solve(|row| row.difficulty));
        Ok(Self { table, complexity, difficulty })
    }

    pub(super) fn say(&self, input: &ScorerInput) -> Result<Said, TrainError> {
        let mean = self.table.mean(input)?;
        Ok(Said { complexity: mean.dot(&self.complexity), difficulty: mean.dot(&self.difficulty) })
    }
}

/// Weights of the ridge; the last column is the constant, which is not penalised.
fn ridge<'a>(rows: impl Iterator<Item = (&'a Array1<f64>, f64)>, width: usize, penalty: f64) -> Array1<f64> {
    let mut normal = Array2::<f64>::eye(width + 1) * penalty;
    normal[(width, width)] = 1e-9;
    let mut right = Array1::zeros(width + 1);
    for (row, target) in rows {
        right.scaled_add(target, row);
        for (at, value) in row.iter().enumerate() {
            normal.row_mut(at).scaled_add(*value, row);
        }
    }
    solve(normal, right)
}

/// Solves a symmetric, positive system by elimination.
fn solve(mut matrix: Array2<f64>, mut right: Array1<f64>) -> Array1<f64> {
    let n = right.len();
    for pivot in 0..n {
        let pivot_row = matrix.row(pivot).to_owned();
        for row in pivot + 1..n {
            let factor = matrix[(row, pivot)] / pivot_row[pivot];
            matrix.row_mut(row).scaled_add(-factor, &pivot_row);
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|at| matrix[(row, at)] * right[at]).sum();
        right[row] = (right[row] - known) / matrix[(row, row)];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ridge_finds_a_plane_and_its_height() {
        let rows: Vec<(Array1<f64>, f64)> = (0..40)
            .map(|at| {
                let (x, y) = (f64::from(at % 7), f64::from(at % 5));
                (Array1::from(vec![x, y, 1.0]), 2.0 * x - y + 3.0)
            })
            .collect();
        let weights = ridge(rows.iter().map(|(row, target)| (row, *target)), 2, 1e-6);
        for (found, expected) in weights.iter().zip([2.0, -1.0, 3.0]) {
            assert!((found - expected).abs() < 1e-3, "{weights}");
        }
    }
}
