//! Traces over OTLP: finished requests become spans with OpenTelemetry's attributes for generative AI, and go to a
//! collector in batches.
//!
//! One span for the request, one for its decision, one for each attempt. No prompt, answer, tag or secret is among their
//! attributes. A collector that is away costs nobody anything: what cannot be sent is dropped and counted.

mod collector;
mod fault;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::{Attempt, AttemptOutcome, Outcome};
use gateway::{Period, RequestTrace, Traces};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use rustls::ClientConfig;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::exit::UsageError;
use fault::Fault;

/// Requests that are sent together, at most.
const BATCH: usize = 256;
/// How long a batch is waited for once it has begun.
const GATHER: Duration = Duration::from_millis(500);
const EXPORT_WAIT: Duration = Duration::from_secs(5);
/// What has not been sent when the process ends may take this long.
const FAREWELL: Duration = Duration::from_secs(2);
const CHAT: &str = "chat";

/// The task that sends.
pub(crate) struct Exporting {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Sends what is left and ends.
    pub(crate) async fn finish(self) {
        let _ = self.stop.send(());
        if timeout(FAREWELL, self.task).await.is_err() {
            tracing::warn!("the trace collector is too slow: the last traces are not sent");
        }
    }
}

/// Begins to send to a collector, which need not be there yet. Over TLS its certificate must be one that is trusted.
pub(crate) fn begin(endpoint: &str, trusted: &ClientConfig) -> anyhow::Result<(Traces, Exporting)> {
    let exporter = SpanExporter::builder().with_tonic().with_timeout(EXPORT_WAIT);
    let exporter = if endpoint.starts_with("https://") {
        exporter.with_channel(collector::channel(endpoint, trusted)?)
    } else if endpoint.starts_with("http://") {
        exporter.with_endpoint(endpoint)
    } else {
        return Err(UsageError(format!(
            "--otlp-endpoint {endpoint}: expected a collector's gRPC address such as `http://127.0.0.1:4317`, or `https://…`"
        ))
        .into());
    };
    let mut exporter = exporter.build().context("traces cannot be sent")?;
    exporter.set_resource(&resource());
    let (traces, finished) = Traces::channel();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(send(exporter, finished, stopped));
    Ok((traces, Exporting { stop, task }))
}

fn resource() -> Resource {
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if std::env::var_os("OTEL_SERVICE_NAME").is_some() {
        return builder.build();
    }
    builder.with_service_name("signalbox").build()
}

async fn send(exporter: SpanExporter, mut finished: Receiver<RequestTrace>, mut stopped: oneshot::Receiver<()>) {
    let mut batch = Vec::new();
    let mut is_over = false;
    while !is_over || !finished.is_empty() {
        tokio::select! {
            biased;
            count = finished.recv_many(&mut batch, BATCH) => is_over |= count == 0,
            _ = &mut stopped, if !is_over => is_over = true,
        }
        if !is_over && batch.len() < BATCH {
            tokio::select! {
                () = sleep(GATHER) => {}
                _ = &mut stopped => is_over = true,
            }
            while batch.len() < BATCH
                && let Ok(trace) = finished.try_recv()
            {
                batch.push(trace);
            }
        }
        export(&exporter, &mut batch).await;
    }
}

async fn export(exporter: &SpanExporter, batch: &mut Vec<RequestTrace>) {
    let requests = batch.len() as u64;
    if requests == 0 {
        return;
    }
    let spans: Vec<_> = batch.drain(..).flat_map(|trace| spans_of(&trace)).collect();
    let count = spans.len() as u64;
    let sent = timeout(EXPORT_WAIT, exporter.export(spans)).await;
    match sent.map_err(|_| Fault::Late(EXPORT_WAIT)).and_then(|sent| sent.map_err(Fault::Export)) {
        Ok(()) => metrics::counter!("signalbox_spans_exported_total").increment(count),
        Err(fault) => {
            metrics::counter!("signalbox_traces_dropped_total", "reason" => "export").increment(requests);
            tracing::warn!(requests, %fault, "traces were not sent");
        }
    }
}

// === Spans ===

fn spans_of(trace: &RequestTrace) -> Vec<SpanData> {
    let mut spans = vec![root(trace)];
    if let Some(period) = trace.decision {
        spans.push(child(trace, spans.len(), "decide".to_owned(), period));
    }
    for (attempt, period) in trace.record.attempts.iter().zip(&trace.attempts) {
        let span = child(trace, spans.len(), format!("{CHAT} {}", attempt.model), *period);
        spans.push(of_attempt(span, attempt));
    }
    spans
}

/// The request itself.
fn root(trace: &RequestTrace) -> SpanData {
    let record = &trace.record;
    let requested = record.started.requested_model.clone();
    let name = requested.as_ref().map_or_else(|| CHAT.to_owned(), |model| format!("{CHAT} {model}"));
    let whole = Period { from: Duration::ZERO, to: Duration::from_micros(record.total_micros) };
    let mut span = span(trace, 0, name, whole);
    span.span_kind = SpanKind::Server;
    if let Some(parent) = trace.parent {
        span.parent_span_id = SpanId::from_bytes(parent.span);
        span.parent_span_is_remote = true;
    }
    let mut attributes = vec![
        KeyValue::new("gen_ai.operation.name", CHAT),
        KeyValue::new("http.response.status_code", i64::from(record.status)),
        KeyValue::new("signalbox.request.id", record.started.id.to_string()),
        KeyValue::new("signalbox.request.stream", record.started.stream),
        KeyValue::new("signalbox.key.id", record.started.key.to_string()),
        KeyValue::new("signalbox.outcome", record.outcome.as_str()),
    ];
    let mut add = |name: &'static str, value: Option<String>| {
        attributes.extend(value.map(|value| KeyValue::new(name, value)));
    };
    add("gen_ai.request.model", requested);
    add("gen_ai.provider.name", record.model.as_ref().map(|model| model.provider().to_owned()));
    let model = record.model.as_ref().map(ToString::to_string);
    add("gen_ai.response.model", record.served_model.clone().or_else(|| model.clone()));
    add("signalbox.model", model);
    add("signalbox.policy.id", record.policy.as_ref().map(ToString::to_string));
    add("error.type", record.error.clone());
    if let Some(usage) = &record.usage {
        let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new("gen_ai.usage.input_tokens", tokens(usage.prompt_tokens)));
        attributes.push(KeyValue::new("gen_ai.usage.output_tokens", tokens(usage.completion_tokens)));
    }
    if let Some(micros) = record.first_token_micros {
        attributes.push(KeyValue::new("signalbox.time_to_first_token", micros as f64 / 1e6));
    }
    span.attributes = attributes;
    span.status = match record.outcome {
        Outcome::Completed | Outcome::ClientCancelled => Status::Unset,
        Outcome::Failed | Outcome::Interrupted | Outcome::UnknownOutcome => {
            Status::error(record.error.clone().unwrap_or_default())
        }
    };
    span
}

fn of_attempt(mut span: SpanData, attempt: &Attempt) -> SpanData {
    span.span_kind = SpanKind::Client;
    span.attributes = vec![
        KeyValue::new("gen_ai.operation.name", CHAT),
        KeyValue::new("gen_ai.provider.name", attempt.model.provider().to_owned()),
        KeyValue::new("gen_ai.request.model", attempt.model.native().to_owned()),
    ];
    if let Some(status) = attempt.status {
        span.attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
    }
    if attempt.outcome != AttemptOutcome::Ok {
        let outcome = serde_json::to_value(attempt.outcome).ok();
        let outcome = outcome.as_ref().and_then(|it| it.as_str()).unwrap_or_default().to_owned();
        span.attributes.push(KeyValue::new("error.type", outcome.clone()));
        span.status = Status::error(outcome);
    }
    span
}

fn child(trace: &RequestTrace, number: usize, name: String, period: Period) -> SpanData {
    let mut span = span(trace, number, name, period);
    span.parent_span_id = SpanId::from_bytes(trace.span_id(0));
    span
}

fn span(trace: &RequestTrace, number: usize, name: String, period: Period) -> SpanData {
    let began =
        u64::try_from(trace.record.started.at.0).map_or(UNIX_EPOCH, |it| UNIX_EPOCH + Duration::from_micros(it));
    let at = |after: Duration| -> SystemTime { began + after };
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(trace.trace_id()),
            SpanId::from_bytes(trace.span_id(number)),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: at(period.from),
        end_time: at(period.to),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("signalbox").build(),
    }
}
