//! `signalbox export`: records as a Parquet file, the newest first, page by page.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::{RecordFilter, RecordReader};
use export::ParquetFile;
use ledger::{Ledger, LedgerReader};
use serde_json::json;

use crate::cli::ExportArgs;
use crate::data_dir;
use crate::exit::Exit;
use crate::output;

/// Rows of a page and of a row group: some ten MiB while it is written.
const PAGE: u32 = 4_000;

/// Writes the records that fit.
pub(crate) async fn run(args: ExportArgs) -> anyhow::Result<Exit> {
    let folder = data_dir::ledger(&args.data_dir);
    if !folder.is_dir() {
        bail!("{} holds no ledger: name the folder of the server with --data-dir", args.data_dir.display());
    }
    refuse_what_is_there(&args.out, args.force)?;
    let filter = args.filter.offline()?;
    let reader = Ledger::open_reader(&folder)?;
    let (partial, file) = Partial::begin(&args.out)?;
    let rows = write(&reader, filter, file).await?;
    partial.become_whole()?;
    if args.json {
        output::json(&json!({"file": args.out, "rows": rows}))?;
    } else {
        output::line(format!("{rows} records in {}", args.out.display()))?;
    }
    Ok(Exit::Done)
}

/// Only a file can be replaced, and only if that is asked for.
fn refuse_what_is_there(path: &Path, is_forced: bool) -> anyhow::Result<()> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            let inside = path.join("records.parquet");
            bail!("{shown} is a folder: name a file in it, such as --out {}", inside.display())
        }
        Ok(there) if !there.is_file() => bail!("{shown} is no plain file: name one with --out"),
        Ok(_) if !is_forced => bail!("{shown} is there already: --force replaces it"),
        // Whether it can be written is found out by writing.
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn write(reader: &LedgerReader, filter: RecordFilter, file: File) -> anyhow::Result<u64> {
    let mut parquet = ParquetFile::begin(BufWriter::new(file))?;
    let mut page = RecordFilter { limit: PAGE, ..filter };
    loop {
        let rows = reader.list(page.clone()).await?;
        parquet.write(&rows)?;
        let Some(last) = rows.last() else { break };
        page.before_sequence = Some(last.sequence);
    }
    let (file, rows) = parquet.finish()?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(rows)
}

/// A file that is not whole and must not be taken for one: beside the file that is wanted, so that it can be renamed, and
/// gone with this value if it has not been.
struct Partial<'a> {
    wanted: &'a Path,
    path: PathBuf,
}

impl<'a> Partial<'a> {
    fn begin(wanted: &'a Path) -> anyhow::Result<(Self, File)> {
        let mut name = wanted.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok((Self { wanted, path }, file))
    }

    fn become_whole(self) -> anyhow::Result<()> {
        fs::rename(&self.path, self.wanted).with_context(|| format!("cannot replace {}", self.wanted.display()))
    }
}

impl Drop for Partial<'_> {
    /// After a rename there is nothing left to remove.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_take_its_place_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let wanted = scratch.path().join("wanted");
        // As if it had become a folder while the records were read.
        fs::create_dir(&wanted).unwrap();
        let (partial, _file) = Partial::begin(&wanted).unwrap();
        let refused = partial.become_whole().unwrap_err();
        assert!(refused.to_string().contains(wanted.to_str().unwrap()), "{refused}");
        let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["wanted"]);
    }
}
