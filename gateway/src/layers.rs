//! What every request passes before an endpoint sees it. The order stands in `app`.

pub(crate) mod auth;
pub(crate) mod body_limit;
pub(crate) mod head;
pub(crate) mod host;
pub(crate) mod load_shed;
