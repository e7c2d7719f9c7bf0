//! What one key, or one user of a key, has consumed and holds, against its limits.

use std::time::Duration;

use domain::Limits;

use crate::demand::Tokens;
use crate::refusal::{LimitKind, Refused};
use crate::status::Usage;
use crate::window::{Moment, Window};

const MINUTE: u64 = 60_000_000;
const SECOND: u64 = 1_000_000;
/// When to come again where that depends on requests that run: nobody knows how long they take.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// Counts of one key or user.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    tokens: Window<Tokens, MINUTE>,
    /// Sixty one-second slots: never more than allowed in any minute, which a leaky bucket that allows bursts is not.
    requests: Window<u64, SECOND>,
    /// Reserved by requests that run.
    open: Tokens,
    running: u64,
    pub(crate) used_at: Moment,
}

impl Counter {
    /// Whether a request fits.
    ///
    /// # Errors
    /// Of the limits that it exceeds the one that holds longest.
    pub(crate) fn check(&mut self, now: Moment, limits: &Limits, asked: Tokens) -> Result<(), Refused> {
        let total = self.token_limit(now, LimitKind::TotalTokens, limits.total_tokens_per_hour, asked, Tokens::total);
        let input = self.token_limit(now, LimitKind::InputTokens, limits.input_tokens_per_hour, asked, |it| it.input);
        let output =
            self.token_limit(now, LimitKind::OutputTokens, limits.output_tokens_per_hour, asked, |it| it.output);
        let all = [total, input, output, self.request_limit(now, limits), self.concurrency_limit(limits)];
        all.into_iter().flatten().reduce(Refused::longer).map_or(Ok(()), Err)
    }

    /// Takes what a request may need.
    pub(crate) fn take(&mut self, now: Moment, asked: Tokens) {
        self.used_at = now;
        self.requests.add(now, 1);
        self.open += asked;
        self.running += 1;
    }

    /// Gives back what a request had taken, and counts what it consumed.
    pub(crate) fn settle(&mut self, taken: Tokens, consumed: Option<(Moment, Tokens)>) {
        self.open -= taken;
        self.running = self.running.saturating_sub(1);
        if let Some((now, tokens)) = consumed {
            self.used_at = self.used_at.max(now);
            self.tokens.add(now, tokens);
        }
    }

    /// Counts what was consumed before this process began.
    pub(crate) fn restore(&mut self, at: Moment, tokens: Tokens) {
        self.used_at = self.used_at.max(at);
        self.tokens.add(at, tokens);
    }

    pub(crate) fn usage(&mut self, now: Moment) -> Usage {
        let settled = self.tokens.sum(now);
        Usage {
            input_tokens: settled.input.saturating_add(self.open.input),
            output_tokens: settled.output.saturating_add(self.open.output),
            requests: self.requests.sum(now),
            running: self.running,
            tokens_reset: self.tokens.empties(now),
            requests_reset: self.requests.empties(now),
        }
    }

    /// Whether forgetting it changes nothing.
    pub(crate) fn is_idle(&mut self, now: Moment) -> bool {
        self.running == 0 && self.tokens.sum(now) == Tokens::default() && self.requests.sum(now) == 0
    }

    /// Whether nothing that runs would miss it.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.running == 0
    }

    fn token_limit(
        &mut self,
        now: Moment,
        limit: LimitKind,
        allowed: Option<u64>,
        asked: Tokens,
        side: impl Fn(Tokens) -> u64,
    ) -> Option<Refused> {
        let allowed = allowed?;
        let (asked, open) = (side(asked), side(self.open));
        let fits = |settled: Tokens, open: u64| {
            side(settled).checked_add(open).and_then(|sum| sum.checked_add(asked)).is_some_and(|sum| sum <= allowed)
        };
        let settled = self.tokens.sum(now);
        if fits(settled, open) {
            return None;
        }
        let refused = |retry_after| Some(Refused { limit, per_user: false, allowed, retry_after });
        if asked > allowed {
            return refused(None);
        }
        if fits(settled, 0) {
            return refused(Some(SOON));
        }
        // With what runs counted, or else without: it will have ended by then.
        let wait = self.tokens.wait(now, |sum| fits(sum, open)).or_else(|| self.tokens.wait(now, |sum| fits(sum, 0)));
        refused(wait)
    }

    fn request_limit(&mut self, now: Moment, limits: &Limits) -> Option<Refused> {
        let allowed = limits.requests_per_minute?;
        if self.requests.sum(now) < allowed {
            return None;
        }
        let retry_after = self.requests.wait(now, |sum| sum < allowed);
        Some(Refused { limit: LimitKind::Requests, per_user: false, allowed, retry_after })
    }

    fn concurrency_limit(&self, limits: &Limits) -> Option<Refused> {
        let allowed = limits.concurrent_requests?;
        let retry_after = (allowed > 0).then_some(SOON);
        (self.running >= allowed).then_some(Refused {
            limit: LimitKind::Concurrency,
            per_user: false,
            allowed,
            retry_after,
        })
    }
}
