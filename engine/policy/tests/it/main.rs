//! Tests of the crate through its public face.
#![allow(clippy::unwrap_used, reason = "tests")]

mod blend_checking;
mod blend_laws;
mod blend_validation;
mod blend_vectors;
mod blending;
mod conversing;
mod fuzzing;
mod golden;
mod instructing;
mod laws;
mod measuring;
mod optimal_laws;
mod refusing;
mod replaying;
mod resolving;
mod rule_faults;
mod rule_laws;
mod rules;
mod support;
mod validation;
mod vectors;
mod weighing;
