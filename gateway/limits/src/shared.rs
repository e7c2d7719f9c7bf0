//! Counts that several gateways share in Redis or Valkey: one script for each operation, so that each is atomic.
//!
//! Everything goes through one bounded queue to one connection (`link`), in order: what a request gives back is there
//! before the next request of the same caller asks. A reservation whose gateway has died is given back by its expiry.

mod dial;
mod fault;
mod link;
mod seen;
pub(crate) mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::{Money, OrganisationId, Timestamp};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::demand::{Cap, Consumed, Demand};
use crate::refusal::Unloaded;
use crate::shared::dial::Address;
use crate::shared::seen::Seen;
use crate::shared::wire::{
    CapCall, CounterCall, LoadCall, ReserveAnswer, ReserveCall, Script, SettleCall, cap_key, expiry_millis, pico,
    prefix_of,
};

/// Operations that wait for the connection.
const QUEUE: usize = 16_384;

/// How the shared store is reached.
#[derive(Clone)]
pub struct SharedConfig {
    /// `redis://[user:password@]host:port/number`, `rediss://` for TLS, or `redis+unix:///path`.
    pub url: String,
    /// Whose certificates are trusted where it is TLS.
    pub tls: Arc<ClientConfig>,
    /// This gateway's name, the same after a restart.
    pub replica: String,
    /// How many gateways share the limits; absent = those that were last seen.
    pub replicas: Option<u64>,
    /// How long a request waits for the store.
    pub wait: Duration,
    /// How long a reservation lives that nobody settles: longer than any request.
    pub lives: Duration,
}

impl fmt::Debug for SharedConfig {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, tls: _, replica, replicas, wait, lives } = self;
        f.debug_struct("SharedConfig")
            .field("url", &"…")
            .field("replica", replica)
            .field("replicas", replicas)
            .field("wait", wait)
            .field("lives", lives)
            .finish_non_exhaustive()
    }
}

/// The address of the shared store is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "the address of the limits store is not one of Redis: expected `redis://host:port`, `rediss://host:port` for TLS, or `redis+unix:///path`"
)]
pub struct SharedError;

/// The shared store is away.
#[derive(Debug)]
pub(crate) struct Away;

/// What the link is asked to do.
pub(crate) enum Operation {
    /// Runs a script and answers, if somebody still waits for it.
    Call { script: Script, arguments: String, reply: oneshot::Sender<String> },
    /// Ends a reservation. Kept while the store is away.
    Settle(Box<SettleCall>),
}

/// What the link and its users both look at.
pub(crate) struct State {
    pub(crate) is_up: AtomicBool,
    /// Gateways seen last.
    pub(crate) replicas: AtomicU64,
    /// Settlements that the store has not confirmed.
    pub(crate) unsettled: AtomicU64,
}

impl State {
    /// Settlements have arrived.
    pub(crate) fn settled(&self, count: u64) {
        self.unsettled.fetch_sub(count, Ordering::AcqRel);
    }

    /// Settlements will never arrive.
    pub(crate) fn dropped(&self, count: u64) {
        metrics::counter!("signalbox_limit_settlements_dropped_total").increment(count);
        self.settled(count);
    }
}

/// A handle of the shared store.
pub(crate) struct Shared {
    operations: mpsc::Sender<Operation>,
    state: Arc<State>,
    config: SharedConfig,
    seen: Seen,
    /// Sets this process's reservations apart from those of others and of earlier ones.
    process: String,
    next: AtomicU64,
    /// 0 = the store's clock.
    now: AtomicU64,
}

/// A reservation in the shared store, or what will be counted there without one.
#[derive(Debug)]
pub(crate) struct SharedHold(Box<SettleCall>);

/// A reservation that has been asked for. Should nobody wait for the answer any more, or it not come, it is given back:
/// the request may have been let in all the same.
struct Pending<'a> {
    shared: &'a Shared,
    hold: Option<SharedHold>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.shared.settle(hold, None);
        }
    }
}

impl Shared {
    /// Begins to connect, on the caller's runtime.
    pub(crate) fn start(config: SharedConfig, started: Timestamp) -> Result<Self, SharedError> {
        let address = Address::parse(&config.url, &config.tls)?;
        let (operations, receiver) = mpsc::channel(QUEUE);
        let replicas = AtomicU64::new(config.replicas.unwrap_or(1).max(1));
        let state = Arc::new(State { is_up: AtomicBool::new(false), replicas, unsettled: AtomicU64::new(0) });
        tokio::spawn(link::run(address, config.clone(), state.clone(), receiver));
        let process = format!("{}:{:x}", config.replica, started.0);
        let (seen, next, now) = (Seen::default(), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { operations, state, config, seen, process, next, now })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.is_up.load(Ordering::Acquire)
    }

    /// Whether the store is there and has not been told everything yet.
    pub(crate) fn is_settling(&self) -> bool {
        self.is_up() && self.state.unsettled.load(Ordering::Acquire) > 0
    }

    /// Among how many gateways limits are shared.
    pub(crate) fn replicas(&self) -> u64 {
        self.config.replicas.unwrap_or_else(|| self.state.replicas.load(Ordering::Relaxed)).max(1)
    }

    /// Asks to let a request in, or with `commit` false how things stand.
    pub(crate) async fn reserve(
        &self,
        now: Timestamp,
        demand: &Demand,
        commit: bool,
    ) -> Result<(SharedHold, ReserveAnswer), Away> {
        let id = self.next_id();
        let call = ReserveCall {
            now: self.now(),
            prefix: prefix_of(&demand.organisation),
            replica: &self.config.replica,
            id: &id,
            lives: self.config.lives.as_secs(),
            commit,
            counters: CounterCall::all_of(demand),
            caps: demand.caps.iter().map(|cap| CapCall::new(cap, now)).collect(),
            input: demand.estimate.input_tokens,
            output: demand.estimate.output_tokens,
            cost: pico(demand.estimate.cost.unwrap_or(Money::ZERO)),
        };
        let mut pending = Pending { shared: self, hold: Some(SharedHold(self.settlement(now, demand, id.clone()))) };
        let answer: ReserveAnswer = self.call(Script::Reserve, &call).await?;
        for (cap, found) in call.caps.iter().zip(&answer.caps) {
            self.seen.note(&cap.key, &found.spent);
        }
        Ok((pending.hold.take().ok_or(Away)?, answer))
    }

    /// What is counted of a request that was let in while the store is away.
    pub(crate) fn hold_without(&self, now: Timestamp, demand: &Demand) -> SharedHold {
        SharedHold(self.settlement(now, demand, self.next_id()))
    }

    /// Ends a reservation. Never waits; what finds no room is counted.
    pub(crate) fn settle(&self, SharedHold(mut call): SharedHold, consumed: Option<Consumed>) {
        call.now = self.now();
        call.consumed = consumed.map(Into::into);
        self.state.unsettled.fetch_add(1, Ordering::AcqRel);
        if self.operations.try_send(Operation::Settle(call)).is_err() {
            self.state.dropped(1);
        }
    }

    /// Tells what this gateway had spent of a budget before.
    pub(crate) async fn load(
        &self,
        now: Timestamp,
        organisation: &OrganisationId,
        what: &Unloaded,
        spent: Money,
    ) -> Result<(), Away> {
        let key = cap_key(&what.spender, what.period, now);
        let call = LoadCall {
            now: self.now(),
            prefix: prefix_of(organisation),
            replica: &self.config.replica,
            seen: self.seen.last(&key),
            key,
            spent: pico(spent),
            until_millis: expiry_millis(what.period, now),
        };
        self.call::<serde::de::IgnoredAny>(Script::Load, &call).await.map(|_| ())
    }

    async fn call<T: DeserializeOwned>(&self, script: Script, call: &impl serde::Serialize) -> Result<T, Away> {
        if !self.is_up() {
            return Err(Away);
        }
        let arguments = serde_json::to_string(call).map_err(|_| Away)?;
        let (reply, answer) = oneshot::channel();
        self.operations.try_send(Operation::Call { script, arguments, reply }).map_err(|_| Away)?;
        let answer = tokio::time::timeout(self.config.wait, answer).await.map_err(|_| Away)?.map_err(|_| Away)?;
        serde_json::from_str(&answer).map_err(|fault| {
            tracing::error!(%fault, "a script of the limits store answered what it should not");
            Away
        })
    }

    fn settlement(&self, now: Timestamp, demand: &Demand, id: String) -> Box<SettleCall> {
        Box::new(SettleCall {
            now: 0,
            prefix: prefix_of(&demand.organisation),
            replica: self.config.replica.clone(),
            id,
            counters: CounterCall::all_of(demand).into_iter().map(|counter| counter.key).collect(),
            caps: demand.caps.iter().map(|cap: &Cap| CapCall::new(cap, now)).collect(),
            consumed: None,
        })
    }

    fn next_id(&self) -> String {
        format!("{}:{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the scripts take this for the time.
    #[cfg(test)]
    pub(crate) fn set_time(&self, micros: u64) {
        self.now.store(micros, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
