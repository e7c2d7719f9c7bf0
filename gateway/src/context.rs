//! What the layers have learnt of a request, for everything after them.

use std::sync::Arc;

use domain::{ApiKey, RequestId, Tenant, Timestamp};
use tokio::time::Instant;

use crate::error::render::Voice;
use crate::snapshots::Live;
use crate::traces::TraceParent;

/// Who asks, when, and under which configuration.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) id: RequestId,
    /// How the caller is told of failures.
    pub(crate) voice: Voice,
    /// When its head had come.
    pub(crate) arrived: Instant,
    /// The same in wall time: the one `now` of the request.
    pub(crate) now: Timestamp,
    /// When it must have ended.
    pub(crate) deadline: Instant,
    pub(crate) key: Arc<ApiKey>,
    pub(crate) live: Arc<Live>,
    /// What the caller says its request belongs to; not looked at while nobody makes traces.
    pub(crate) trace_parent: Option<TraceParent>,
}

impl RequestContext {
    /// What the caller's organisation has configured.
    pub(crate) fn tenant(&self) -> Option<&Arc<Tenant>> {
        self.live.snapshot.tenant(&self.key.organisation)
    }
}
