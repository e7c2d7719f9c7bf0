//! Compiles the `.proto` files with protox, so that no `protoc` needs to be installed, and keeps the encoded
//! descriptor set for reflection.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const FILES: [&str; 7] = [
    "object/v1/object.proto",
    "routing/v1/routing.proto",
    "snapshot/v1/snapshot.proto",
    "admin/v1/admin.proto",
    "admin/v1/objects.proto",
    "admin/v1/audit.proto",
    "scorer/v1/scorers.proto",
];

/// Messages that carry a secret in clear: their `Debug` is written by hand and shows none.
const SECRET: [&str; 4] =
    [".admin.v1.ApplyRequest", ".admin.v1.CreateKeyRequest", ".admin.v1.CreatedKey", ".admin.v1.SecretRequest"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .skip_debug(SECRET)
        // Equal messages have equal bytes, by which a repeated request is known.
        .btree_map(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
