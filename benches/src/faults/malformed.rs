//! Malformed requests by the hundred thousand: no panic, no hang, no growth.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::faults::caller::{self, Call, End};
use crate::faults::corpus;
use crate::faults::judge::Wrongs;
use crate::faults::play::Fault;
use crate::faults::random::Random;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, KEY, Setup, World};
use crate::harness::process::resident_mib;

const CONNECTIONS: u64 = 8;
/// An answer or a close must come within this.
const HANG: Duration = Duration::from_secs(5);
/// Memory may grow by this: pools, caches and what the allocator keeps.
const GROWTH_MIB: f64 = 96.0;

#[derive(Debug, Default)]
struct Tally {
    statuses: std::collections::BTreeMap<u16, u64>,
    closed: u64,
    hung: Vec<u64>,
}

/// Sends so many and prints what came of them.
///
/// # Errors
/// When the world does not start.
pub async fn run(requests: u64, seed: u64, setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let world = Arc::new(World::start(&setup).await?);
    // What the first requests leave behind is no growth.
    send(&world, seed ^ 1, 0, 200).await;
    let before = resident_mib(world.product.id());
    let (mut running, done) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for lane in 0..CONNECTIONS {
        let (world, done) = (world.clone(), done.clone());
        running.spawn(async move {
            let tally = send(&world, seed, lane, requests / CONNECTIONS).await;
            done.fetch_add(1, SeqCst);
            tally
        });
    }
    let mut most = before;
    while done.load(SeqCst) < usize::try_from(CONNECTIONS).unwrap_or(usize::MAX) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        most = most.max(resident_mib(world.product.id()));
        if !world.product.is_alive() {
            break;
        }
    }
    let mut all = Tally::default();
    while let Some(tally) = running.join_next().await {
        let tally = tally?;
        for (status, count) in tally.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
        all.closed += tally.closed;
        all.hung.extend(tally.hung);
    }
    let after = resident_mib(world.product.id());
    print(&format!("statuses {:?}, closed without one {}\n", all.statuses, all.closed));
    print(&format!("memory {before:.0} MiB before, {most:.0} at most, {after:.0} after\n"));
    judge(&world, &all, (before, most), requests).await
}

async fn judge(world: &World, all: &Tally, (before, most): (f64, f64), requests: u64) -> Result<Wrongs> {
    let mut wrongs = Wrongs::default();
    if !world.product.is_alive() {
        wrongs.note("the process", "has ended");
        return Ok(wrongs);
    }
    let metrics = world.product.metrics().await?;
    let panics = metrics.get("signalbox_panics_total").copied().unwrap_or(0.0);
    if panics > 0.0 {
        wrongs.note("panics", format!("{panics}"));
    }
    for place in &all.hung {
        wrongs.note("hangs", format!("request {place}"));
    }
    if most - before > GROWTH_MIB {
        wrongs.note("memory", format!("grew from {before:.0} to {most:.0} MiB"));
    }
    let answered: u64 = all.statuses.values().sum::<u64>() + all.closed + all.hung.len() as u64;
    let expected = requests / CONNECTIONS * CONNECTIONS;
    if answered != expected {
        wrongs.note("requests", format!("{answered} of {expected} came to something"));
    }
    Ok(wrongs)
}

/// Sends malformed requests one after another, each on a fresh connection.
async fn send(world: &World, seed: u64, lane: u64, count: u64) -> Tally {
    let (cases, mut tally) = (corpus::cases(), Tally::default());
    for turn in 0..count {
        let place = lane * 1_000_000_000 + turn;
        let mut random = Random::of(seed, place);
        let bytes = malformed(&mut random, &cases, place);
        let Ok(mut call) = Call::open(world.product.gateway).await else {
            tally.closed += 1;
            continue;
        };
        call.send(&bytes).await;
        // What waits for more must not wait for us.
        call.stop_sending().await;
        let seen = call.answer(HANG).await;
        match seen.end {
            End::Silent => tally.hung.push(place),
            End::Broken if seen.status == 0 => tally.closed += 1,
            End::Clean | End::Broken => *tally.statuses.entry(seen.status).or_default() += 1,
        }
    }
    tally
}

fn malformed(random: &mut Random, cases: &[corpus::Case], place: u64) -> Vec<u8> {
    if random.chance(0.2) {
        let mut bytes = random.pick(cases).bytes.clone();
        // The largest cost more than they teach.
        bytes.truncate(64 << 10);
        return bytes;
    }
    let speech = *random.pick(&Speech::ALL);
    let marker = Marker { trial: place, fault: Fault::None, seed: 0 };
    let body = speech.ask(&marker.prompt(), random.chance(0.5), &[world::good(speech)]);
    let mut request = caller::request(speech, false, KEY, &body);
    let head = request.len() - body.len();
    // Mostly bodies: heads have little to say.
    let range = if random.chance(0.7) { head..request.len() } else { 0..head };
    for _ in 0..=random.below(4) {
        mutate(random, &mut request, range.clone());
    }
    request
}

/// Tokens that parsers stumble over.
const TOKENS: [&[u8]; 16] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"-",
    b"null",
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b",\"model\":1",
    b"\xf0\x9f",
];

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, range: std::ops::Range<usize>) {
    let (start, end) = (range.start.min(bytes.len()), range.end.min(bytes.len()));
    let place = start + random.below(end - start);
    match random.below(6) {
        0 if place < bytes.len() => bytes[place] = random.number() as u8,
        1 => {
            let token = *random.pick(&TOKENS);
            bytes.splice(place..place, token.iter().copied());
        }
        2 => {
            let until = (place + 1 + random.below(20)).min(bytes.len());
            bytes.drain(place..until);
        }
        3 => {
            let until = (place + 1 + random.below(60)).min(bytes.len());
            let copied = bytes[place..until].to_vec();
            bytes.splice(place..place, copied);
        }
        4 if random.chance(0.1) => bytes.truncate(place),
        4 => {
            let deep = [b'['; 300];
            bytes.splice(place..place, deep);
        }
        _ if place < bytes.len() => bytes[place] ^= 1 << random.below(8),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_sends_the_same_bytes() {
        let cases = corpus::cases();
        for place in 0..200 {
            let one = malformed(&mut Random::of(3, place), &cases, place);
            assert_eq!(one, malformed(&mut Random::of(3, place), &cases, place));
            assert!(!one.is_empty());
        }
    }
}
