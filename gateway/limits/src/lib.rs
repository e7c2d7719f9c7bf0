//! Limits and budgets: what a key, its users, a project and an organisation may still consume.
//!
//! A request reserves before it is sent on, in all of its limits and budgets or in none, and settles when it has ended:
//! the estimate is replaced by what was really consumed, or released where nothing was billed. A reservation that is
//! dropped is released. Tokens count in a rolling hour, requests in a rolling minute, money in periods of the calendar.
//!
//! Counts are kept in this process, or in Redis or Valkey where several gateways share them; while that is away each
//! gateway goes on with its share and hard budgets refuse. Knows nothing of HTTP, configuration files or the ledger:
//! what had been spent before is handed in.

mod counter;
mod demand;
mod limiter;
mod local;
#[cfg(test)]
mod model;
mod period;
mod purse;
mod refusal;
mod shared;
mod status;
mod window;

pub use demand::{Cap, Consumed, Demand, Estimate, Now, Spender, User, UserDigest};
pub use limiter::{Limiter, Reservation};
pub use period::{period_end, period_start};
pub use refusal::{LimitKind, Refusal, Refused, Spent, Unloaded};
pub use shared::{SharedConfig, SharedError};
pub use status::{BudgetStatus, Gauge, Status, Usage};
