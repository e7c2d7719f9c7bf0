//! Streams cut by the ten thousand, over every pair of dialects: none may end as if it were complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use domain::Outcome;
use tokio::task::JoinSet;

use crate::faults::caller::{End, Seen};
use crate::faults::judge::{self, Expect, Wrongs};
use crate::faults::play::Fault;
use crate::faults::product::rows_after;
use crate::faults::random::Random;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, Question, Setup, World};

const AT_ONCE: u64 = 16;
const CUTS: [Fault; 8] = [
    Fault::ResetMid,
    Fault::EndMid,
    Fault::BareMarkerMid,
    Fault::CloseMid,
    Fault::HalfEventMid,
    Fault::MalformedMid,
    Fault::ErrorEventMid,
    Fault::ResetAfterHead,
];

/// What became of one cut.
struct Cut {
    pair: (Speech, Speech),
    fault: Fault,
    seen: Seen,
}

/// Cuts so many streams and prints how they ended, pair by pair.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(streams: u64, seed: u64, mut setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    setup.models = 200;
    let world = Arc::new(World::start(&setup).await?);
    let mut running = JoinSet::new();
    for lane in 0..AT_ONCE {
        let world = world.clone();
        running.spawn(async move {
            let mut cuts = Vec::new();
            for place in (lane..streams).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
                cuts.push(cut(&world, seed, place).await);
            }
            cuts
        });
    }
    let (mut wrongs, mut pairs) = (Wrongs::default(), BTreeMap::new());
    while let Some(cuts) = running.join_next().await {
        for cut in cuts? {
            let counts: &mut [u64; 2] = pairs.entry(cut.pair).or_default();
            counts[0] += 1;
            if let Some(wrong) = wrong_with(&cut) {
                counts[1] += 1;
                wrongs.note(cut.fault.name(), format!("{:?}: {wrong}", cut.pair));
            }
        }
    }
    print(&format!("{:<12} {:<12} {:>8} {:>10}\n", "caller", "upstream", "streams", "dishonest"));
    for ((caller, upstream), [count, bad]) in &pairs {
        print(&format!("{:<12} {:<12} {count:>8} {bad:>10}\n", caller.slug(), upstream.slug()));
    }
    rows(&world, streams, &mut wrongs).await?;
    Ok(wrongs)
}

async fn cut(world: &World, seed: u64, place: u64) -> Cut {
    let mut random = Random::of(seed, place);
    let (speech, other) = (*random.pick(&Speech::ALL), *random.pick(&Speech::ALL));
    let fault = *random.pick(&CUTS);
    let marker = Marker { trial: world.next_trial(), fault, seed: random.number() };
    let number = usize::try_from(place % 200).unwrap_or(0);
    let question = Question { speech, stream: true, marker, models: vec![world::bad(other, number)] };
    Cut { pair: (speech, other), fault, seen: world.ask(&question).await }
}

fn wrong_with(cut: &Cut) -> Option<String> {
    let reading = cut.seen.reading(cut.pair.0);
    if cut.seen.status == 200 && (reading.terminal || cut.seen.end == End::Clean) {
        return Some(format!("a clean end: {reading:?}"));
    }
    let expect = if cut.fault == Fault::ResetAfterHead { Expect::Error(502) } else { Expect::Broken };
    expect.compare(&cut.seen, cut.pair.0, true).err()
}

/// One row each, none of them says that it was complete.
async fn rows(world: &World, streams: u64, wrongs: &mut Wrongs) -> Result<()> {
    let ledger = world.product.ledger()?;
    judge::wait_for_rows(&ledger, streams).await?;
    let rows = rows_after(&ledger, 0).await?;
    if rows.len() as u64 != streams {
        wrongs.note("rows", format!("{} for {streams} streams", rows.len()));
    }
    for row in rows.iter().filter(|row| !matches!(row.finished.outcome, Outcome::Interrupted | Outcome::Failed)) {
        wrongs.note("outcomes", format!("{:?}", row.finished.outcome));
    }
    Ok(())
}
