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
    if args.out.exists() && !args.force {
        bail!("{} is there already: --force replaces it", args.out.display());
    }
    let filter = args.filter.offline()?;
    let reader = Ledger::open_reader(&folder)?;
    let partial = partial(&args.out);
    let written = write(&reader, filter, &partial).await;
    // A file that is not whole must not be taken for one.
    let rows = match written {
        Ok(rows) => rows,
        Err(fault) => {
            let _ = fs::remove_file(&partial);
            return Err(fault);
        }
    };
    fs::rename(&partial, &args.out).with_context(|| format!("cannot replace {}", args.out.display()))?;
    if args.json {
        output::json(&json!({"file": args.out, "rows": rows}))?;
    } else {
        output::line(format!("{rows} records in {}", args.out.display()))?;
    }
    Ok(Exit::Done)
}

async fn write(reader: &LedgerReader, filter: RecordFilter, path: &Path) -> anyhow::Result<u64> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
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

/// Beside the file that is wanted, so that it can be renamed.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
