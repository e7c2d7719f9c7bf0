//! The `signalbox` binary as a user meets it: started for real, in scratch folders, on free ports.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_start;
mod commands;
mod conversing;
mod crash;
mod credentials;
mod first_start;
mod keys;
mod objects;
mod operations;
mod records;
mod replay;
mod rules;
mod scorers;
mod scores;
mod sealing;
mod server;
mod spending;
mod traces;
mod vectors;
