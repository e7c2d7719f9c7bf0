//! `signalbox scorecards …`: what every kind has, bringing files of scores, and the published set.

mod published;

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use domain::ObjectKind;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::normalisation::{Bounds, ChanceAdjusted, EloExpected, Log, Normalisation};

use crate::cli::{DirectionChoice, ScaleChoice, ScorecardsCommand, ScoresFormat, UploadScoresArgs};
use crate::commands::objects;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, told};

/// More flags of one kind than this are counted, not told.
const FLAGS_TOLD: usize = 5;

/// Runs one of them.
pub(crate) async fn run(command: ScorecardsCommand) -> anyhow::Result<Exit> {
    match command {
        ScorecardsCommand::Object(command) => objects::run(ObjectKind::Scorecard, command).await,
        ScorecardsCommand::Upload(args) => upload(args).await,
        ScorecardsCommand::Published(args) => published::list(args).await,
        ScorecardsCommand::Import(args) => published::import(args).await,
    }
}

async fn upload(args: UploadScoresArgs) -> anyhow::Result<Exit> {
    let file = fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let declaration = declaration(&args)?;
    let mut server = ServerLink::connect(&args.server).await?;
    let answer = server.objects().upload_scores(declaration, &file).await.map_err(told)?;
    if !answer.faults.is_empty() {
        let name = args.file.display().to_string();
        let faults: Vec<_> = answer.faults.iter().map(|fault| fault.within(&name)).collect();
        return Err(UsageError(faults.join("\n")).into());
    }
    told_saved(&answer, args.dry_run, args.json)
}

/// Tells what was saved, and what deserves a look.
fn told_saved(answer: &pb::UploadScoresResponse, dry_run: bool, as_json: bool) -> anyhow::Result<Exit> {
    if as_json {
        output::json(&answer.summary())?;
    } else {
        print(answer, dry_run)?;
    }
    Ok(if answer.flags.is_empty() { Exit::Done } else { Exit::Warnings })
}

fn declaration(args: &UploadScoresArgs) -> anyhow::Result<pb::ScoresDeclaration> {
    let file_name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let format = match args.format {
        None => pb::ScoresFormat::Unspecified,
        Some(ScoresFormat::Csv) => pb::ScoresFormat::Csv,
        Some(ScoresFormat::Json) => pb::ScoresFormat::Json,
        Some(ScoresFormat::Eee) => pb::ScoresFormat::Eee,
        Some(ScoresFormat::Aider) => pb::ScoresFormat::Aider,
    };
    let direction = args.direction.map(|direction| match direction {
        DirectionChoice::Higher => object::Direction::Higher.into(),
        DirectionChoice::Lower => object::Direction::Lower.into(),
    });
    let source = args.source.clone().map(|url| object::SourceNote { url: Some(url), ..object::SourceNote::default() });
    Ok(pb::ScoresDeclaration {
        file_name,
        format: format.into(),
        name: args.name.clone(),
        version: args.version.clone(),
        metric: args.metric.clone(),
        unit: args.unit.clone(),
        direction,
        normalisation: normalisation(args)?,
        capabilities: args.capability.clone(),
        source,
        dry_run: args.dry_run,
        ..pb::ScoresDeclaration::default()
    })
}

fn normalisation(args: &UploadScoresArgs) -> anyhow::Result<Option<object::Normalisation>> {
    let kind = match (args.elo_reference, args.min, args.max, args.chance, args.scale) {
        (Some(anchor), ..) => Normalisation::EloExpected(EloExpected { anchor }),
        (None, Some(min), Some(max), Some(chance), None | Some(ScaleChoice::Linear)) => {
            Normalisation::ChanceAdjusted(ChanceAdjusted { min, max, chance })
        }
        (None, Some(_), Some(_), Some(_), Some(ScaleChoice::Log)) => {
            return Err(UsageError("--chance: counts on a linear scale only: leave out one of both".to_owned()).into());
        }
        (None, Some(min), Some(max), None, Some(ScaleChoice::Log)) => Normalisation::Log(Log { min, max }),
        (None, Some(min), Some(max), None, None | Some(ScaleChoice::Linear)) => {
            Normalisation::Bounds(Bounds { min, max })
        }
        // Bounds come in pairs.
        (None, ..) => return Ok(None),
    };
    Ok(Some(object::Normalisation { normalisation: Some(kind) }))
}

fn print(answer: &pb::UploadScoresResponse, dry_run: bool) -> anyhow::Result<()> {
    let row = |saved: &pb::SavedScorecard| {
        let scorecard = saved.scorecard.clone().unwrap_or_default();
        let action = if dry_run { format!("would be {}", saved.action()) } else { saved.action().to_owned() };
        [scorecard.name, scorecard.version, scorecard.metric, scorecard.cells.len().to_string(), action]
    };
    let rows = answer.scorecards.iter().map(row).collect();
    output::table(["NAME", "VERSION", "METRIC", "MODELS", "IS"], rows, "no scorecards")?;
    let mut told_of = BTreeMap::<&str, usize>::new();
    for flag in &answer.flags {
        let count = told_of.entry(&flag.kind).or_default();
        *count += 1;
        if *count > FLAGS_TOLD {
            continue;
        }
        output::line(format!("warning: {flag}"))?;
    }
    for (kind, count) in told_of.into_iter().filter(|(_, count)| *count > FLAGS_TOLD) {
        output::line(format!("warning: and {} more of {kind}: see them all with --json", count - FLAGS_TOLD))?;
    }
    if !answer.unmatched.is_empty() {
        output::line(format!("not in the catalogue: {}", answer.unmatched.join(", ")))?;
    }
    Ok(())
}
