//! From a decoded request to a delivered answer: decide, attempt, fall back, stream, settle.

pub(crate) mod attempt;
pub(crate) mod bodies;
pub(crate) mod converse;
pub(crate) mod decide;
pub(crate) mod fallback;
pub(crate) mod limits;
pub(crate) mod pace;
pub(crate) mod report;
pub(crate) mod secrets;
pub(crate) mod settle;
pub(crate) mod stream;
