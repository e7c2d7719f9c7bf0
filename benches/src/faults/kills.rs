//! `kill -9` under load, again and again: whatever a caller was told must be in the ledger after the restart.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::faults::caller::{Call, End};
use crate::faults::judge::Wrongs;
use crate::faults::play::Fault;
use crate::faults::product::rows_after;
use crate::faults::random::Random;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, KEY, PATIENCE, Question, Setup, World};

const CALLERS: usize = 8;
const READY: Duration = Duration::from_secs(1);
/// Kills come at any moment within this.
const LIFE_MILLIS: usize = 400;

/// Kills so often, and compares what callers were told with the rows in the end.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(kills: u64, seed: u64, setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let mut world = World::start(&setup).await?;
    let acknowledged: Arc<Mutex<HashSet<String>>> = Arc::default();
    let mut ready = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
    let mut wrongs = Wrongs::default();
    for kill in 0..kills {
        let mut random = Random::of(seed, kill);
        let life = Duration::from_millis(20 + random.below(LIFE_MILLIS) as u64);
        world = load_and_kill(world, &acknowledged, life, &mut random).await?;
        let took = world.product.run()?;
        ready.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
    let millis = |quantile: f64| ready.value_at_quantile(quantile) as f64 / 1e3;
    let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
    print(&format!("{kills} kills; ready again after p50 {p50:.0} ms, p99 {p99:.0} ms, max {max:.0} ms\n"));
    if max > READY.as_secs_f64() * 1e3 {
        wrongs.note("ready", format!("after {max:.0} ms"));
    }
    // A graceful end drains what is left in the spool.
    world.product.terminate()?;
    let mut rows: HashMap<String, u64> = HashMap::new();
    let mut outcomes: HashMap<&str, u64> = HashMap::new();
    for row in rows_after(&world.product.ledger()?, 0).await? {
        *rows.entry(row.finished.started.id.to_string()).or_default() += 1;
        *outcomes.entry(row.finished.outcome.as_str()).or_default() += 1;
    }
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    for id in acknowledged.iter().filter(|id| !rows.contains_key(*id)) {
        wrongs.note("lost", id.as_str());
    }
    for (id, count) in rows.iter().filter(|(_, count)| **count > 1) {
        wrongs.note("doubled", format!("{id}: {count} rows"));
    }
    let (told, kept) = (acknowledged.len(), rows.len());
    print(&format!("{told} acknowledged, {kept} rows {outcomes:?}, {} lost\n", wrongs.of("lost")));
    Ok(wrongs)
}

/// Lets callers ask until the server is gone in their midst.
async fn load_and_kill(
    world: World,
    acknowledged: &Arc<Mutex<HashSet<String>>>,
    life: Duration,
    random: &mut Random,
) -> Result<World> {
    let (over, mut callers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    let world = Arc::new(tokio::sync::RwLock::new(world));
    for caller in 0..CALLERS {
        let (world, over, acknowledged) = (world.clone(), over.clone(), acknowledged.clone());
        let mut random = Random::of(random.number(), caller as u64);
        callers.spawn(async move {
            let (gateway, mut kept) = (world.read().await.product.gateway, None);
            while !over.load(SeqCst) {
                let question = question(&*world.read().await, &mut random);
                let mut call = match kept.take() {
                    Some(call) => call,
                    None => match Call::open(gateway).await {
                        Ok(call) => call,
                        Err(_) => continue,
                    },
                };
                call.send(&question.bytes(KEY)).await;
                let seen = call.answer(PATIENCE).await;
                let reading = seen.reading(question.speech);
                if seen.end == End::Clean && reading.terminal {
                    let id = seen.header("x-request-id").unwrap_or_default().to_owned();
                    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                    kept = Some(call);
                }
            }
        });
    }
    tokio::time::sleep(life).await;
    let id = world.read().await.product.id();
    // The process is reaped below; callers see its sockets break at once.
    std::process::Command::new("kill").args(["-9", &id.to_string()]).status()?;
    over.store(true, SeqCst);
    while callers.join_next().await.is_some() {}
    let Some(lock) = Arc::into_inner(world) else { anyhow::bail!("a caller still holds the world") };
    let mut world = lock.into_inner();
    world.product.kill();
    Ok(world)
}

fn question(world: &World, random: &mut Random) -> Question {
    let speech = *random.pick(&Speech::ALL);
    let stream = random.chance(0.5);
    let fault = if stream && random.chance(0.2) { Fault::SlowStream } else { Fault::None };
    let marker = Marker { trial: world.next_trial(), fault, seed: random.number() };
    Question { speech, stream, marker, models: vec![world::bad(speech, random.below(4))] }
}
