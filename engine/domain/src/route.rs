//! Where a request's candidates come from, by id: the outcome of resolving which policy applies.

use serde::{Deserialize, Serialize};

use crate::ids::{ModelId, PolicyId, RouterId};

/// The source of candidates and strategy. Small and owned, so that it can travel to the engine and into a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A policy over its own models.
    Policy(PolicyId),
    /// A router: its policy over its models, or intelligent / performance where it names none.
    Router(RouterId),
    /// A list of models in the request, tried in order.
    List(Vec<ModelId>),
    /// One named model, no policy.
    Direct(ModelId),
}
