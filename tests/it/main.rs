//! The `signalbox` binary as a user meets it: started for real, in scratch folders, on free ports.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_start;
mod commands;
mod conversing;
mod crash;
mod first_start;
mod objects;
mod records;
mod replay;
mod rules;
mod scorers;
mod scores;
mod server;
mod vectors;
