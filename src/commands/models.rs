//! `signalbox models …`: what every kind has, and enabling, imports and the catalogue of the release.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use domain::desired::ModelSpec;
use domain::{Model, Money, Object, ObjectKind, Pricing};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;

use flate2::read::GzDecoder;

use crate::cli::{ActArgs, AnswerArgs, CatalogueArgs, ImportArgs, ModelsCommand, ObjectCommand};
use crate::commands::lists::fetch;
use crate::commands::{objects, print_diff};
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::{ServerLink, diff_of, told};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What the engine takes as one catalogue, in bytes.
const LARGEST: u64 = 16 << 20;

/// Runs one of them.
pub(crate) async fn run(command: ModelsCommand) -> anyhow::Result<Exit> {
    match command {
        ModelsCommand::Object(ObjectCommand::List(args)) => list(args).await,
        ModelsCommand::Object(command) => objects::run(ObjectKind::Model, command).await,
        ModelsCommand::Enable(args) => enable(args, true).await,
        ModelsCommand::Disable(args) => enable(args, false).await,
        ModelsCommand::Import(args) => import(args).await,
        ModelsCommand::Catalogue(args) => catalogue(&args),
    }
}

async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let mut models = Vec::new();
    for object in fetch(&args, ObjectKind::Model).await? {
        if let Object::Model(model) = object {
            models.push(model);
        }
    }
    if args.json {
        output::json(&models)?;
        return Ok(Exit::Done);
    }
    let row = |model: &Model| {
        let [prompt, completion] = per_million(&model.pricing);
        let enabled = if model.enabled { "yes" } else { "no" }.to_owned();
        [
            model.id.to_string(),
            enabled,
            or_dash(model.context_length),
            prompt,
            completion,
            or_dash(model.capability),
            or_dash(model.source.as_ref()),
        ]
    };
    output::table(
        ["MODEL", "ENABLED", "CONTEXT", "$/M IN", "$/M OUT", "CAPABILITY", "SOURCE"],
        models.iter().map(|model| row(model)).collect(),
        "no models: set a provider's key in the environment, apply a configuration, or import a catalogue",
    )?;
    Ok(Exit::Done)
}

async fn enable(args: ActArgs, enabled: bool) -> anyhow::Result<Exit> {
    let wanted = object::Model { enabled, ..object::Model::default() };
    let request = pb::UpdateRequest {
        name: args.name,
        object: Some(object::Object { object: Some(object::object::Object::Model(wanted)) }),
        update_mask: Some(proto::mask::of(&["enabled"])),
        etag: args.etag.unwrap_or_default(),
        ..pb::UpdateRequest::default()
    };
    let mut server = ServerLink::connect(&args.server).await?;
    let changed = server.objects().update(ObjectKind::Model, request).await.map_err(told)?;
    print_diff(&diff_of(changed.diff)?, args.json, false)?;
    Ok(Exit::Done)
}

fn catalogue(args: &CatalogueArgs) -> anyhow::Result<Exit> {
    let seed = registry::catalogue::seed();
    if args.json {
        output::json(&seed.models)?;
        return Ok(Exit::Done);
    }
    let row = |model: &ModelSpec| {
        let [prompt, completion] = per_million(&model.pricing);
        [
            model.id.to_string(),
            or_dash(model.context_length),
            prompt,
            completion,
            or_dash(model.released.as_ref()),
            or_dash(model.source.as_ref()),
        ]
    };
    output::table(
        ["MODEL", "CONTEXT", "$/M IN", "$/M OUT", "RELEASED", "SOURCE"],
        seed.models.iter().map(row).collect(),
        "empty",
    )?;
    Ok(Exit::Done)
}

async fn import(args: ImportArgs) -> anyhow::Result<Exit> {
    let bytes = read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let request = pb::ImportModelsRequest {
        organisation: None,
        catalogue: bytes,
        providers: args.provider,
        dry_run: args.dry_run,
        source: name,
        idempotency_key: String::new(),
    };
    let outcome = ServerLink::connect(&args.server).await?.import_models(request).await?;
    let diff =
        outcome.map_err(|faults| UsageError(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    print_diff(&diff, args.json, args.dry_run)?;
    Ok(Exit::Done)
}

/// Reads a file, unpacking it if it is packed with gzip.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(file)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes.as_slice()).take(LARGEST + 1).read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it unpacks to more than {} MiB", LARGEST >> 20),
        ));
    }
    Ok(unpacked)
}

fn per_million(pricing: &Pricing) -> [String; 2] {
    [pricing.prompt, pricing.completion]
        .map(|price| or_dash(price.and_then(|price| price.checked_times(1_000_000)).as_ref().map(Money::to_string)))
}
