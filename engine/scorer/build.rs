//! Embeds the default scorer: reads which version `scorer-models/default` names and lists that folder's files for
//! `include_bytes!`, so that the server starts anywhere with no path to this repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let models = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../scorer-models");
    let pointer = models.join("default");
    println!("cargo::rerun-if-changed={}", pointer.display());
    let version = fs::read_to_string(&pointer)
        .map_err(|error| io::Error::other(format!("{}: {error}; it names the scorer to embed", pointer.display())))?;
    let folder = models.join(version.trim()).canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut source = String::from(
        "/// The embedded artefact: names and contents of its files.\npub const FILES: &[(&str, &[u8])] = &[\n",
    );
    for path in files_of(&folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // The card is for people; the program has no use for it.
        if path.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())
            .map_err(io::Error::other)?;
        println!("cargo::rerun-if-changed={}", path.display());
    }
    source.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("builtin_files.rs"), source)
}

fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}
