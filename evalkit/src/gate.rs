//! Whether a scorer may take the place of another: paired checks that it is not worse beyond noise.
//!
//! Both score the same prompts, and each check looks at how much worse the candidate is, with the interval of that
//! difference. [`check`] judges one difference, [`compare()`] makes them, [`verdict`] is what `gate.json` says. Nothing here
//! opens a file or writes one.

pub mod check;
pub mod compare;
pub mod verdict;

pub use check::{Check, Outcome, Verdict};
pub use compare::{Rounds, compare};
pub use verdict::Gate;
