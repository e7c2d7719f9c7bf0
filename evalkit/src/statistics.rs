//! The statistics that evaluations share: pure functions of numbers, each with its definition.
//!
//! No input or output, no clock, no hidden randomness: what is random takes a seed. What is undefined is `None`, never
//! zero, infinity or NaN. Figures of routers are made of these in [`crate::router_eval`].

pub mod bootstrap;
pub mod calibration;
pub mod clustered;
pub mod intervals;
pub mod multiplicity;
pub mod paired;
pub mod ranking;
pub mod sampling;
pub mod threshold;

pub use bootstrap::Resampler;
pub use calibration::Binning;
pub use intervals::{Interval, quantile, wilson};
