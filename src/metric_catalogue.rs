//! Every metric that the process counts: its name, its labels, what it means.
//!
//! `/metrics` describes them in these words and `docs/operating.md` lists them; tests hold the three together, and hold
//! the list against what the sources count.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// A histogram without buckets: quantiles are shown instead.
    Summary,
}

use Kind::{Counter, Gauge, Histogram, Summary};

/// Name, labels, kind, meaning.
type Metric = (&'static str, &'static str, Kind, &'static str);

/// Tells the recorder what each metric means.
pub(crate) fn describe() {
    for (name, _, kind, meaning) in METRICS {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Histogram | Summary => describe_histogram!(*name, *meaning),
        }
    }
}

#[rustfmt::skip]
const METRICS: &[Metric] = &[
    // Requests
    ("signalbox_requests_total", "outcome", Counter, "ended requests: `completed`, `failed`, `interrupted`, `client_cancelled`, `unknown_outcome`"),
    ("signalbox_requests_refused_total", "code", Counter, "refused for their key, their `Host`, their head, or for want of a configuration; these have no row"),
    ("signalbox_requests_shed_total", "reason", Counter, "503 for `requests` or `bytes` in flight"),
    ("signalbox_overhead_seconds", "", Histogram, "time on our side, waiting for providers excluded"),
    ("signalbox_decision_seconds", "", Histogram, "deciding, scoring included"),
    ("gen_ai_server_request_duration_seconds", "", Histogram, "whole requests"),
    ("gen_ai_server_time_to_first_token_seconds", "", Histogram, "from a request to the first content of its stream"),
    ("gen_ai_server_time_per_output_token_seconds", "", Histogram, "between two tokens of a stream, after the first"),
    ("signalbox_added_time_to_first_token_seconds", "", Histogram, "from the provider's first content to ours"),
    ("signalbox_chunk_gap_seconds", "", Histogram, "between two pieces of a stream, as the provider sends them"),
    ("signalbox_tokens_total", "direction", Counter, "tokens that were paid for: `input`, `output`"),
    ("signalbox_sessions_evicted_total", "", Counter, "conversations forgotten for want of room"),
    ("signalbox_kept_answers_evicted_total", "", Counter, "kept answers of Responses whose provider was forgotten for want of room"),
    ("signalbox_streams_interrupted_total", "kind", Counter, "streams broken off after content"),
    ("signalbox_write_stalls_total", "", Counter, "callers that stopped reading"),
    ("signalbox_silent_connections_total", "", Counter, "connections that never said a whole word"),
    ("signalbox_late_heads_total", "", Counter, "408: heads of requests that did not end, and HTTP/2 connections that did not open"),
    ("signalbox_ambiguous_requests_total", "", Counter, "400: requests that could be cut in two ways; somebody may be probing"),
    ("signalbox_tls_handshake_failures_total", "reason", Counter, "callers' handshakes that `failed` or were `late`"),
    ("signalbox_tls_reload_faults_total", "", Counter, "certificates that could not be read again; the one before stays"),
    ("signalbox_panics_total", "", Counter, "requests that met a bug"),
    ("signalbox_requests_cut_total", "code", Counter, "running requests that ended because their API key was withdrawn"),
    ("signalbox_limited_total", "limit", Counter, "requests refused by a limit or, as `budget`, by a budget"),
    ("signalbox_limits_degraded_total", "outcome", Counter, "requests while the shared store of limits was away: `divided`, `refused`, `unbudgeted`"),
    ("signalbox_limits_store_up", "", Gauge, "1 while the shared store of limits answers"),
    ("signalbox_limit_counters_evicted_total", "", Counter, "counters of limits forgotten for want of room"),
    ("signalbox_limit_settlements_dropped_total", "", Counter, "corrections of limits that the shared store was not told of"),
    ("signalbox_budget_alerts_total", "mode", Counter, "budgets that were used up"),
    ("signalbox_accept_failures_total", "", Counter, "connections that the system did not hand over"),
    ("signalbox_connections_refused_total", "", Counter, "connections closed at once because too many are open"),
    // Providers
    ("gen_ai_client_operation_duration_seconds", "gen_ai_provider_name", Histogram, "attempts; of streams, up to the first content"),
    ("gen_ai_client_token_usage", "gen_ai_provider_name,gen_ai_token_type", Histogram, "tokens of a request: `input`, `output`"),
    ("signalbox_upstream_faults_total", "kind", Counter, "failed attempts"),
    ("signalbox_served_model_mismatch_total", "provider", Counter, "answers of another model than the one asked for"),
    ("signalbox_repeats_refused_total", "", Counter, "repeats to the same provider that the retry budget did not allow"),
    ("signalbox_upstream_connections_total", "outcome", Counter, "`ok`, `address_refused`, `lookup_failed`, `tcp_failed`, `tls_failed`, `timeout`"),
    ("signalbox_upstream_stale_connections_total", "", Counter, "pooled connections found closed, replaced"),
    ("signalbox_upstream_stale_dns_total", "", Counter, "old addresses used for want of new ones"),
    ("signalbox_upstream_address_refused_total", "", Counter, "addresses that may not be called"),
    ("signalbox_breaker_transitions_total", "model,to", Counter, "changes of a model's breaker: to `closed`, `open`, `half_open`"),
    ("signalbox_breaker_open", "model", Gauge, "1 while the breaker of a model lets nothing, or one probe, through"),
    ("signalbox_credentials_refused_total", "", Counter, "401: look at the provider's key"),
    ("signalbox_credential_state", "provider,credential,state", Gauge, "1 for the state that a secret is in; appears once one has not been healthy"),
    ("signalbox_oauth_tokens_total", "outcome", Counter, "tokens fetched, and fetches that `failed`"),
    // Engine and configuration
    ("signalbox_engine_calls_total", "result", Counter, "the gateway's questions: `ok`, `failed`, `refused`, `breaker_open`"),
    ("signalbox_scoring_batch_seconds", "", Histogram, "scoring one batch"),
    ("signalbox_scoring_batch_prompts", "", Summary, "prompts scored together"),
    ("signalbox_scoring_wait_seconds", "", Histogram, "prompts in the queue before they are scored"),
    ("signalbox_scoring_queue_prompts", "", Gauge, "prompts that wait to be scored now; 256 at most"),
    ("signalbox_scoring_failures_total", "kind", Counter, "`error`, `panic`"),
    ("signalbox_scoring_dropped_total", "reason", Counter, "prompts not scored because the queue was full or nobody waited any more"),
    ("signalbox_scorer_serving", "version", Gauge, "1 for the scorer that serves, 0 for one that served before"),
    ("signalbox_scorer_faults", "", Gauge, "what could not be used at the start, until another scorer is promoted"),
    ("signalbox_scorer_changes_total", "action", Counter, "`upload`, `promote`, `rollback`, `shadow`, `shadow off`, `remove`"),
    ("signalbox_shadow_prompts_total", "", Counter, "prompts that both scorers have scored"),
    ("signalbox_shadow_failures_total", "", Counter, "prompts on which the scorer in shadow failed"),
    ("signalbox_shadow_dropped_total", "reason", Counter, "drawn prompts that were left out: `full`, `busy`, `stale`"),
    ("signalbox_shadow_mean_difference", "", Gauge, "mean absolute difference in complexity between the two scorers"),
    ("signalbox_shadow_flipped_share", "", Gauge, "share of prompts that the two scorers put on different sides of 0.5"),
    ("signalbox_snapshot_revision", "", Gauge, "the configuration in force in the gateway"),
    ("signalbox_snapshot_full_copies_total", "", Counter, "full copies sent instead of deltas"),
    ("signalbox_snapshot_file_faults_total", "", Counter, "stored copies that could not be read or written"),
    ("signalbox_watch_failures_total", "", Counter, "times that following the configuration broke off"),
    ("signalbox_watchers", "", Gauge, "gateways that follow"),
    ("signalbox_streams_stalled_total", "stream", Counter, "readers of an engine stream that took nothing"),
    ("signalbox_outcome_reports_dropped_total", "", Counter, "outcomes of calls that the gateway could not tell the engine"),
    ("signalbox_reports_dropped_total", "reason", Counter, "reported outcomes that the engine did not take"),
    ("signalbox_config_faults_total", "", Counter, "changes of the watched file that were wrong"),
    ("signalbox_registry_commit_failures_total", "", Counter, "configuration changes that could not be stored"),
    ("signalbox_registry_history_dropped_total", "", Counter, "states of the configuration that were too old to keep"),
    ("signalbox_registry_audit_dropped_total", "", Counter, "lines of the audit that were too old to keep"),
    ("signalbox_seals_moved_total", "", Counter, "seals that a rotation moved"),
    ("signalbox_sealed_answers_lost_total", "", Counter, "kept answers that no key at hand opened"),
    // Ledger
    ("signalbox_ledger_appended_total", "", Counter, "records taken by the spool"),
    ("signalbox_ledger_refused_total", "", Counter, "records that the spool did not take"),
    ("signalbox_ledger_drained_total", "", Counter, "rows inserted"),
    ("signalbox_ledger_duplicates_total", "", Counter, "rows that were there already"),
    ("signalbox_ledger_replayed_total", "", Counter, "found at start: ends without a row"),
    ("signalbox_ledger_unknown_outcomes_total", "", Counter, "found at start: starts without an end"),
    ("signalbox_ledger_truncated_tails_total", "", Counter, "records cut off at the end of a segment"),
    ("signalbox_ledger_corrupt_segments_total", "", Counter, "segments of the spool that were damaged"),
    ("signalbox_ledger_unreadable_total", "", Counter, "records that could not be read"),
    ("signalbox_ledger_database_errors_total", "", Counter, "failed statements, which are repeated"),
    ("signalbox_ledger_sync_errors_total", "", Counter, "failed syncs"),
    ("signalbox_ledger_syncs_total", "", Counter, "completed syncs"),
    ("signalbox_ledger_sync_seconds", "", Histogram, "one sync"),
    ("signalbox_ledger_backlog_records", "", Gauge, "records on the way to the database"),
    ("signalbox_ledger_spool_bytes", "", Gauge, "the spool's size"),
    ("signalbox_ledger_open_requests", "", Gauge, "requests begun and not ended"),
    ("signalbox_records_lost_total", "", Counter, "records of cancelled requests that could not be written"),
    ("signalbox_bodies_kept_total", "", Counter, "requests whose bodies were kept"),
    ("signalbox_bodies_expired_total", "", Counter, "requests whose bodies were deleted when their time was over"),
    ("signalbox_bodies_dropped_total", "reason", Counter, "requests whose bodies were not kept although they should be: `memory`, `queue`, `store`"),
    ("signalbox_bodies_erase_failures_total", "", Counter, "deletions that could not be shown to be complete"),
    // Traces
    ("signalbox_traces_dropped_total", "reason", Counter, "traces that were not sent: `queue` full, or `export` failed"),
    ("signalbox_spans_exported_total", "", Counter, "spans that the collector has taken"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_manual_lists_exactly_these_metrics_in_these_words() {
        let manual = fs::read_to_string(root().join("docs/operating.md")).expect("the manual");
        let listed: BTreeSet<_> = manual
            .lines()
            .filter(|line| line.starts_with("| `signalbox_") || line.starts_with("| `gen_ai_"))
            .map(str::to_owned)
            .collect();
        let described: BTreeSet<_> = METRICS
            .iter()
            .map(|(name, labels, kind, meaning)| {
                let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                format!("| `{name}{labels}` | {} | {meaning} |", format!("{kind:?}").to_lowercase())
            })
            .collect();
        let (missing, stray): (Vec<_>, Vec<_>) =
            (described.difference(&listed).collect(), listed.difference(&described).collect());
        assert!(missing.is_empty() && stray.is_empty(), "not in the manual: {missing:#?}\nonly there: {stray:#?}");
    }

    #[test]
    fn whatever_is_counted_is_described_and_the_other_way_round() {
        let mut counted = BTreeSet::new();
        for folder in ["src", "engine", "gateway", "proto"] {
            collect(&root().join(folder), &mut counted);
        }
        let described: BTreeSet<_> = METRICS.iter().map(|metric| metric.0.to_owned()).collect();
        let undescribed: Vec<_> = counted.difference(&described).collect();
        assert!(undescribed.is_empty(), "add these to `METRICS` and to docs/operating.md: {undescribed:#?}");
        // The ledger makes the names of its counters out of its fields.
        let made = |name: &str| name.starts_with("signalbox_ledger_") && name.ends_with("_total");
        let unused: Vec<_> = described.difference(&counted).filter(|name| !made(name)).collect();
        assert!(unused.is_empty(), "nobody counts {unused:#?}");
    }

    /// The names in `counter!("…")`, `gauge!("…")` and `histogram!("…")` of all sources below a folder.
    fn collect(folder: &Path, counted: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                collect(&entry, counted);
            } else if entry.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&entry).expect("a source file");
                for call in ["counter!(", "gauge!(", "histogram!("] {
                    let names = text.split(call).skip(1).filter_map(|rest| {
                        rest.trim_start().strip_prefix('"')?.split_once('"').map(|(name, _)| name.to_owned())
                    });
                    counted.extend(names.filter(|name| name.starts_with("signalbox_") || name.starts_with("gen_ai_")));
                }
            }
        }
    }
}
