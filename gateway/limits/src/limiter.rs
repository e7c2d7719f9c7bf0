//! What a gateway asks: reserves in this process or in the shared store, and falls back when the latter is away.

use std::sync::Arc;
use std::time::Duration;

use domain::{BudgetMode, KeyId, Money, OrganisationId, Timestamp};

use crate::demand::{Cap, Consumed, Demand, Estimate, Now, Tokens};
use crate::local::{Local, Taken};
use crate::period::{period_end, period_start};
use crate::refusal::{Refusal, Refused, Spent, Unloaded};
use crate::shared::wire::{CapAnswer, ReserveAnswer, UsageAnswer, money, whole};
use crate::shared::{Away, Shared, SharedConfig, SharedError, SharedHold};
use crate::status::{BudgetStatus, Status, Usage};

/// All limits and budgets, as one gateway sees them.
pub struct Limiter {
    local: Local,
    shared: Option<Shared>,
}

/// What a request holds until it is settled. Dropped, it is given back in full.
pub struct Reservation {
    limiter: Arc<Limiter>,
    taken: Taken,
    shared: Option<SharedHold>,
    /// How things stand with it.
    pub status: Status,
    /// The shared store was away.
    pub is_degraded: bool,
    is_open: bool,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::in_process()
    }
}

impl Limiter {
    /// Counts in this process alone.
    pub fn in_process() -> Self {
        Self { local: Local::default(), shared: None }
    }

    /// Shares the counts with other gateways. Begins to connect, on the caller's runtime.
    pub fn shared(config: SharedConfig, started: Timestamp) -> Result<Self, SharedError> {
        Ok(Self { local: Local::default(), shared: Some(Shared::start(config, started)?) })
    }

    /// Whether the counts are shared and the store is there, or they are not shared.
    pub fn is_whole(&self) -> bool {
        self.shared.as_ref().is_none_or(Shared::is_up)
    }

    /// Whether something that has ended is still on its way to the shared store.
    pub fn is_settling(&self) -> bool {
        self.shared.as_ref().is_some_and(Shared::is_settling)
    }

    /// Reserves what a request may consume, under all of its limits and budgets or under none.
    pub async fn reserve(self: &Arc<Self>, now: Now, demand: &Demand) -> Result<Reservation, Refusal> {
        let Some(shared) = self.shared.as_ref().filter(|_| demand.is_limited()) else {
            let (taken, status) = self.local.reserve(now, demand)?;
            return Ok(self.reservation(taken, None, status, false));
        };
        match shared.reserve(now.wall, demand, true).await {
            Ok((hold, answer)) => self.reserved(now, demand, hold, &answer),
            Err(Away) => self.reserve_alone(now, demand, shared),
        }
    }

    /// Takes over what had been spent of a budget before anybody here counted.
    ///
    /// # Errors
    /// When the shared store is away.
    pub async fn load(
        &self,
        now: Timestamp,
        organisation: &OrganisationId,
        what: &Unloaded,
        spent: Money,
    ) -> Result<(), Refusal> {
        match &self.shared {
            None => {
                self.local.load(organisation, what, spent);
                Ok(())
            }
            Some(shared) => shared.load(now, organisation, what, spent).await.map_err(|Away| Refusal::Unavailable),
        }
    }

    /// Counts what a key consumed so long ago, before this process began. `now` is monotonic.
    pub fn restore(&self, now: Duration, key: &KeyId, ago: Duration, input_tokens: u64, output_tokens: u64) {
        self.local.restore(now, key, ago, Tokens { input: input_tokens, output: output_tokens });
    }

    /// How a key stands: what it has used, and what has been spent of its budgets.
    ///
    /// # Errors
    /// When budgets must be loaded first, or the shared store is away.
    pub async fn look(&self, now: Now, demand: &Demand) -> Result<(Usage, Vec<BudgetStatus>), Refusal> {
        let Some(shared) = self.shared.as_ref().filter(|_| demand.is_limited()) else {
            let budgets = self.local.budgets(now.wall, &demand.organisation, &demand.caps)?;
            return Ok((self.local.usage(now.monotonic, &demand.key, None), budgets));
        };
        let demand = Demand { estimate: Estimate::default(), ..demand.clone() };
        let (_, answer) = shared.reserve(now.wall, &demand, false).await.map_err(|Away| Refusal::Unavailable)?;
        if !answer.need.is_empty() {
            return Err(unloaded(now.wall, &demand, &answer));
        }
        let usage = answer.usage.first().map(UsageAnswer::usage).unwrap_or_default();
        let budget = |(cap, found): (&Cap, &CapAnswer)| BudgetStatus {
            spender: cap.spender.clone(),
            budget: cap.budget,
            spent: money(&found.spent),
            reserved: money(&found.open),
            until: period_end(cap.budget.period, now.wall),
        };
        Ok((usage, demand.caps.iter().zip(&answer.caps).map(budget).collect()))
    }

    fn reserved(
        self: &Arc<Self>,
        now: Now,
        demand: &Demand,
        hold: SharedHold,
        answer: &ReserveAnswer,
    ) -> Result<Reservation, Refusal> {
        if !answer.need.is_empty() {
            return Err(unloaded(now.wall, demand, answer));
        }
        let status = status_of(demand, answer);
        if !answer.admitted {
            return Err(refusal(now.wall, demand, answer, status));
        }
        // Counted here too, so that the share of this gateway is right should the store go away.
        match self.local.mirror(now, demand) {
            Some(taken) => Ok(self.reservation(taken, Some(hold), status, false)),
            None => Err(Refusal::Unavailable),
        }
    }

    /// Without the store: hard budgets cannot be kept, so they refuse; limits are divided among the gateways.
    fn reserve_alone(self: &Arc<Self>, now: Now, demand: &Demand, shared: &Shared) -> Result<Reservation, Refusal> {
        let is_capped = demand.caps.iter().any(|cap| cap.budget.mode == BudgetMode::Hard);
        let outcome = if is_capped { "refused" } else { "divided" };
        metrics::counter!("signalbox_limits_degraded_total", "outcome" => outcome).increment(1);
        if is_capped {
            return Err(Refusal::Unavailable);
        }
        let (taken, status) = self.local.reserve_share(now, demand, shared.replicas())?;
        Ok(self.reservation(taken, Some(shared.hold_without(now.wall, demand)), status, true))
    }

    fn reservation(
        self: &Arc<Self>,
        taken: Taken,
        shared: Option<SharedHold>,
        status: Status,
        is_degraded: bool,
    ) -> Reservation {
        Reservation { limiter: self.clone(), taken, shared, status, is_degraded, is_open: true }
    }

    #[cfg(test)]
    pub(crate) fn shared_store(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn set_shared_time(&self, micros: u64) {
        self.shared.iter().for_each(|shared| shared.set_time(micros));
    }
}

fn status_of(demand: &Demand, answer: &ReserveAnswer) -> Status {
    let limits = std::iter::once(&demand.limits).chain(demand.user.as_ref().map(|user| &user.limits));
    limits
        .zip(&answer.usage)
        .fold(Status::default(), |status, (limits, usage)| status.tighter(Status::of(limits, &usage.usage())))
}

fn refusal(now: Timestamp, demand: &Demand, answer: &ReserveAnswer, status: Status) -> Refusal {
    if let Some(cap) = answer.spent.and_then(|place| demand.caps.get(place)) {
        let (period, until) = (cap.budget.period, period_end(cap.budget.period, now));
        let spent = Spent { spender: cap.spender.clone(), amount: cap.budget.amount, period, until };
        return Refusal::Budget(spent, Box::new(status));
    }
    let all = answer.refused.iter().map(|it| Refused {
        limit: it.limit,
        per_user: it.counter > 0,
        allowed: whole(it.allowed),
        retry_after: (it.wait >= 0.0).then(|| Duration::from_micros(whole(it.wait))),
    });
    all.reduce(Refused::longer).map_or(Refusal::Unavailable, |refused| Refusal::Limit(refused, Box::new(status)))
}

fn unloaded(now: Timestamp, demand: &Demand, answer: &ReserveAnswer) -> Refusal {
    let caps = answer.need.iter().filter_map(|place| demand.caps.get(*place));
    let what = caps.map(|cap| {
        let (spender, period) = (cap.spender.clone(), cap.budget.period);
        Unloaded { spender, period, since: period_start(period, now) }
    });
    Refusal::Unloaded(what.collect())
}

/// A budget is used up: told once in a period.
pub(crate) fn alert(budget: &str, hard: bool) {
    let mode = if hard { "hard" } else { "soft" };
    tracing::warn!(budget, mode, "a budget is used up");
    metrics::counter!("signalbox_budget_alerts_total", "mode" => mode).increment(1);
}

// === impl Reservation ===

impl Reservation {
    /// Ends it with what was consumed.
    pub fn settle(mut self, now: Now, consumed: Consumed) {
        self.end(Some((now, consumed)));
    }

    fn end(&mut self, consumed: Option<(Now, Consumed)>) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        for Cap { spender, budget } in self.limiter.local.settle(&self.taken, consumed) {
            alert(&format!("{} {}", spender.kind(), spender.id()), budget.mode == BudgetMode::Hard);
        }
        if let (Some(shared), Some(hold)) = (&self.limiter.shared, self.shared.take()) {
            shared.settle(hold, consumed.map(|(_, consumed)| consumed));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(None);
    }
}
