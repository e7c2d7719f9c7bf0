//! What the services of one engine share.

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Organisation, RecordReader};
use registry::Registry;
use tokio::sync::{Semaphore, watch};
use tonic::Status;

use crate::auth::Caller;
use crate::batcher::Batcher;
use crate::credential_states::CredentialStates;
use crate::feedback::Feedback;
use crate::scorers::Scorers;
use crate::{EngineError, EngineParts, Limits};

pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) scorers: Arc<Scorers>,
    pub(crate) batcher: Batcher,
    pub(crate) records: Option<Arc<dyn RecordReader>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) feedback: Feedback,
    pub(crate) credential_states: CredentialStates,
    pub(crate) watchers: Arc<Semaphore>,
    /// Explanations that may be at work on influences: they take cores from scoring.
    pub(crate) explanations: Arc<Semaphore>,
    /// Score files that may be in memory at a time.
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) started: Duration,
    stopping: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(parts: EngineParts) -> Result<Self, EngineError> {
        let EngineParts { registry, scorers, records, clock, limits } = parts;
        let scorers = Arc::new(Scorers::new(scorers, clock.clone()).map_err(EngineError::Thread)?);
        Ok(Self {
            batcher: Batcher::start(scorers.clone(), clock.clone(), limits).map_err(EngineError::Thread)?,
            scorers,
            watchers: Arc::new(Semaphore::new(limits.watchers)),
            explanations: Arc::new(Semaphore::new(1)),
            uploads: Arc::new(Semaphore::new(2)),
            started: clock.monotonic(),
            feedback: Feedback::default(),
            credential_states: CredentialStates::default(),
            stopping: watch::channel(false).0,
            registry,
            records,
            clock,
            limits,
        })
    }

    /// Tells every stream to end.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Is ready when the engine stops.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.stopping.subscribe();
        async move {
            // An error means that the engine is gone, which is as good as stopped.
            let _gone = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Finds an organisation by id or name among those of the caller; without a name, the only one.
    pub(crate) fn organisation(&self, named: Option<&str>, caller: &Caller) -> Result<Arc<Organisation>, Status> {
        let mut own = self.organisations(caller);
        if let Some(text) = named {
            let found = own.iter().find(|it| it.id.as_str() == text).or_else(|| own.iter().find(|it| it.name == text));
            return found.cloned().ok_or_else(|| {
                Status::not_found(format!(
                    "organisation: there is no organisation `{text}`; leave it out if there is one"
                ))
            });
        }
        match (own.pop(), own.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Status::failed_precondition("there is no organisation yet: start the engine once")),
            (Some(_), false) => {
                Err(Status::invalid_argument("organisation: there are several; name one by its id or name"))
            }
        }
    }

    /// The organisations in which a caller may act.
    pub(crate) fn organisations(&self, caller: &Caller) -> Vec<Arc<Organisation>> {
        match caller {
            Caller::Operator => self.registry.list_organisations(),
            Caller::Key { organisation, .. } => {
                self.registry.tenant(organisation).map(|tenant| tenant.organisation.clone()).into_iter().collect()
            }
        }
    }
}
