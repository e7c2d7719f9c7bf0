//! Configuration that changes while requests run: one that is wrong changes nothing, one that is right changes no stream.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ledger::LedgerReader;

use crate::faults::caller::Call;
use crate::faults::judge::{self, Expect};
use crate::faults::matrix::{Line, Plan};
use crate::faults::play::Fault;
use crate::faults::speech::Speech;
use crate::faults::upstream::Marker;
use crate::faults::world::{self, KEY, PATIENCE, Question, World};

const LOOK: Duration = Duration::from_millis(10);

/// The lines of the matrix in which the configuration is replaced.
///
/// # Errors
/// When the gateway or the ledger cannot be reached.
pub async fn lines(world: &World, ledger: &LedgerReader, plan: &Plan) -> Result<Vec<Line>> {
    let is_wanted = |number: u8| plan.row.is_none_or(|row| row == number);
    let mut lines = Vec::new();
    if is_wanted(34) {
        lines.push(Line::one(
            34,
            "wrong configuration",
            Speech::Openai,
            "the old one serves",
            wrong_file(world).await?,
        ));
    }
    if is_wanted(35) {
        for speech in Speech::ALL {
            let kept = kept_price(world, ledger, speech).await?;
            lines.push(Line::one(35, "new price mid-stream", speech, "the old price", kept));
        }
    }
    Ok(lines)
}

async fn gauge(world: &World, name: &str) -> Result<f64> {
    Ok(world.product.metrics().await?.get(name).copied().unwrap_or(0.0))
}

async fn wait_for(world: &World, name: &str, above: f64) -> Result<bool> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if gauge(world, name).await? > above {
            return Ok(true);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(false)
}

fn question(world: &World, speech: Speech, fault: Fault) -> Question {
    let marker = Marker { trial: world.next_trial(), fault, seed: 0 };
    Question { speech, stream: true, marker, models: vec![world::bad(speech, 0)] }
}

async fn wrong_file(world: &World) -> Result<Result<String, String>> {
    let (faults, revision) = ("signalbox_config_faults_total", "signalbox_snapshot_revision");
    let (faults_before, before) = (gauge(world, faults).await?, gauge(world, revision).await?);
    world.product.configure(&format!("{}\n[[models]]\nid = 7\n", world.config()))?;
    let is_noticed = wait_for(world, faults, faults_before).await?;
    let seen = world.ask(&question(world, Speech::Openai, Fault::None)).await;
    let after = gauge(world, revision).await?;
    world.product.configure(world.config())?;
    let served = Expect::Answer.compare(&seen, Speech::Openai, true);
    Ok(match (is_noticed, after > before, served) {
        (true, false, Ok(())) => Ok("the old one serves".to_owned()),
        (is_noticed, is_changed, served) => Err(format!("noticed {is_noticed}, changed {is_changed}, {served:?}")),
    })
}

/// A stream is paid for at the price under which it began.
async fn kept_price(world: &World, ledger: &LedgerReader, speech: Speech) -> Result<Result<String, String>> {
    let question = question(world, speech, Fault::SlowStream);
    let before = gauge(world, "signalbox_snapshot_revision").await?;
    let mut call = Call::open(world.product.gateway).await?;
    call.send(&question.bytes(KEY)).await;
    let until = Instant::now() + PATIENCE;
    while world.upstream.calls_of(question.marker.trial).is_empty() {
        ensure!(Instant::now() < until, "the upstream was not called");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    world.product.configure(&world.config().replace("prompt = \"0.000001\"", "prompt = \"0.5\""))?;
    let seen = call.answer(PATIENCE).await;
    let is_changed = wait_for(world, "signalbox_snapshot_revision", before).await?;
    let changed = gauge(world, "signalbox_snapshot_revision").await?;
    let row = judge::row(ledger, seen.header("x-request-id").unwrap_or_default()).await?;
    world.product.configure(world.config())?;
    let is_back = wait_for(world, "signalbox_snapshot_revision", changed).await?;
    ensure!(is_changed && is_back, "the changed configuration was not taken");
    let judged = Expect::Answer.compare(&seen, speech, true);
    let judged = judged.and(row).and_then(|row| judge::row_is_of_answer(&row, question.marker.trial, true));
    Ok(judged.map(|()| "the old price".to_owned()))
}
