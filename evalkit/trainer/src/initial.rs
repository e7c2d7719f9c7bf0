//! What training starts from: a tokenizer, a table of token vectors, and the attention queries that go with it.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use scorer::artifact::{self, MANIFEST, TOKENIZER, Verified, WEIGHTS};
use scorer::builtin;
use scorer::table::Table;

use crate::TrainError;
use crate::model::Start;

/// The table's file in a folder that `evalkit/scripts/initial_table.py` made.
const TABLE: &str = "table.safetensors";

/// Where training starts.
#[derive(Clone, Debug)]
pub enum Initial {
    /// At the scorer that is built in: its tokenizer, table and queries, as trained. Nothing else of it is kept.
    BuiltIn,
    /// At a folder: another scorer's, or one with `tokenizer.json` and `table.safetensors`.
    Folder(PathBuf),
}

/// It, read.
pub(crate) struct Beginning {
    /// The tokenizer's JSON.
    pub(crate) tokenizer: Vec<u8>,
    /// Table and queries.
    pub(crate) start: Start,
    /// BLAKE3 of the file that holds the table.
    pub(crate) hash: String,
    /// It is a trained scorer's: it has seen what that was fitted to.
    pub(crate) from_scorer: bool,
}

impl Initial {
    /// Reads it.
    pub(crate) fn read(&self) -> Result<Beginning, TrainError> {
        match self {
            Self::BuiltIn => scorers(&Verified::check(builtin::FILES)?),
            Self::Folder(folder) if folder.join(MANIFEST).is_file() => {
                let files = artifact::read_folder(folder)?;
                let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
                scorers(&Verified::check(&files)?)
            }
            Self::Folder(folder) => made(folder),
        }
    }
}

/// Of a scorer.
fn scorers(verified: &Verified<'_>) -> Result<Beginning, TrainError> {
    let weights = verified.file(WEIGHTS)?;
    let mut tensors = candle_core::safetensors::load_buffer(weights, &Device::Cpu)?;
    let table = Table::from_tensors(&verified.manifest.shape, &mut tensors)?.vectors()?;
    Ok(Beginning {
        tokenizer: verified.file(TOKENIZER)?.to_vec(),
        start: Start { table, queries: tensors.remove("queries") },
        hash: hash(weights),
        from_scorer: true,
    })
}

/// Of a folder of the script.
fn made(folder: &Path) -> Result<Beginning, TrainError> {
    if let Some(name) = [TOKENIZER, TABLE].into_iter().find(|name| !folder.join(name).is_file()) {
        return Err(TrainError::NoInitial { folder: folder.to_owned(), name });
    }
    let read = |path: PathBuf| std::fs::read(&path).map_err(|source| TrainError::File { path, source });
    let content = read(folder.join(TABLE))?;
    let mut tensors = candle_core::safetensors::load_buffer(&content, &Device::Cpu)?;
    let queries = tensors.remove("queries");
    let missing = || candle_core::Error::Msg(format!("{} has no tensor `table`", folder.join(TABLE).display()));
    let table = tensors.remove("table").ok_or_else(missing)?.to_dtype(DType::F32)?;
    let tokenizer = read(folder.join(TOKENIZER))?;
    Ok(Beginning { tokenizer, start: Start { table, queries }, hash: hash(&content), from_scorer: false })
}

fn hash(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
