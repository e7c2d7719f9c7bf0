//! The load harness: what a gateway costs beside the least that a gateway can cost, measured in one run.
//!
//! One mock upstream, one floor (a bare hyper pass-through) and one real `signalbox` process; the same bodies and the
//! same connections for all three ways. Loader and mock are blocking threads: what wakes a thread is the kernel, with
//! no timer or queue of a runtime in between. Figures are ratios and differences within one run; they do not compare
//! between machines.

pub mod floor;
pub mod http;
pub mod loader;
pub mod matrix;
pub mod mock;
pub mod observer;
pub mod process;
pub mod report;
pub mod signalbox;
