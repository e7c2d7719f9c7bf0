//! What the strategy `optimal` rests on: its calibration fitted on outcomes, and its dial set by replaying requests.
//!
//! Chances are the domain's, and requests are weighed by the policy's own rule: nothing of either is written twice.

pub mod cases;
pub mod evidence;
pub mod fit;
pub mod judge;
pub mod prices;
pub mod replay;
pub mod target;

pub use evidence::Row;
pub use fit::{Fitted, fit};
