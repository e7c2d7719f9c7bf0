//! The commands, one module each.

pub mod router_eval;
pub mod score;
pub mod train;
