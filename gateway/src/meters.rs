//! What the gateway counts, with handles made once so that counting costs an atomic addition.

use std::time::Duration;

use domain::{Finished, Outcome};
use metrics::{Counter, Histogram};

/// Counters and histograms of finished requests.
pub(crate) struct Meters {
    outcomes: [(Outcome, Counter); Outcome::ALL.len()],
    overhead: Histogram,
    total: Histogram,
    first_token: Histogram,
    decision: Histogram,
    prompt_tokens: Counter,
    completion_tokens: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        metrics::describe_histogram!(
            "signalbox_overhead_seconds",
            metrics::Unit::Seconds,
            "Time a request spent in the gateway, waiting for upstreams excluded"
        );
        Self {
            outcomes: Outcome::ALL
                .map(|outcome| (outcome, metrics::counter!("signalbox_requests_total", "outcome" => outcome.as_str()))),
            overhead: metrics::histogram!("signalbox_overhead_seconds"),
            total: metrics::histogram!("gen_ai_server_request_duration_seconds"),
            first_token: metrics::histogram!("gen_ai_server_time_to_first_token_seconds"),
            decision: metrics::histogram!("signalbox_decision_seconds"),
            prompt_tokens: metrics::counter!("signalbox_tokens_total", "direction" => "input"),
            completion_tokens: metrics::counter!("signalbox_tokens_total", "direction" => "output"),
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
        if let Some(usage) = &record.usage {
            self.prompt_tokens.increment(usage.prompt_tokens);
            self.completion_tokens.increment(usage.completion_tokens);
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
