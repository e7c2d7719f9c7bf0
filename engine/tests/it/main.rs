//! The engine from outside: real services over real channels.

#![allow(clippy::unwrap_used, reason = "tests")]

mod admin;
mod artefact;
mod blends;
mod decide;
mod harness;
mod objects;
mod records;
mod scorers;
mod spending;
mod transport;
mod watch;
