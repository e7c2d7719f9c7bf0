//! Many requests, some of them with faults: what the ledger says, row by row, against what callers and upstream saw.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use domain::{Finished, Outcome};
use tokio::task::JoinSet;

use crate::faults::caller::{Call, End, Seen};
use crate::faults::judge::{self, Wrongs};
use crate::faults::play::Fault;
use crate::faults::product::rows_after;
use crate::faults::random::Random;
use crate::faults::speech::Speech;
use crate::faults::upstream::{Entry, Marker};
use crate::faults::world::{self, KEY, PATIENCE, Question, Setup, World};

const AT_ONCE: u64 = 24;
/// Enough that a breaker seldom opens: one that does is no fault, but makes fewer of them.
pub(super) const MODELS: usize = 100;

/// Faults that end quickly, whatever is waited for.
const FAULTS: [Fault; 19] = [
    Fault::Unreachable,
    Fault::ResetBeforeHead,
    Fault::Stale,
    Fault::CloseIdle,
    Fault::ResetMid,
    Fault::Status500,
    Fault::Status502,
    Fault::Status503,
    Fault::Status529,
    Fault::Status400,
    Fault::Status404,
    Fault::ErrorUnder200,
    Fault::ErrorEventMid,
    Fault::MalformedMid,
    Fault::EndMid,
    Fault::BareMarkerMid,
    Fault::CloseMid,
    Fault::Truncated,
    Fault::UsageTwice,
];

/// One request, and what its caller saw.
struct Told {
    trial: u64,
    fault: Fault,
    speech: Speech,
    request: String,
    seen: Seen,
}

/// Sends so many, of which a share meets a fault, and compares all of them with their rows.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(
    requests: u64,
    share: f64,
    seed: u64,
    mut setup: Setup,
    print: &mut impl FnMut(&str),
) -> Result<Wrongs> {
    setup.models = MODELS;
    let world = Arc::new(World::start(&setup).await?);
    let (began, mut running) = (Instant::now(), JoinSet::new());
    for lane in 0..AT_ONCE {
        let world = world.clone();
        running.spawn(async move { lane_of(&world, (seed, share), lane, requests).await });
    }
    let (mut told, mut faults) = (Vec::new(), 0);
    while let Some(lane) = running.join_next().await {
        let (lane, injected) = lane?;
        told.extend(lane);
        faults += injected;
    }
    print(&format!("{} requests, {faults} with a fault, in {:.0} s\n", told.len(), began.elapsed().as_secs_f64()));
    let ledger = world.product.ledger()?;
    judge::wait_for_rows(&ledger, told.len() as u64).await?;
    let rows = rows_after(&ledger, 0).await?;
    let journal = world.upstream.take_journal();
    let mut wrongs = Wrongs::default();
    let mut by_id: HashMap<String, Vec<Finished>> = HashMap::new();
    let count = rows.len();
    for row in rows {
        by_id.entry(row.finished.started.id.to_string()).or_default().push(row.finished);
    }
    for told in &told {
        let rows = by_id.remove(&told.request).unwrap_or_default();
        let calls = journal.get(&told.trial).map_or(&[][..], Vec::as_slice);
        compare(told, &rows, calls, &mut wrongs);
    }
    for rows in by_id.values() {
        wrongs.note("rows of nobody", format!("{:?}", rows[0].outcome));
    }
    // A breaker that is open keeps some of them back, and what reaches nobody is in no journal.
    let was_called = |trial| journal.get(&trial).is_some_and(|calls: &Vec<Entry>| calls.iter().any(|call| call.bad));
    let is_played =
        |told: &&Told| told.fault == Fault::Unreachable || (told.fault != Fault::None && was_called(told.trial));
    print(&format!("{} faults were played\n", told.iter().filter(is_played).count()));
    let (lost, doubled) = (wrongs.of("lost"), wrongs.of("doubled"));
    print(&format!("{count} rows: {lost} lost, {doubled} doubled, {} wrong\n", wrongs.of("wrong")));
    Ok(wrongs)
}

/// One caller's requests, on one connection as long as that lasts; also how many faults were asked for.
async fn lane_of(world: &World, (seed, share): (u64, f64), lane: u64, requests: u64) -> (Vec<Told>, u64) {
    let (mut told, mut faults, mut kept) = (Vec::new(), 0, None);
    for place in (lane..requests).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        let mut random = Random::of(seed, place);
        let question = question(world, &mut random, share, place);
        faults += u64::from(question.marker.fault != Fault::None);
        let Ok(mut call) = Call::kept_or_open(kept.take(), world.product.gateway).await else { continue };
        call.send(&question.bytes(KEY)).await;
        let seen = call.answer(PATIENCE).await;
        let request = seen.header("x-request-id").unwrap_or_default().to_owned();
        if seen.end == End::Clean {
            kept = Some(call);
        }
        told.push(Told {
            trial: question.marker.trial,
            fault: question.marker.fault,
            speech: question.speech,
            request,
            seen,
        });
    }
    (told, faults)
}

pub(super) fn question(world: &World, random: &mut Random, share: f64, place: u64) -> Question {
    let (speech, other) = (*random.pick(&Speech::ALL), *random.pick(&Speech::ALL));
    let fault = if random.chance(share) { *random.pick(&FAULTS) } else { Fault::None };
    let is_of_streams = matches!(
        fault,
        Fault::ResetMid
            | Fault::ErrorEventMid
            | Fault::MalformedMid
            | Fault::EndMid
            | Fault::BareMarkerMid
            | Fault::CloseMid
            | Fault::UsageTwice
    );
    let stream = is_of_streams || (fault != Fault::Truncated && random.chance(0.5));
    let number = usize::try_from(place).unwrap_or(0) % MODELS;
    let first = if fault == Fault::Unreachable { world::down(other, number) } else { world::bad(other, number) };
    let mut models = vec![first];
    if random.chance(0.7) {
        models.push(world::good(speech));
    }
    Question { speech, stream, marker: Marker { trial: world.next_trial(), fault, seed: random.number() }, models }
}

/// Compares one request with its rows; `lost`, `doubled` and `wrong` are the kinds that count.
fn compare(told: &Told, rows: &[Finished], calls: &[Entry], wrongs: &mut Wrongs) {
    match rows {
        [] => wrongs.note("lost", format!("{} {:?}", told.seen.status, told.seen.end)),
        [row] => {
            if let Err(wrong) = right(told, row, calls) {
                wrongs.note("wrong", format!("trial {}: {wrong}", told.trial));
            }
        }
        rows => wrongs.note("doubled", format!("{} rows", rows.len())),
    }
}

fn right(told: &Told, row: &Finished, calls: &[Entry]) -> Result<(), String> {
    let reading = told.seen.reading(told.speech);
    let expected = match (told.seen.status, told.seen.end) {
        (200, End::Clean) if reading.terminal => Outcome::Completed,
        (200, _) => Outcome::Interrupted,
        _ => Outcome::Failed,
    };
    if row.outcome != expected {
        return Err(format!("{:?} for {expected:?}", row.outcome));
    }
    // What reached nobody has no call in the journal, and neither has what a breaker kept back.
    let attempts = row.attempts.len();
    if attempts < calls.iter().filter(|call| call.done).count().min(1) {
        return Err(format!("{attempts} attempts for {} calls", calls.len()));
    }
    if expected == Outcome::Failed {
        return if row.status == told.seen.status { Ok(()) } else { Err(format!("status {}", row.status)) };
    }
    let last = calls.last().ok_or("an answer of nobody")?;
    let side = if last.bad { "bad" } else { "good" };
    let model = row.model.as_ref().map(ToString::to_string).unwrap_or_default();
    if model != format!("{side}-{}/{}", last.speech.slug(), last.model) {
        return Err(format!("{model} for {last:?}"));
    }
    if expected == Outcome::Completed {
        return judge::row_is_of_answer(row, told.trial, last.bad);
    }
    match (row.usage, row.cost) {
        (Some(usage), Some(_)) if usage.completion_tokens > 0 => Ok(()),
        (usage, cost) => Err(format!("usage {usage:?} and cost {cost:?} of what was delivered")),
    }
}
