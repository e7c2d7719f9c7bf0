//! Reloads and drains under load: nobody is refused, nobody is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::faults::caller::{Call, End};
use crate::faults::judge::{self, Wrongs};
use crate::faults::play::Fault;
use crate::faults::product::rows_after;
use crate::faults::random::Random;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, KEY, PATIENCE, Question, Setup, World};

const CALLERS: usize = 8;
const BETWEEN_RELOADS: Duration = Duration::from_millis(100);
const RELOADED: Duration = Duration::from_secs(10);
const BEFORE_DRAIN: Duration = Duration::from_millis(150);
const CONNECT_AGAIN: Duration = Duration::from_millis(5);

/// What callers count together.
#[derive(Debug, Default)]
struct Counts {
    whole: AtomicU64,
    reconnects: AtomicU64,
    unread: AtomicU64,
    dropped: AtomicU64,
    wrongs: std::sync::Mutex<Wrongs>,
}

impl Counts {
    fn note(&self, kind: &str, detail: String) {
        self.wrongs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).note(kind, detail);
    }
}

/// Reloads and drains so often.
///
/// # Errors
/// When the world does not start, or the ledger cannot be read.
pub async fn run(count: u64, seed: u64, setup: Setup, print: &mut impl FnMut(&str)) -> Result<Wrongs> {
    let world = Arc::new(RwLock::new(World::start(&Setup { impatient: false, ..setup }).await?));
    let (counts, over, mut callers) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)), JoinSet::new());
    for caller in 0..CALLERS {
        let (world, counts, over) = (world.clone(), counts.clone(), over.clone());
        callers.spawn(async move { call_until(&world, &counts, &over, Random::of(seed, caller as u64)).await });
    }
    let reloaded = reload(&world, count).await?;
    print(&format!("{reloaded} reloads under load: {} whole answers\n", counts.whole.load(SeqCst)));
    let refused = counts.reconnects.load(SeqCst) + counts.unread.load(SeqCst) + counts.dropped.load(SeqCst);
    if refused > 0 {
        counts.note("refused in a reload", format!("{refused} connections"));
    }
    for _ in 0..count {
        tokio::time::sleep(BEFORE_DRAIN).await;
        let mut world = world.write().await;
        tokio::task::block_in_place(|| world.product.terminate())?;
        tokio::task::block_in_place(|| world.product.run())?;
    }
    over.store(true, SeqCst);
    while callers.join_next().await.is_some() {}
    let whole = counts.whole.load(SeqCst);
    let (waited, unread) = (counts.reconnects.load(SeqCst), counts.unread.load(SeqCst));
    print(&format!("{count} drains under load: {whole} whole answers in all; {waited} waits for a listener, "));
    print(&format!("{unread} requests sent again on idle connections that were closed\n"));
    let dropped = counts.dropped.load(SeqCst);
    if dropped > 0 {
        counts.note("fresh connections dropped", format!("{dropped} in {count} drains"));
    }
    let ledger = world.read().await.product.ledger()?;
    judge::wait_for_rows(&ledger, whole).await?;
    let rows = rows_after(&ledger, 0).await?.len() as u64;
    if rows != whole {
        counts.note("rows", format!("{rows} for {whole} answers"));
    }
    let Some(counts) = Arc::into_inner(counts) else { anyhow::bail!("a caller is still there") };
    Ok(counts.wrongs.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Puts a changed configuration in place, and waits until the gateway has it, so often.
async fn reload(world: &RwLock<World>, count: u64) -> Result<u64> {
    let mut done = 0;
    for turn in 0..count {
        let world = world.read().await;
        let before = revision(&world).await?;
        let changed = world.config().replacen("capability = 0.5", &format!("capability = 0.{}", 1 + turn % 4), 1);
        world.product.configure(&changed)?;
        let until = std::time::Instant::now() + RELOADED;
        while revision(&world).await? == before && std::time::Instant::now() < until {
            tokio::time::sleep(BETWEEN_RELOADS / 10).await;
        }
        done += u64::from(revision(&world).await? > before);
        tokio::time::sleep(BETWEEN_RELOADS).await;
    }
    anyhow::ensure!(done == count, "{done} of {count} changes were taken");
    Ok(done)
}

async fn revision(world: &World) -> Result<u64> {
    Ok(world.product.metrics().await?.get("signalbox_snapshot_revision").copied().unwrap_or(0.0) as u64)
}

/// Asks again and again. Only connecting is tried again: what was sent must be answered.
async fn call_until(world: &RwLock<World>, counts: &Counts, over: &AtomicBool, mut random: Random) {
    let (mut kept, gateway): (Option<Call>, _) = (None, world.read().await.product.gateway);
    let mut trial = random.number();
    while !over.load(SeqCst) {
        let is_fresh = kept.is_none();
        let mut call = if let Some(call) = kept.take() {
            call
        } else if let Ok(call) = Call::open(gateway).await {
            call
        } else {
            counts.reconnects.fetch_add(1, SeqCst);
            tokio::time::sleep(CONNECT_AGAIN).await;
            continue;
        };
        trial += 1;
        let speech = *random.pick(&Speech::ALL);
        let stream = random.chance(0.6);
        let fault = if stream { Fault::SlowStream } else { Fault::None };
        let marker = Marker { trial, fault, seed: 0 };
        let question = Question { speech, stream, marker, models: vec![world::bad(speech, random.below(4))] };
        call.send(&question.bytes(KEY)).await;
        let seen = call.answer(PATIENCE).await;
        let reading = seen.reading(speech);
        if seen.status == 200 && seen.end == End::Clean && reading.terminal {
            counts.whole.fetch_add(1, SeqCst);
            // A server that drains says so, and a client that hears it connects again.
            kept = (seen.header("connection") != Some("close")).then_some(call);
        } else if seen.status == 0 && seen.end == End::Broken {
            // Closed before the request was read: an idle connection, which every client expects, or a fresh one that
            // nobody had accepted yet.
            let counter = if is_fresh { &counts.dropped } else { &counts.unread };
            counter.fetch_add(1, SeqCst);
        } else {
            counts.note("cut", format!("{speech:?} {} {:?} {reading:?}", seen.status, seen.end));
        }
    }
}
