//! The registry from outside: a real file in a scratch folder.
#![allow(clippy::unwrap_used, reason = "tests")]

mod applying;
mod catalogue;
mod concurrency;
mod deltas;
mod keys;
mod opening;
mod refusals;
mod removal;
mod rules;
mod story;
mod tenants;
