//! Wire shapes to the canonical form: requests read strictly, answers as far as they can be understood.

mod answer;
mod blocks;
mod request;

pub(crate) use answer::answer;
pub(super) use answer::refusal;
pub(crate) use request::{THREAD, count, request};
