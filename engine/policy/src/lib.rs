//! Decides which model answers a request: which policy applies, who is eligible, in what order they are tried.
//!
//! Pure: knows no socket, clock, environment or randomness. Everything that may influence a decision is an argument, so
//! gateway and engine call the same function, a degraded decision is the same code with one argument changed, and a
//! kept record can be replayed. Calling the models, scoring the prompt and storing the configuration belong to others.
//!
//! The path of a request: [`resolve`] finds the [`Route`](domain::Route), [`decide`] orders its candidates. What is
//! saved is checked first by [`validate_policy`] and [`validate_router`].

mod affinity;
mod blend;
mod capability;
mod decide;
mod eligible;
#[doc(hidden)]
pub mod fuzz;
mod instructions;
mod peers;
mod plan;
mod refusal;
mod resolve;
mod rules;
mod strategy;
mod validate;
mod words;

pub use blend::{BlendReport, Verdict, blend_check};
pub use decide::{Health, Latency, Question, Scoring, Step, decide};
pub use refusal::Refusal;
pub use resolve::{Ask, Resolved, resolve};
pub use rules::{has_affinity, has_rules, reachable, strategies};
pub use validate::{
    Problem, UnknownModels, validate_blend, validate_blend_use, validate_policy, validate_router, validate_rules,
    validate_scorecard,
};
