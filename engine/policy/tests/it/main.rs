//! Tests of the crate through its public face.
#![allow(clippy::unwrap_used, reason = "tests")]

mod golden;
mod laws;
mod refusing;
mod resolving;
mod rule_faults;
mod rule_laws;
mod rules;
mod support;
mod validation;
mod vectors;
