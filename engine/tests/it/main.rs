//! The engine from outside: real services over real channels.

#![allow(clippy::unwrap_used, reason = "tests")]

mod admin;
mod decide;
mod harness;
mod records;
mod transport;
mod watch;
