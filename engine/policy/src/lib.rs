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
mod calibration;
mod capability;
mod decide;
mod eligible;
#[doc(hidden)]
pub mod fuzz;
mod instructions;
mod outcome;
mod peers;
mod plan;
mod question;
mod record;
mod refusal;
mod replay;
mod resolve;
mod rules;
mod strategy;
mod validate;
mod weigh;
mod words;

pub use blend::{BlendReport, Verdict, blend_check};
pub use calibration::{CALIBRATION_MISSING, calibration, calibration_fault, shipped};
pub use capability::strength_by_price;
pub use decide::decide;
// Arguments of a decision like those beside them.
pub use domain::{Health, Latency};
pub use eligible::keeps_privacy;
pub use question::{Question, Scoring, Step};
pub use refusal::Refusal;
pub use replay::{ReplayFault, Replayed, replay, suffices};
pub use resolve::{Ask, Resolved, resolve};
pub use rules::{has_affinity, label_fields, labels_read, reachable, strategies};
pub use validate::{
    Problem, UnknownModels, proxy_only, validate_blend, validate_blend_use, validate_policy, validate_router,
    validate_rules, validate_scorecard,
};
pub use weigh::{Prospect, weigh};
