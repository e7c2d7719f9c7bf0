//! A byte-level upstream that breaks as it is told, callers that misbehave as they are told, and a real server between.
//!
//! Everything random comes from a seed, so that a run can be repeated. What is expected stands beside what is done;
//! what is judged is what callers saw, what the upstream's journal says, and which rows the ledger holds.

pub mod caller;
pub mod cancels;
pub mod corpus;
pub mod cuts;
pub mod judge;
pub mod kills;
pub mod malformed;
pub mod matrix;
pub mod play;
pub mod product;
pub mod random;
pub mod reconcile;
pub mod reloads;
pub mod restarts;
pub mod rows;
pub mod soak;
pub mod speech;
pub mod streams;
pub mod upstream;
pub mod world;

mod events;
