//! Asks the engine for a decision, within its short wait. Whatever goes wrong means one thing here: decide without it.

use std::time::Duration;

use domain::Degradation;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::{DecideAnswer, DecideCall};
use providers::Verdict;
use tonic::Code;
use tonic::transport::Channel;

use crate::app::App;

/// Why there is no decision.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("refused: {}", .0.message())]
    Refused(tonic::Status),
    #[error("{0}")]
    Failed(String),
}

impl NoAnswer {
    /// An engine that refuses what is too much for it answers the rest: leaving it alone would help nobody.
    fn verdict(&self) -> Verdict {
        match self {
            Self::Refused(_) => Verdict::Throttled,
            Self::Late(_) | Self::Failed(_) => Verdict::Failure,
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Late(_) | Self::Failed(_) => "failed",
        }
    }
}

/// One I/O thread's connection to the engine.
pub(crate) struct EngineClient {
    routing: RoutingClient<Channel>,
}

impl EngineClient {
    /// Connects at the first call; must be called within the thread's runtime.
    pub(crate) fn connect(endpoint: &proto::Endpoint) -> Self {
        Self { routing: RoutingClient::new(proto::connect_lazy(endpoint)) }
    }

    /// Asks for a decision. The wait covers everything, connecting included; a breaker spares requests the wait while the
    /// engine is away.
    pub(crate) async fn decide(&self, app: &App, call: &DecideCall) -> Result<DecideAnswer, Degradation> {
        if !app.engine_breaker.admit(app.clock.monotonic()) {
            metrics::counter!("signalbox_engine_calls_total", "result" => "breaker_open").increment(1);
            return Err(Degradation::Engine);
        }
        let asked = self.ask(call, app.limits().engine_wait).await;
        let verdict = asked.as_ref().map_or_else(NoAnswer::verdict, |_| Verdict::Success);
        app.engine_breaker.record(app.clock.monotonic(), verdict);
        let result = asked.as_ref().map_or_else(NoAnswer::as_str, |_| "ok");
        metrics::counter!("signalbox_engine_calls_total", "result" => result).increment(1);
        asked.map_err(|fault| {
            tracing::debug!(%fault, "the engine gave no decision");
            Degradation::Engine
        })
    }

    async fn ask(&self, call: &DecideCall, wait: Duration) -> Result<DecideAnswer, NoAnswer> {
        let mut request = tonic::Request::new(call.into());
        request.set_timeout(wait);
        let mut routing = self.routing.clone();
        let response = tokio::time::timeout(wait, routing.decide(request)).await.map_err(|_| NoAnswer::Late(wait))?;
        let answer = response.map_err(|status| match status.code() {
            Code::ResourceExhausted => NoAnswer::Refused(status),
            _ => NoAnswer::Failed(status.to_string()),
        })?;
        answer.into_inner().try_into().map_err(|fault: proto::ConvertError| NoAnswer::Failed(fault.to_string()))
    }
}
