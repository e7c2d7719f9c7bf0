//! Tests of the crate through its public face.
#![allow(clippy::unwrap_used, reason = "tests")]

mod blend_checking;
mod blend_laws;
mod blend_validation;
mod blending;
mod conversing;
mod fuzzing;
mod golden;
mod instructing;
mod laws;
mod measuring;
mod refusing;
mod resolving;
mod rule_faults;
mod rule_laws;
mod rules;
mod support;
mod validation;
mod vectors;
