//! The strategies: each puts eligible candidates in an order and says in a few words why the first is first.

pub(crate) mod blended;
pub(crate) mod intelligent;
pub(crate) mod measured;
pub(crate) mod optimal;
pub(crate) mod ranked;
