//! The canonical form to wire shapes.

mod answer;
mod blocks;
mod request;
mod thinking;
mod turns;

use serde::Serialize;

pub(crate) use answer::answer;
pub(crate) use request::request;

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON")
}
