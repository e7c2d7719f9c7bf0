//! The one connection to the shared store: takes operations in order, sends what waits as one pipeline, reconnects.
//!
//! While the store is away callers are told at once, and settlements are kept, bounded, until it is back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, RedisResult};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::shared::dial::Address;
use crate::shared::fault::Fault;
use crate::shared::wire::{BeatAnswer, BeatCall, COMMON_PREFIX, Script, SettleAnswer, SettleCall};
use crate::shared::{Operation, SharedConfig, State};

/// Operations sent together.
const BATCH: usize = 128;
/// Settlements kept while the store is away.
const BACKLOG: usize = 100_000;
/// How often the store is told that this gateway is there.
const BEAT: Duration = Duration::from_secs(1);
/// A gateway that has been silent for this long counts no more.
const GONE: Duration = Duration::from_secs(10);
/// Between attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs until nobody can ask any more.
pub(crate) async fn run(address: Address, config: SharedConfig, state: Arc<State>, operations: Receiver<Operation>) {
    let mut link = Link { config, state, operations, backlog: VecDeque::new() };
    let mut was_told = false;
    loop {
        let Err(fault) = link.serve(&address).await else { return };
        if link.state.is_up.swap(false, Ordering::AcqRel) || !was_told {
            tracing::warn!(%fault, "the limits store is away: limits are divided among the gateways");
            was_told = true;
        }
        metrics::gauge!("signalbox_limits_store_up").set(0.0);
        if link.refuse_until(Instant::now() + PAUSE).await.is_none() {
            return;
        }
    }
}

struct Link {
    config: SharedConfig,
    state: Arc<State>,
    operations: Receiver<Operation>,
    backlog: VecDeque<Box<SettleCall>>,
}

/// What a place of a pipeline was for.
enum Sent {
    Call(oneshot::Sender<String>),
    Settle(Box<SettleCall>),
}

/// A connection on which the scripts are known.
struct Connected {
    connection: MultiplexedConnection,
    digests: [String; Script::ALL.len()],
}

impl Link {
    /// Serves over one connection until it fails. `Ok` = nobody can ask any more.
    async fn serve(&mut self, address: &Address) -> Result<(), Fault> {
        let mut connected = self.connect(address).await?;
        self.beat(&mut connected).await?;
        self.send_backlog(&mut connected).await?;
        if !self.state.is_up.swap(true, Ordering::AcqRel) {
            tracing::info!("the limits store is there");
        }
        metrics::gauge!("signalbox_limits_store_up").set(1.0);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = self.operations.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return Ok(());
                    }
                    self.send(&mut connected, batch.drain(..)).await?;
                }
                _ = beats.tick() => self.beat(&mut connected).await?,
            }
        }
    }

    async fn connect(&mut self, address: &Address) -> Result<Connected, Fault> {
        let mut connecting = std::pin::pin!(address.connect(self.config.wait.saturating_mul(2)));
        let mut connection = loop {
            // Callers must not wait for the connection, nor the queue fill up.
            tokio::select! {
                connection = &mut connecting => break connection?,
                Some(operation) = self.operations.recv() => self.put_off(operation),
            }
        };
        let mut digests: [String; Script::ALL.len()] = Default::default();
        for (script, digest) in Script::ALL.into_iter().zip(&mut digests) {
            *digest = redis::cmd("SCRIPT").arg("LOAD").arg(script.source()).query_async(&mut connection).await?;
        }
        Ok(Connected { connection, digests })
    }

    async fn beat(&self, connected: &mut Connected) -> RedisResult<()> {
        let call = BeatCall { now: 0, prefix: COMMON_PREFIX, replica: &self.config.replica, gone: GONE.as_secs() };
        let arguments = serde_json::to_string(&call).unwrap_or_default();
        let answer: String = redis::cmd("EVALSHA")
            .arg(connected.digest(Script::Beat))
            .arg(0)
            .arg(arguments)
            .query_async(&mut connected.connection)
            .await?;
        if let Ok(BeatAnswer { replicas }) = serde_json::from_str(&answer) {
            self.state.replicas.store(replicas.max(1), Ordering::Relaxed);
        }
        Ok(())
    }

    async fn send_backlog(&mut self, connected: &mut Connected) -> RedisResult<()> {
        while !self.backlog.is_empty() {
            let count = self.backlog.len().min(BATCH);
            let batch: Vec<_> = self.backlog.drain(..count).map(Operation::Settle).collect();
            self.send(connected, batch).await?;
        }
        Ok(())
    }

    /// Sends operations as one pipeline. Settlements that may not have arrived are kept.
    async fn send(&mut self, connected: &mut Connected, batch: impl IntoIterator<Item = Operation>) -> RedisResult<()> {
        let (mut pipeline, mut sent) = (Pipeline::new(), Vec::with_capacity(BATCH));
        for operation in batch {
            let (script, arguments, place) = match operation {
                // Whoever asked has stopped waiting.
                Operation::Call { reply, .. } if reply.is_closed() => continue,
                Operation::Call { script, arguments, reply } => (script, arguments, Sent::Call(reply)),
                Operation::Settle(call) => {
                    (Script::Settle, serde_json::to_string(&call).unwrap_or_default(), Sent::Settle(call))
                }
            };
            pipeline.cmd("EVALSHA").arg(connected.digest(script)).arg(0).arg(arguments);
            sent.push(place);
        }
        if sent.is_empty() {
            return Ok(());
        }
        pipeline.ignore_errors();
        let answers: RedisResult<Vec<RedisResult<String>>> = pipeline.query_async(&mut connected.connection).await;
        match answers {
            Ok(answers) => self.take_answers(sent, answers),
            Err(fault) => {
                self.keep(sent);
                Err(fault)
            }
        }
    }

    fn take_answers(&mut self, sent: Vec<Sent>, answers: Vec<RedisResult<String>>) -> RedisResult<()> {
        let mut broken = None;
        for (place, answer) in sent.into_iter().zip(answers) {
            match (place, answer) {
                (Sent::Call(reply), Ok(answer)) => drop(reply.send(answer)),
                (Sent::Settle(call), Ok(answer)) => {
                    self.state.settled(1);
                    raise_alerts(&call, &answer);
                }
                (place, Err(fault)) if is_of_the_script(&fault) => {
                    tracing::error!(code = fault.code(), "a script of the limits store failed");
                    if let Sent::Settle(_) = place {
                        self.state.dropped(1);
                    }
                }
                // A replica, a server that still loads, or one that has forgotten the scripts: connect anew.
                (place, Err(fault)) => {
                    self.keep([place]);
                    broken = Some(fault);
                }
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn keep(&mut self, sent: impl IntoIterator<Item = Sent>) {
        for place in sent {
            match place {
                Sent::Settle(call) => self.put_off(Operation::Settle(call)),
                // Whoever waits learns it by the dropped sender.
                Sent::Call(_) => {}
            }
        }
    }

    fn put_off(&mut self, operation: Operation) {
        match operation {
            Operation::Settle(call) => {
                if self.backlog.len() >= BACKLOG {
                    self.backlog.pop_front();
                    self.state.dropped(1);
                }
                self.backlog.push_back(call);
            }
            Operation::Call { .. } => {}
        }
    }

    /// Answers nobody until a moment; `None` = nobody can ask any more.
    async fn refuse_until(&mut self, until: Instant) -> Option<()> {
        loop {
            tokio::select! {
                () = sleep_until(until) => return Some(()),
                operation = self.operations.recv() => self.put_off(operation?),
            }
        }
    }
}

impl Connected {
    fn digest(&self, script: Script) -> &str {
        let place = Script::ALL.iter().position(|it| *it == script).unwrap_or_default();
        &self.digests[place]
    }
}

/// Whether the script itself failed, so that sending it again would fail again.
fn is_of_the_script(fault: &RedisError) -> bool {
    fault.code() == Some("ERR")
}

fn raise_alerts(call: &SettleCall, answer: &str) {
    let Ok(SettleAnswer { alerts }) = serde_json::from_str(answer) else { return };
    for cap in alerts.into_iter().filter_map(|place| call.caps.get(place)) {
        crate::limiter::alert(&cap.key, cap.hard);
    }
}
