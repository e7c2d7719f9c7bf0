//! The wire dialects: bytes of a caller or an upstream in, facts and edited bytes out.
//!
//! Pure and synchronous: no socket, clock, environment or randomness. Bodies are never turned into trees; the top level
//! is scanned once, the values we read are checked, and everything else travels as the slice it arrived in. Which
//! model is asked, and what a fault means for the caller, is decided elsewhere.

mod json;

pub mod fuzz;
pub mod openai;

pub use domain::tokens::TokenEstimator;
