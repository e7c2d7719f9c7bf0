//! Uploads of score files: put together from their parts within bounds, read, and saved whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use domain::{Object, ObjectKind, OrganisationId, ScorecardId, SourceKind, SourceNote};
use prost::Message;
use proto::convert::admin::ScoresDeclared;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::upload_scores_request::Part;
use registry::{Idempotency, Saved, Terms};
use scorecards::{Aliases, Declared, Fault, File, Flag, Format, Reading};
use tokio::time::timeout;
use tonic::{Request, Status, Streaming};
use tracing::info;

use super::{change, create};
use crate::auth::Caller;
use crate::deadline::patience;
use crate::shared::Shared;
use crate::status;

/// What a file may weigh.
const MOST_BYTES: usize = 32 << 20;

pub(super) async fn upload(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<Streaming<pb::UploadScoresRequest>>,
) -> Result<pb::UploadScoresResponse, Status> {
    let caller = Caller::of(&request)?;
    let within = patience(request.metadata());
    // Kept until the file has been dealt with: few of them are in memory.
    let place = timeout(within, shared.uploads.clone().acquire_owned()).await.ok().and_then(Result::ok);
    let _place = place.ok_or_else(|| Status::resource_exhausted("other uploads take too long: try again"))?;
    let (declaration, bytes) = receive(request.into_inner(), within).await?;
    let organisation = shared.organisation(declaration.organisation.as_deref(), &caller)?;
    let terms = terms(shared, &caller, kind, &declaration, &bytes)?;
    let tenant = shared.registry.tenant(&organisation.id);
    let tenant = tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;

    let (declared, format) = (declared(&declaration)?, format(&declaration)?);
    let (name, now) = (declaration.file_name.clone(), shared.clock.wall());
    // Megabytes of text: not on a thread that serves.
    let reading = tokio::task::spawn_blocking(move || {
        let aliases = Aliases::shipped().knowing(tenant.models.keys().cloned());
        scorecards::read(&File { name: &name, bytes: &bytes, format }, &declared, &aliases, now)
    });
    let reading = reading.await.map_err(|_| Status::internal("reading the file was interrupted; try again"))?;
    match reading {
        Ok(reading) => save(shared, &organisation.id, reading, declaration.dry_run, terms).await,
        Err(faults) => {
            Ok(pb::UploadScoresResponse { faults: faults.iter().map(fault).collect(), ..Default::default() })
        }
    }
}

async fn receive(
    mut parts: Streaming<pb::UploadScoresRequest>,
    within: Duration,
) -> Result<(pb::ScoresDeclaration, Vec<u8>), Status> {
    let received = timeout(within, async {
        let mut incoming = Incoming::default();
        while let Some(request) = parts.message().await? {
            incoming.take(request).map_err(Status::invalid_argument)?;
        }
        incoming.finish().map_err(Status::invalid_argument)
    });
    received.await.map_err(|_| Status::deadline_exceeded("the file did not come in time"))?
}

/// Saves all scorecards of a file or none. One that is known by name and version is replaced, but a published one only by
/// a published one: somebody else's numbers are not lost by a name that happens to be the same.
pub(super) async fn save(
    shared: &Shared,
    organisation: &OrganisationId,
    reading: Reading,
    dry_run: bool,
    terms: Terms,
) -> Result<pb::UploadScoresResponse, Status> {
    let (mut objects, mut faults) = (Vec::with_capacity(reading.scorecards.len()), Vec::new());
    for spec in reading.scorecards {
        let known = shared.registry.find(organisation, ObjectKind::Scorecard, &spec.label());
        let known = known.filter(|known| known.name() == spec.label());
        let is_published = |note: &SourceNote| note.kind == SourceKind::Published;
        let id = match known {
            Some(Object::Scorecard(known)) if is_published(&known.source) && !is_published(&spec.source) => {
                faults.push(taken(&spec.label()));
                continue;
            }
            Some(Object::Scorecard(known)) => known.id.clone(),
            _ => ScorecardId::from_random(create::random()?),
        };
        objects.push(Object::Scorecard(Arc::new(spec.into_scorecard(id, organisation.clone()))));
    }
    if !faults.is_empty() {
        return Ok(pb::UploadScoresResponse { faults, ..Default::default() });
    }
    let saved = shared.registry.save_all(organisation, objects, dry_run, terms).await;
    let saved = saved.map_err(|failure| status::of_apply(&failure, ""))?;
    info!(scorecards = saved.len(), dry_run, "scores uploaded");
    let scorecard = |saved: &Saved| pb::SavedScorecard {
        scorecard: if let Object::Scorecard(it) = &saved.object { Some(it.as_ref().into()) } else { None },
        etag: if dry_run { String::new() } else { saved.etag.to_string() },
        diff: Some((&saved.diff).into()),
    };
    Ok(pb::UploadScoresResponse {
        scorecards: saved.iter().map(scorecard).collect(),
        flags: reading.flags.iter().map(flag).collect(),
        unmatched: reading.unmatched,
        faults: Vec::new(),
    })
}

fn taken(label: &str) -> pb::ScoresFault {
    let message = format!("`{label}` is a published scorecard here: give another name or version, or delete it first");
    pb::ScoresFault { line: 0, place: "name".to_owned(), message }
}

/// A file that is coming.
#[derive(Debug, Default)]
struct Incoming {
    declaration: Option<pb::ScoresDeclaration>,
    bytes: Vec<u8>,
}

impl Incoming {
    /// Takes the next part; says what is wrong with it.
    fn take(&mut self, request: pb::UploadScoresRequest) -> Result<(), String> {
        match request.part.ok_or("part: is missing; send declaration or chunk")? {
            Part::Declaration(declaration) if self.declaration.is_none() => self.declaration = Some(declaration),
            Part::Declaration(_) => return Err("declaration: was sent already; send it once, first".to_owned()),
            Part::Chunk(_) if self.declaration.is_none() => {
                return Err("declaration: has to come before the file's chunks".to_owned());
            }
            Part::Chunk(bytes) if self.bytes.len() + bytes.len() > MOST_BYTES => {
                return Err(format!("chunk: the file has more than {} MiB; split it by benchmark", MOST_BYTES >> 20));
            }
            Part::Chunk(bytes) => self.bytes.extend_from_slice(&bytes),
        }
        Ok(())
    }

    /// The file, if it is whole.
    fn finish(self) -> Result<(pb::ScoresDeclaration, Vec<u8>), String> {
        let declaration = self.declaration.ok_or("declaration: is missing; nothing was sent")?;
        if self.bytes.is_empty() {
            return Err("chunk: none was sent; send the file".to_owned());
        }
        Ok((declaration, self.bytes))
    }
}

/// On which terms the scores are saved. The file is a part of the request that a repetition must equal.
fn terms(
    shared: &Shared,
    caller: &Caller,
    kind: ObjectKind,
    declaration: &pb::ScoresDeclaration,
    bytes: &[u8],
) -> Result<Terms, Status> {
    let terms =
        change::terms(shared, caller, kind.as_str(), &declaration.etag, &declaration.idempotency_key, declaration)?;
    let whole = [blake3::hash(&declaration.encode_to_vec()), blake3::hash(bytes)].map(|hash| *hash.as_bytes()).concat();
    let fingerprint = change::fingerprint(shared, kind.as_str(), "upload", &whole);
    let idempotency = terms.idempotency.map(|it| Idempotency { fingerprint, ..it });
    Ok(Terms { idempotency, ..terms })
}

fn format(declaration: &pb::ScoresDeclaration) -> Result<Option<Format>, Status> {
    match pb::ScoresFormat::try_from(declaration.format) {
        Ok(pb::ScoresFormat::Unspecified) => Ok(None),
        Ok(pb::ScoresFormat::Csv) => Ok(Some(Format::Csv)),
        Ok(pb::ScoresFormat::Json) => Ok(Some(Format::Json)),
        Ok(pb::ScoresFormat::Eee) => Ok(Some(Format::Eee)),
        Ok(pb::ScoresFormat::Aider) => Ok(Some(Format::Aider)),
        Err(_) => Err(Status::invalid_argument("declaration.format: is unknown: name one, or none")),
    }
}

/// What the caller says about the file.
fn declared(declaration: &pb::ScoresDeclaration) -> Result<Declared, Status> {
    let known = ScoresDeclared::try_from(declaration).map_err(|fault| Status::from(fault.within("declaration")))?;
    Ok(Declared {
        name: declaration.name.clone(),
        version: declaration.version.clone(),
        metric: declaration.metric.clone(),
        unit: declaration.unit.clone(),
        direction: known.direction,
        normalisation: known.normalisation,
        capabilities: known.capabilities,
        missing: known.missing,
        source: known.source,
        observed: known.observed,
        retrieved: known.retrieved,
        licence: declaration.source.as_ref().and_then(|it| it.licence.clone()),
        url: declaration.source.as_ref().and_then(|it| it.url.clone()),
        stale_after_days: declaration.stale_after_days,
    })
}

pub(super) fn flag(flag: &Flag) -> pb::ScoresFlag {
    pb::ScoresFlag {
        scorecard: flag.scorecard.clone(),
        model: flag.model.clone(),
        message: flag.message.clone(),
        kind: flag.kind.as_str().to_owned(),
    }
}

fn fault(fault: &Fault) -> pb::ScoresFault {
    pb::ScoresFault {
        line: fault.line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
        place: fault.place.clone(),
        message: fault.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declaration(name: &str) -> Part {
        Part::Declaration(pb::ScoresDeclaration { name: Some(name.to_owned()), ..Default::default() })
    }

    fn chunk(bytes: &[u8]) -> Part {
        Part::Chunk(bytes.to_vec())
    }

    fn file(parts: impl IntoIterator<Item = Part>) -> Result<(pb::ScoresDeclaration, Vec<u8>), String> {
        let mut incoming = Incoming::default();
        for part in parts {
            incoming.take(pb::UploadScoresRequest { part: Some(part) })?;
        }
        incoming.finish()
    }

    #[track_caller]
    fn refused(parts: impl IntoIterator<Item = Part>, why: &str) {
        let fault = file(parts).expect_err("is refused");
        assert!(fault.contains(why), "{fault}");
    }

    #[test]
    fn what_is_out_of_order_too_much_or_nothing_is_refused() {
        refused([], "nothing was sent");
        refused([declaration("a")], "none was sent");
        refused([chunk(b"x")], "before the file");
        refused([declaration("a"), declaration("b")], "already");
        let large = vec![0; MOST_BYTES];
        refused([declaration("a"), chunk(&large), chunk(b"x")], "more than 32 MiB");
        assert!(Incoming::default().take(pb::UploadScoresRequest::default()).is_err());
    }

    proptest! {
        #[test]
        fn file_is_what_was_sent_however_it_was_cut(bytes in prop::collection::vec(any::<u8>(), 1..200), cut in 1..50_usize) {
            let parts = std::iter::once(declaration("a")).chain(bytes.chunks(cut).map(chunk));
            let (found, whole) = file(parts).expect("is whole");
            prop_assert_eq!((found.name.as_deref(), whole), (Some("a"), bytes));
        }
    }
}
