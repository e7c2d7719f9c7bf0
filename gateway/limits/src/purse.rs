//! What one budget has spent in its present period.

use domain::{Budget, BudgetMode, Money, Timestamp};

/// The spend of one key, project or organisation in one kind of period.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purse {
    /// When its period began.
    start: Timestamp,
    spent: Money,
    /// Reserved by requests that run.
    open: Money,
    has_alerted: bool,
}

impl Purse {
    /// With what had been spent since the period's start.
    pub(crate) fn new(start: Timestamp, spent: Money) -> Self {
        Self { start, spent, open: Money::ZERO, has_alerted: false }
    }

    /// Turns to the period that began then. A clock that goes back does not bring an old one back.
    pub(crate) fn turn_to(&mut self, start: Timestamp) {
        if start > self.start {
            *self = Self::new(start, Money::ZERO);
        }
    }

    /// Whether a further request may begin: below the amount, what running requests may cost included. So that the
    /// requests that begin at once exceed it by what one of them costs, at most.
    pub(crate) fn has_room(&self, budget: &Budget) -> bool {
        budget.mode == BudgetMode::Soft || self.spent + self.open < budget.amount
    }

    pub(crate) fn take(&mut self, cost: Money) {
        self.open += cost;
    }

    /// Replaces what a request had taken by what it cost. Of a period that is over nothing is known any more.
    pub(crate) fn settle(&mut self, start: Timestamp, taken: Money, cost: Money) {
        if start == self.start {
            self.open = self.open - taken;
            self.spent += cost;
        }
    }

    /// Whether the amount is spent and nobody has been told in this period.
    pub(crate) fn raises_alert(&mut self, budget: &Budget) -> bool {
        let alerts = !self.has_alerted && self.spent >= budget.amount;
        self.has_alerted |= alerts;
        alerts
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.start
    }

    pub(crate) fn spent(&self) -> Money {
        self.spent
    }

    pub(crate) fn open(&self) -> Money {
        self.open
    }
}
