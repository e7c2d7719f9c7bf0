//! The counts of this process: in shards so that threads seldom wait for each other, and bounded.
//!
//! A key and its users share a shard, an organisation's budgets another: one lock of each kind, always in this order,
//! makes a reservation all or nothing.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{BudgetPeriod, KeyId, Limits, Money, OrganisationId, Timestamp};

use crate::counter::Counter;
use crate::demand::{Cap, Consumed, Demand, Now, Spender, Tokens, UserDigest};
use crate::period::{period_end, period_start};
use crate::purse::Purse;
use crate::refusal::{Refusal, Refused, Spent, Unloaded};
use crate::status::{BudgetStatus, Status, Usage};
use crate::window::Moment;

/// More than there are I/O threads on any common machine.
const SHARDS: usize = 32;
/// Counters remembered, all shards together. Users are named by callers, so there is no end of them.
const ROOM: usize = 128_000;
/// Monotonic time begins with the process; what counts began before it.
const BEFORE_START: Duration = Duration::from_hours(2);

/// A key, or one of its users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CounterId {
    key: KeyId,
    user: Option<UserDigest>,
}

/// A key or a user, and what it may consume here.
struct Account {
    id: CounterId,
    limits: Limits,
}

type Counters = HashMap<CounterId, Counter>;
type Purses = HashMap<(Spender, BudgetPeriod), Purse>;

/// All counts of this process.
pub(crate) struct Local {
    counters: Vec<Mutex<Counters>>,
    purses: Vec<Mutex<Purses>>,
    room: usize,
}

/// What a request has taken. Must be settled.
#[derive(Debug)]
pub(crate) struct Taken {
    organisation: OrganisationId,
    key: KeyId,
    user: Option<UserDigest>,
    tokens: Tokens,
    cost: Money,
    purses: Vec<(Cap, Timestamp)>,
}

impl Default for Local {
    fn default() -> Self {
        Self::with_room(ROOM / SHARDS)
    }
}

impl Local {
    /// With room for this many counters in each shard.
    pub(crate) fn with_room(room: usize) -> Self {
        let counters = (0..SHARDS).map(|_| Mutex::default()).collect();
        let purses = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { counters, purses, room }
    }

    /// Reserves under all limits and budgets.
    pub(crate) fn reserve(&self, now: Now, demand: &Demand) -> Result<(Taken, Status), Refusal> {
        self.admit(now, demand, |limits| *limits, &demand.caps)
    }

    /// Reserves under one of `parts` equal shares of the limits, whatever the budgets.
    pub(crate) fn reserve_share(&self, now: Now, demand: &Demand, parts: u64) -> Result<(Taken, Status), Refusal> {
        self.admit(now, demand, |limits| share(limits, parts), &[])
    }

    /// Counts a request that somebody else has let in.
    pub(crate) fn mirror(&self, now: Now, demand: &Demand) -> Option<Taken> {
        self.admit(now, demand, |_| Limits::default(), &[]).ok().map(|(taken, _)| taken)
    }

    fn admit(
        &self,
        now: Now,
        demand: &Demand,
        terms: impl Fn(&Limits) -> Limits,
        caps: &[Cap],
    ) -> Result<(Taken, Status), Refusal> {
        let (moment, tokens) = (moment(now.monotonic), demand.estimate.tokens());
        let accounts = accounts(demand, terms);
        let mut counters = self.counters_of(&demand.key);
        let refused = self.refused(&mut counters, &accounts, moment, tokens);
        let mut purses = (!caps.is_empty()).then(|| self.purses_of(&demand.organisation));
        let spent = purses.as_mut().map_or(Ok(None), |purses| check_caps(purses, now.wall, caps))?;
        if let Some(spent) = spent {
            return Err(Refusal::Budget(spent, Box::new(self.status(&mut counters, &accounts, moment))));
        }
        if let Some(refused) = refused {
            return Err(Refusal::Limit(refused, Box::new(self.status(&mut counters, &accounts, moment))));
        }
        accounts.iter().flatten().for_each(|it| self.counter(&mut counters, &it.id, moment).take(moment, tokens));
        let cost = demand.estimate.cost.unwrap_or(Money::ZERO);
        let taken = Taken {
            organisation: demand.organisation.clone(),
            key: demand.key.clone(),
            user: demand.user.map(|user| user.digest),
            tokens,
            cost,
            purses: purses.map_or_else(Vec::new, |mut purses| take_from(&mut purses, caps, cost)),
        };
        Ok((taken, self.status(&mut counters, &accounts, moment)))
    }

    /// Of the limits that a request exceeds the one that holds longest.
    fn refused(
        &self,
        counters: &mut Counters,
        accounts: &[Option<Account>],
        now: Moment,
        asked: Tokens,
    ) -> Option<Refused> {
        let check = |account: &Account| {
            let found = self.counter(counters, &account.id, now).check(now, &account.limits, asked).err()?;
            Some(Refused { per_user: account.id.user.is_some(), ..found })
        };
        accounts.iter().flatten().filter_map(check).reduce(Refused::longer)
    }

    fn status(&self, counters: &mut Counters, accounts: &[Option<Account>], now: Moment) -> Status {
        accounts.iter().flatten().filter(|it| !it.limits.is_empty()).fold(Status::default(), |status, account| {
            status.tighter(Status::of(&account.limits, &self.counter(counters, &account.id, now).usage(now)))
        })
    }

    /// Gives back what a request had taken and counts what it consumed; `None` = nothing, and nothing was billed.
    /// Returns the budgets that this has used up.
    pub(crate) fn settle(&self, taken: &Taken, consumed: Option<(Now, Consumed)>) -> Vec<Cap> {
        let settled = consumed.map(|(now, consumed)| (moment(now.monotonic), consumed.tokens()));
        {
            let mut counters = self.counters_of(&taken.key);
            let users = taken.user.map(|user| CounterId { key: taken.key.clone(), user: Some(user) });
            for id in std::iter::once(CounterId { key: taken.key.clone(), user: None }).chain(users) {
                if let Some(counter) = counters.get_mut(&id) {
                    counter.settle(taken.tokens, settled);
                }
            }
        }
        if taken.purses.is_empty() {
            return Vec::new();
        }
        let cost = consumed.map_or(Money::ZERO, |(_, consumed)| consumed.cost);
        let mut purses = self.purses_of(&taken.organisation);
        let settled = taken.purses.iter().filter(|(cap, start)| {
            purses.get_mut(&(cap.spender.clone(), cap.budget.period)).is_some_and(|purse| {
                purse.settle(*start, taken.cost, cost);
                purse.raises_alert(&cap.budget)
            })
        });
        settled.map(|(cap, _)| cap.clone()).collect()
    }

    /// Takes over what was spent since a period's start, unless somebody else has done so meanwhile.
    pub(crate) fn load(&self, organisation: &OrganisationId, what: &Unloaded, spent: Money) {
        let id = (what.spender.clone(), what.period);
        self.purses_of(organisation).entry(id).or_insert_with(|| Purse::new(what.since, spent));
    }

    /// Counts what a key consumed so long ago.
    pub(crate) fn restore(&self, now: Duration, key: &KeyId, ago: Duration, tokens: Tokens) {
        let (now, id) = (moment(now), CounterId { key: key.clone(), user: None });
        let at = Moment(now.0.saturating_sub(u64::try_from(ago.as_micros()).unwrap_or(u64::MAX)));
        let mut counters = self.counters_of(key);
        self.counter(&mut counters, &id, now).restore(at, tokens);
    }

    /// What a key, or one of its users, has used.
    pub(crate) fn usage(&self, now: Duration, key: &KeyId, user: Option<UserDigest>) -> Usage {
        let id = CounterId { key: key.clone(), user };
        self.counters_of(key).get_mut(&id).map_or_else(Usage::default, |counter| counter.usage(moment(now)))
    }

    /// What has been spent of budgets, and those that must be loaded first.
    pub(crate) fn budgets(
        &self,
        now: Timestamp,
        organisation: &OrganisationId,
        caps: &[Cap],
    ) -> Result<Vec<BudgetStatus>, Refusal> {
        let mut purses = self.purses_of(organisation);
        check_caps(&mut purses, now, caps)?;
        let status = |cap: &Cap| {
            let purse = purses.get(&(cap.spender.clone(), cap.budget.period))?;
            let until = period_end(cap.budget.period, now);
            let Cap { spender, budget } = cap.clone();
            Some(BudgetStatus { spender, budget, spent: purse.spent(), reserved: purse.open(), until })
        };
        Ok(caps.iter().filter_map(status).collect())
    }

    /// The counter with an id, made if there is none.
    fn counter<'a>(&self, counters: &'a mut Counters, id: &CounterId, now: Moment) -> &'a mut Counter {
        if !counters.contains_key(id) {
            make_room(counters, self.room, now);
        }
        counters.entry(id.clone()).or_default()
    }

    fn counters_of(&self, key: &KeyId) -> MutexGuard<'_, Counters> {
        self.counters[shard_of(key)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn purses_of(&self, organisation: &OrganisationId) -> MutexGuard<'_, Purses> {
        self.purses[shard_of(organisation)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those under whose limits a request falls: its key, and its user within the key.
fn accounts(demand: &Demand, terms: impl Fn(&Limits) -> Limits) -> [Option<Account>; 2] {
    let account = |user, limits| Account { id: CounterId { key: demand.key.clone(), user }, limits: terms(limits) };
    [Some(account(None, &demand.limits)), demand.user.as_ref().map(|user| account(Some(user.digest), &user.limits))]
}

/// One of equal shares of every limit; a limit that allows anything allows one.
fn share(limits: &Limits, parts: u64) -> Limits {
    let part = |limit: Option<u64>| limit.map(|limit| (limit / parts.max(1)).max(limit.min(1)));
    Limits {
        total_tokens_per_hour: part(limits.total_tokens_per_hour),
        input_tokens_per_hour: part(limits.input_tokens_per_hour),
        output_tokens_per_hour: part(limits.output_tokens_per_hour),
        requests_per_minute: part(limits.requests_per_minute),
        concurrent_requests: part(limits.concurrent_requests),
    }
}

/// The first hard budget that is spent.
fn check_caps(purses: &mut Purses, now: Timestamp, caps: &[Cap]) -> Result<Option<Spent>, Refusal> {
    let (mut unloaded, mut spent) = (Vec::new(), None);
    for Cap { spender, budget } in caps {
        let (period, since) = (budget.period, period_start(budget.period, now));
        let Some(purse) = purses.get_mut(&(spender.clone(), period)) else {
            unloaded.push(Unloaded { spender: spender.clone(), period, since });
            continue;
        };
        purse.turn_to(since);
        if spent.is_none() && !purse.has_room(budget) {
            let until = period_end(period, now);
            spent = Some(Spent { spender: spender.clone(), amount: budget.amount, period, until });
        }
    }
    if unloaded.is_empty() { Ok(spent) } else { Err(Refusal::Unloaded(unloaded)) }
}

fn take_from(purses: &mut Purses, caps: &[Cap], cost: Money) -> Vec<(Cap, Timestamp)> {
    let mut take = |cap: &Cap| {
        let purse = purses.get_mut(&(cap.spender.clone(), cap.budget.period))?;
        purse.take(cost);
        Some((cap.clone(), purse.start()))
    };
    caps.iter().filter_map(&mut take).collect()
}

/// Forgets what no longer counts, and where that is not enough the users that were silent longest.
fn make_room(counters: &mut Counters, room: usize, now: Moment) {
    if counters.len() < room {
        return;
    }
    counters.retain(|_, counter| !counter.is_idle(now));
    if counters.len() < room {
        return;
    }
    let is_user_at_rest = |id: &CounterId, counter: &Counter| id.user.is_some() && counter.is_at_rest();
    let mut times: Vec<Moment> =
        counters.iter().filter(|(id, it)| is_user_at_rest(id, it)).map(|(_, it)| it.used_at).collect();
    if times.is_empty() {
        // All of them are keys or run: there are only so many of either.
        return;
    }
    // An eighth at a time, so that this is not done for each newcomer.
    let place = times.len() / 8;
    let (_, until, _) = times.select_nth_unstable(place);
    let (until, before) = (*until, counters.len());
    counters.retain(|id, counter| !is_user_at_rest(id, counter) || counter.used_at > until);
    let evicted = (before - counters.len()) as u64;
    metrics::counter!("signalbox_limit_counters_evicted_total").increment(evicted);
}

fn moment(monotonic: Duration) -> Moment {
    let since = monotonic.saturating_add(BEFORE_START);
    Moment(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn shard_of(id: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
