//! The commands, one module each.

pub mod calibrate;
pub mod gate;
pub mod import;
pub mod promote;
pub mod push;
pub mod report;
pub mod router_eval;
pub mod score;
pub mod train;

#[cfg(test)]
mod testing;
