//! Networks that an interrupted run had fitted already, so that the next run of the same kind need not fit them again.
//!
//! Each lies in a file named by a hash of everything it was made from; whatever changes there, changes the name, and the
//! file is passed over. The folder is taken away when the run has ended well.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::TrainError;
use crate::examples::Example;
use crate::model::Model;

/// The folder of one run's networks.
#[derive(Clone, Debug)]
pub struct Kept {
    folder: PathBuf,
    key: String,
}

impl Kept {
    /// Makes the folder `OUT/.work-VERSION`; without what is in it if a fresh start is wanted.
    pub fn open(out: &Path, version: &str, key: String, fresh: bool) -> Result<Self, TrainError> {
        let folder = out.join(format!(".work-{version}"));
        let file = |source| TrainError::File { path: folder.clone(), source };
        if fresh && folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(file)?;
        }
        std::fs::create_dir_all(&folder).map_err(file)?;
        Ok(Self { folder, key })
    }

    /// Gives a network its variables as they were kept; whether there were any that fit it.
    pub fn restore(&self, network: usize, model: &Model) -> Result<bool, TrainError> {
        let path = self.path(network);
        // What cannot be read is fitted again: a torn file is no reason to stop.
        let Ok(bytes) = std::fs::read(&path) else { return Ok(false) };
        let Ok(mut tensors) = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu) else { return Ok(false) };
        let found: Vec<Option<Tensor>> = model.named_vars().iter().map(|(name, _)| tensors.remove(name)).collect();
        let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return Ok(false) };
        let fits = model.named_vars().iter().zip(&found).all(|((_, var), tensor)| var.shape() == tensor.shape());
        if fits {
            model.restore(&found)?;
        }
        Ok(fits)
    }

    /// Keeps a fitted network: written beside and renamed, so that a half file never looks whole.
    pub fn keep(&self, network: usize, model: &Model) -> Result<(), TrainError> {
        let path = self.path(network);
        let part = path.with_extension("part");
        let tensors: std::collections::HashMap<_, _> =
            model.named_vars().into_iter().map(|(name, var)| (name, var.as_tensor().clone())).collect();
        candle_core::safetensors::save(&tensors, &part)?;
        std::fs::rename(&part, &path).map_err(|source| TrainError::File { path, source })
    }

    /// Takes the folder away.
    pub fn clear(self) -> Result<(), TrainError> {
        std::fs::remove_dir_all(&self.folder).map_err(|source| TrainError::File { path: self.folder, source })
    }

    fn path(&self, network: usize) -> PathBuf {
        self.folder.join(format!("{}-{network}.safetensors", self.key))
    }
}

/// A hash of everything that a network is made from, its fold apart: `settled` is configuration, seed and initial table in
/// words.
pub fn key<'a>(settled: &str, examples: impl Iterator<Item = &'a Example>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(settled.as_bytes());
    for example in examples {
        let mut bytes = [example.unit.as_bytes(), &[0], example.author.as_bytes(), &[0]].concat();
        for target in [example.complexity, example.difficulty, example.output] {
            bytes.extend([target.value, target.weight].map(f64::to_le_bytes).as_flattened());
        }
        bytes.extend([example.tags_weight, example.group as f64].map(f64::to_le_bytes).as_flattened());
        bytes.extend(example.tags.map(f32::to_le_bytes).as_flattened());
        for variant in &example.variants {
            bytes.extend(variant.tokens.ids.len().to_le_bytes());
            bytes.extend(variant.tokens.ids.iter().flat_map(|it| it.to_le_bytes()));
            bytes.extend(variant.tokens.ask.iter().map(|it| u8::from(*it)));
            bytes.extend(variant.inputs.iter().flat_map(|it| it.to_le_bytes()));
        }
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}
