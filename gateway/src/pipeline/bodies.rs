//! Whether the bodies of a request are kept: only if its key or its organisation asks for it and the request does not
//! say no. Costs nothing where nobody asks.

use bytes::Bytes;
use domain::{BodyLogging, Constraints};
use http::HeaderMap;
use ledger::{BodyOwner, BodyRecorder};

use crate::app::App;
use crate::context::RequestContext;

/// A request's word that nothing of it may be kept.
const NO_LOG: &str = "x-no-log";

/// A body that may be kept, once it is known what the request demands.
pub(crate) struct Keepable {
    logging: BodyLogging,
    sent: Bytes,
}

impl Keepable {
    /// The body, if the caller's key, or else the organisation, has its bodies kept and the headers do not forbid it.
    pub(crate) fn of(context: &RequestContext, headers: &HeaderMap, sent: &Bytes) -> Option<Self> {
        let organisation = || context.tenant().and_then(|tenant| tenant.organisation.body_logging);
        let logging = context.key.body_logging.or_else(organisation)?;
        (logging != BodyLogging::OFF && !forbids(headers)).then(|| Self { logging, sent: sent.clone() })
    }

    /// Begins to keep it, unless the request demands that its data be not collected or retained: what it demands of
    /// providers holds here too.
    pub(crate) fn begin(self, app: &App, context: &RequestContext, constraints: &Constraints) -> Option<BodyRecorder> {
        if constraints.deny_data_collection || constraints.zero_data_retention {
            return None;
        }
        let key = &context.key;
        let owner = BodyOwner {
            request: context.id,
            at: context.now,
            organisation: key.organisation.clone(),
            key: key.id.clone(),
        };
        let mut recorder = app.ledger.bodies().begin(owner, self.logging)?;
        recorder.request(&self.sent);
        Some(recorder)
    }
}

/// Anything but an explicit no counts: whoever sends the header means it.
fn forbids(headers: &HeaderMap) -> bool {
    headers.get_all(NO_LOG).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        !(value == b"0" || value.eq_ignore_ascii_case(b"false"))
    })
}
