//! Tests of the crate through its public face.
#![allow(clippy::unwrap_used, reason = "tests")]

mod examples;
mod golden;
mod laws;
mod limits;
mod one_section;
mod positions;
mod providers;
mod rules;
mod score_files;
mod secrets;
mod support;
mod values;
