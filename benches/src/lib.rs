//! What the product's own measurements share: inputs of known size, the kernels that are counted and timed, an engine
//! in a scratch folder, the load harness, and the fault server.
//!
//! Measures through the same public interfaces that the product itself uses. Judges nothing by wall time: that is
//! printed for people; what a machine may fail on are instruction counts, lost rows and wrong sums.

pub mod engine_fixture;
pub mod faults;
pub mod fixtures;
pub mod harness;
pub mod kernels;
pub mod world;
