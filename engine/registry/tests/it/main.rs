//! The registry from outside: a real file in a scratch folder.
#![allow(clippy::unwrap_used, reason = "tests")]

mod applying;
mod catalogue;
mod concurrency;
mod credentials;
mod deltas;
mod keys;
mod migrating;
mod opening;
mod optimal;
mod refusals;
mod removal;
mod rules;
mod scorecards;
mod sealing;
mod spending;
mod story;
mod tenants;
mod versions;
