//! The commands, one module each.

pub mod score;
pub mod train;
