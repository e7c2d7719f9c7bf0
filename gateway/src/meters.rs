//! What the gateway counts of finished requests, with handles made once so that counting costs an atomic addition.
//!
//! Names follow OpenTelemetry's conventions for generative AI where those have one, in Prometheus spelling. What each
//! means stands in the binary's catalogue of metrics.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::{Attempt, Finished, ModelId, Outcome, Usage};
use metrics::{Counter, Histogram};

/// Providers that are told apart; what more there are count as one.
const PROVIDERS: usize = 256;
const OTHER: &str = "_other";

/// Counters and histograms of finished requests.
pub(crate) struct Meters {
    outcomes: [(Outcome, Counter); Outcome::ALL.len()],
    overhead: Histogram,
    total: Histogram,
    first_token: Histogram,
    per_output_token: Histogram,
    decision: Histogram,
    prompt_tokens: Counter,
    completion_tokens: Counter,
    /// From an upstream's first content to ours.
    pub(crate) added_first_token: Histogram,
    /// Between two pieces of a stream.
    pub(crate) chunk_gap: Histogram,
    providers: RwLock<HashMap<String, Arc<ProviderMeters>>>,
}

/// What is counted by provider.
struct ProviderMeters {
    operation: Histogram,
    input: Histogram,
    output: Histogram,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            outcomes: Outcome::ALL
                .map(|outcome| (outcome, metrics::counter!("signalbox_requests_total", "outcome" => outcome.as_str()))),
            overhead: metrics::histogram!("signalbox_overhead_seconds"),
            total: metrics::histogram!("gen_ai_server_request_duration_seconds"),
            first_token: metrics::histogram!("gen_ai_server_time_to_first_token_seconds"),
            per_output_token: metrics::histogram!("gen_ai_server_time_per_output_token_seconds"),
            decision: metrics::histogram!("signalbox_decision_seconds"),
            prompt_tokens: metrics::counter!("signalbox_tokens_total", "direction" => "input"),
            completion_tokens: metrics::counter!("signalbox_tokens_total", "direction" => "output"),
            added_first_token: metrics::histogram!("signalbox_added_time_to_first_token_seconds"),
            chunk_gap: metrics::histogram!("signalbox_chunk_gap_seconds"),
            providers: RwLock::default(),
        }
    }

    pub(crate) fn finished(&self, record: &Finished, overhead: Duration) {
        for (outcome, counter) in &self.outcomes {
            if *outcome == record.outcome {
                counter.increment(1);
            }
        }
        self.overhead.record(overhead);
        self.total.record(seconds(record.total_micros));
        record.first_token_micros.into_iter().for_each(|micros| self.first_token.record(seconds(micros)));
        record.decision_micros.into_iter().for_each(|micros| self.decision.record(seconds(micros)));
        record.attempts.iter().for_each(|attempt| self.attempted(attempt));
        if let Some(usage) = &record.usage {
            self.consumed(usage, record);
        }
    }

    fn attempted(&self, attempt: &Attempt) {
        if let Some(millis) = attempt.millis {
            self.provider(&attempt.model).operation.record(millis / 1e3);
        }
    }

    fn consumed(&self, usage: &Usage, record: &Finished) {
        self.prompt_tokens.increment(usage.prompt_tokens);
        self.completion_tokens.increment(usage.completion_tokens);
        if let Some(model) = &record.model {
            let provider = self.provider(model);
            provider.input.record(usage.prompt_tokens as f64);
            provider.output.record(usage.completion_tokens as f64);
        }
        // The first is measured apart.
        if let (Some(first), more @ 1..) = (record.first_token_micros, usage.completion_tokens.saturating_sub(1)) {
            self.per_output_token.record(seconds(record.total_micros.saturating_sub(first)) / more as f64);
        }
    }

    fn provider(&self, model: &ModelId) -> Arc<ProviderMeters> {
        let name = model.provider();
        if let Some(known) = self.providers.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return known.clone();
        }
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        let name = if providers.len() < PROVIDERS { name } else { OTHER };
        providers.entry(name.to_owned()).or_insert_with(|| Arc::new(ProviderMeters::new(name))).clone()
    }
}

impl ProviderMeters {
    fn new(name: &str) -> Self {
        let tokens = |kind: &'static str| {
            let name = name.to_owned();
            metrics::histogram!("gen_ai_client_token_usage", "gen_ai_provider_name" => name, "gen_ai_token_type" => kind)
        };
        let operation =
            metrics::histogram!("gen_ai_client_operation_duration_seconds", "gen_ai_provider_name" => name.to_owned());
        Self { operation, input: tokens("input"), output: tokens("output") }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
