//! Scorecard files as people have them: what is read, what is refused and how, and the real ones.
#![allow(clippy::unwrap_used, reason = "tests")]

mod documents;
mod laws;
mod real_files;
mod support;
mod tables;
