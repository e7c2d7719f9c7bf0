//! Asks the engine for a decision, within its short wait. Whatever goes wrong means one thing here: decide without it.

use std::time::Duration;

use domain::Degradation;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::{DecideAnswer, DecideCall};
use providers::Verdict;
use tonic::transport::Channel;

use crate::app::App;

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
        let verdict = if asked.is_ok() { Verdict::Success } else { Verdict::Failure };
        app.engine_breaker.record(app.clock.monotonic(), verdict);
        let result = if asked.is_ok() { "ok" } else { "failed" };
        metrics::counter!("signalbox_engine_calls_total", "result" => result).increment(1);
        asked.map_err(|fault| {
            tracing::debug!(fault, "the engine gave no decision");
            Degradation::Engine
        })
    }

    async fn ask(&self, call: &DecideCall, wait: Duration) -> Result<DecideAnswer, String> {
        let mut request = tonic::Request::new(call.into());
        request.set_timeout(wait);
        let mut routing = self.routing.clone();
        let response = tokio::time::timeout(wait, routing.decide(request)).await;
        let answer =
            response.map_err(|_| format!("no answer within {wait:?}"))?.map_err(|status| status.to_string())?;
        answer.into_inner().try_into().map_err(|fault: proto::ConvertError| fault.to_string())
    }
}
