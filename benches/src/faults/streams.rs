//! Thousands of streams at once, an event a second: all complete, and what each costs in memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::faults::caller::{Call, End};
use crate::faults::judge::Wrongs;
use crate::faults::play::Fault;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, KEY, Question, Setup, World};
use crate::harness::process::resident_mib;

const PIECES: usize = 10;
const WAIT: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(250);
/// Connections that are opened at once: a listening socket's queue holds no more.
const OPENED_AT_ONCE: usize = 200;

/// Opens so many and prints how large the gateway became.
///
/// # Errors
/// When the world does not start.
pub async fn run(count: usize, setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let world = Arc::new(World::start(&Setup { impatient: false, ..setup }).await?);
    // Work of the start, and one stream of each kind, are not what is measured.
    for speech in Speech::ALL {
        let marker = Marker { trial: world.next_trial(), fault: Fault::None, seed: 0 };
        let models = vec![world::bad(speech, 0)];
        world.ask(&Question { speech, stream: true, marker, models }).await;
    }
    tokio::time::sleep(LOOK * 4).await;
    let before = resident_mib(world.product.id());
    let (gate, mut running) = (Arc::new(tokio::sync::Semaphore::new(OPENED_AT_ONCE)), JoinSet::new());
    for number in 0..count {
        let (world, gate) = (world.clone(), gate.clone());
        running.spawn(async move { stream(&world, number, &gate).await });
    }
    let (mut wrongs, mut most, mut open) = (Wrongs::default(), before, 0);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => if let Err(wrong) = ended? { wrongs.note("streams", wrong) },
                None => break,
            },
            _ = look.tick() => {
                most = most.max(resident_mib(world.product.id()));
                open = open.max(world.upstream.open());
            }
        }
    }
    let each = (most - before) * 1_024.0 / count as f64;
    print(&format!("{count} streams, {open} open upstream at once\n"));
    print(&format!("memory {before:.0} MiB before, {most:.0} MiB at most: {each:.1} KiB a stream\n"));
    if !world.product.is_alive() {
        wrongs.note("the process", "has ended");
    }
    Ok(wrongs)
}

async fn stream(world: &World, number: usize, gate: &tokio::sync::Semaphore) -> Result<(), String> {
    let speech = Speech::ALL[number % Speech::ALL.len()];
    let marker = Marker { trial: world.next_trial(), fault: Fault::Paced, seed: 0 };
    let question = Question { speech, stream: true, marker, models: vec![world::bad(speech, number % 4)] };
    let opening = gate.acquire().await.map_err(|fault| fault.to_string())?;
    let mut call = Call::open(world.product.gateway).await.map_err(|fault| fault.to_string())?;
    call.send(&question.bytes(KEY)).await;
    drop(opening);
    let seen = call.answer(WAIT).await;
    let reading = seen.reading(speech);
    let is_whole = seen.end == End::Clean && reading.terminal && reading.text == "Alpha ".repeat(PIECES);
    // Gemini finishes with the event that holds the last word.
    let is_whole = is_whole || (speech == Speech::Gemini && seen.end == End::Clean && reading.terminal);
    if is_whole { Ok(()) } else { Err(format!("{speech:?} {} {:?} {reading:?}", seen.status, seen.end)) }
}
