//! How models, and each of their keys, have been doing, merged from what every gateway reports: a rolling success rate
//! and latencies.
//!
//! Rolling by decay: an observation counts half after five minutes, so an old outage does not outlive its cause.
//! What a caller did (a refused request, a cancellation) says nothing of the model and is left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{AttemptOutcome, CredentialId, ModelId, OrganisationId, Snapshot, Timestamp};
use metrics::counter;
use policy::Latency;
use proto::OutcomeReport;
use proto::pb::snapshot::v1 as pb;

/// After this long an observation counts half.
const HALF_LIFE_MICROS: f64 = 300e6;
/// The share of a new observation in a rolling latency.
const LATENCY_SHARE: f64 = 0.1;
/// Models remembered; past it the one that was silent the longest is forgotten.
const MODELS: usize = 10_000;

/// Merged reports of all gateways.
#[derive(Default)]
pub(crate) struct Feedback {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    models: HashMap<(OrganisationId, ModelId), Watched>,
    generation: u64,
    /// What decisions are made with, per organisation; emptied by every merge, filled by the first question after it.
    latencies: HashMap<OrganisationId, Latencies>,
}

type Latencies = Arc<BTreeMap<ModelId, Latency>>;

/// A model, all its keys together and each for itself; as many keys as are configured.
#[derive(Debug, Default)]
struct Watched {
    all: Rolling,
    keys: BTreeMap<CredentialId, Rolling>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rolling {
    observed: f64,
    succeeded: f64,
    first_token_micros: Option<f64>,
    micros_per_token: Option<f64>,
    updated: Timestamp,
}

impl Feedback {
    /// Merges reports of configured models and returns how many there were. A moment in the future counts as now.
    pub(crate) fn merge(&self, snapshot: &Snapshot, reports: &[OutcomeReport], now: Timestamp) -> u32 {
        let mut state = self.lock();
        let mut accepted = 0;
        for report in reports {
            let tenant = snapshot.tenant(&report.organisation);
            let Some(tenant) = tenant.filter(|tenant| tenant.models.contains_key(&report.model)) else {
                counter!("signalbox_reports_dropped_total", "reason" => "unknown_model").increment(1);
                continue;
            };
            accepted += 1;
            let Some(success) = says_of_the_model(report.outcome) else {
                continue;
            };
            let key = (report.organisation.clone(), report.model.clone());
            state.make_room(&key);
            let at = report.at.min(now);
            let watched = state.models.entry(key).or_default();
            watched.all.observe(report, success, at);
            // Keys that were taken away are forgotten with the next report of the model.
            watched.keys.retain(|key, _| tenant.credentials.contains_key(key));
            if let Some(key) = report.credential.as_ref().filter(|key| tenant.credentials.contains_key(*key)) {
                watched.keys.entry(key.clone()).or_default().observe(report, success, at);
            }
            state.generation += 1;
            state.latencies.clear();
        }
        accepted
    }

    /// What is known, if it is more than at `seen`; and the generation to ask with next time.
    pub(crate) fn newer_than(&self, seen: u64) -> Option<(u64, pb::Health)> {
        let state = self.lock();
        if state.generation == seen {
            return None;
        }
        let mut models: Vec<_> = state.models.iter().map(|((owner, model), it)| it.message(owner, model)).collect();
        models.sort_by(|a, b| (&a.organisation, &a.model).cmp(&(&b.organisation, &b.model)));
        Some((state.generation, pb::Health { models }))
    }

    /// How fast the models of an organisation have been answering.
    pub(crate) fn latencies(&self, organisation: &OrganisationId) -> Latencies {
        let mut state = self.lock();
        if let Some(known) = state.latencies.get(organisation) {
            return known.clone();
        }
        let own = state.models.iter().filter(|((owner, _), _)| owner == organisation);
        let found: BTreeMap<_, _> =
            own.filter_map(|((_, model), it)| Some((model.clone(), it.all.latency()?))).collect();
        let found = Arc::new(found);
        state.latencies.insert(organisation.clone(), found.clone());
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self, key: &(OrganisationId, ModelId)) {
        if self.models.len() < MODELS || self.models.contains_key(key) {
            return;
        }
        let silent = self.models.iter().min_by_key(|(_, it)| it.all.updated).map(|(key, _)| key.clone());
        if let Some(silent) = silent {
            self.models.remove(&silent);
            counter!("signalbox_reports_dropped_total", "reason" => "too_many_models").increment(1);
        }
    }
}

impl Rolling {
    fn observe(&mut self, report: &OutcomeReport, success: bool, at: Timestamp) {
        let age = (at.unix_micros().saturating_sub(self.updated.unix_micros())).max(0) as f64;
        let kept = 0.5_f64.powf(age / HALF_LIFE_MICROS);
        self.observed = self.observed * kept + 1.0;
        self.succeeded = self.succeeded * kept + f64::from(u8::from(success));
        self.updated = self.updated.max(at);
        if !success {
            return;
        }
        let first = report.first_token_micros.map(|micros| micros as f64);
        blend(&mut self.first_token_micros, first);
        let tokens = report.output_tokens.filter(|tokens| *tokens > 0).map(|tokens| tokens as f64);
        let written = report.latency_micros.saturating_sub(report.first_token_micros.unwrap_or(0)) as f64;
        blend(&mut self.micros_per_token, tokens.map(|tokens| written / tokens));
    }

    fn latency(&self) -> Option<Latency> {
        Latency::observed(whole(self.first_token_micros), whole(self.micros_per_token), self.success_rate())
    }

    fn success_rate(&self) -> f64 {
        if self.observed > 0.0 { (self.succeeded / self.observed).clamp(0.0, 1.0) } else { 1.0 }
    }

    fn message(&self, credential: &CredentialId) -> pb::KeyHealth {
        pb::KeyHealth {
            credential: credential.to_string(),
            observed: self.observed,
            success_rate: self.success_rate(),
            first_token_micros: whole(self.first_token_micros),
            micros_per_token: whole(self.micros_per_token),
            updated_at_micros: self.updated.unix_micros(),
        }
    }
}

impl Watched {
    fn message(&self, organisation: &OrganisationId, model: &ModelId) -> pb::ModelHealth {
        let all = &self.all;
        pb::ModelHealth {
            organisation: organisation.to_string(),
            model: model.to_string(),
            observed: all.observed,
            success_rate: all.success_rate(),
            first_token_micros: whole(all.first_token_micros),
            micros_per_token: whole(all.micros_per_token),
            updated_at_micros: all.updated.unix_micros(),
            keys: self.keys.iter().map(|(credential, it)| it.message(credential)).collect(),
        }
    }
}

fn whole(micros: Option<f64>) -> Option<u64> {
    micros.map(|micros| micros as u64)
}

fn blend(rolling: &mut Option<f64>, observed: Option<f64>) {
    if let Some(observed) = observed {
        *rolling = Some(rolling.map_or(observed, |known| known + LATENCY_SHARE * (observed - known)));
    }
}

/// Whether an outcome speaks for or against the model; `None` when it says nothing of it.
const fn says_of_the_model(outcome: AttemptOutcome) -> Option<bool> {
    match outcome {
        AttemptOutcome::Ok => Some(true),
        AttemptOutcome::ConnectFailed
        | AttemptOutcome::TlsFailed
        | AttemptOutcome::Disconnected
        | AttemptOutcome::Interrupted
        | AttemptOutcome::Timeout
        | AttemptOutcome::RateLimited
        | AttemptOutcome::Overloaded
        | AttemptOutcome::ServerError
        | AttemptOutcome::BadAnswer
        | AttemptOutcome::Unauthorised
        | AttemptOutcome::ModelNotFound => Some(false),
        AttemptOutcome::ContextLength
        | AttemptOutcome::Refused
        | AttemptOutcome::Cancelled
        | AttemptOutcome::NotSent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Change, Credential, Model, Object, Organisation, Owner, ProviderSlug, SealedBytes, SnapshotVersion};
    use std::sync::Arc;

    const MINUTE: i64 = 60_000_000;

    fn owner() -> OrganisationId {
        OrganisationId::from_random([1; 20])
    }

    fn model() -> ModelId {
        ModelId::parse("acme/large").expect("valid")
    }

    fn snapshot() -> Snapshot {
        let organisation = Organisation {
            body_logging: None,
            budget: None,
            id: owner(),
            name: "acme".into(),
            default_policy: None,
            calibration: None,
        };
        let model = Model {
            dimensions: None,
            id: model(),
            organisation: owner(),
            native: "large".into(),
            name: None,
            enabled: true,
            context_length: None,
            max_output_tokens: None,
            pricing: domain::Pricing::default(),
            capability: None,
            capabilities: vec![],
            input_modalities: vec![],
            output_modalities: vec![],
            supported_parameters: None,
            released: None,
            zero_data_retention: None,
            source: None,
        };
        let objects = [Object::Organisation(Arc::new(organisation)), Object::Model(Arc::new(model))];
        Snapshot::full(SnapshotVersion::default(), objects)
    }

    fn report(outcome: AttemptOutcome, at: i64) -> OutcomeReport {
        OutcomeReport {
            organisation: owner(),
            model: model(),
            credential: None,
            outcome,
            latency_micros: 1_100_000,
            first_token_micros: Some(100_000),
            output_tokens: Some(100),
            at: Timestamp(at),
        }
    }

    fn health(feedback: &Feedback) -> pb::ModelHealth {
        feedback.newer_than(0).expect("something was merged").1.models.swap_remove(0)
    }

    #[test]
    fn success_rate_counts_what_the_model_did_and_nothing_else() {
        let feedback = Feedback::default();
        let outcomes = [
            AttemptOutcome::Ok,
            AttemptOutcome::ServerError,
            AttemptOutcome::Cancelled,
            AttemptOutcome::Refused,
            AttemptOutcome::ContextLength,
        ];
        let reports = outcomes.map(|outcome| report(outcome, MINUTE));
        assert_eq!(feedback.merge(&snapshot(), &reports, Timestamp(MINUTE)), 5);
        let health = health(&feedback);
        assert!((health.success_rate - 0.5).abs() < 1e-9 && (health.observed - 2.0).abs() < 1e-9, "{health:?}");
        assert_eq!((health.first_token_micros, health.micros_per_token), (Some(100_000), Some(10_000)));
    }

    #[test]
    fn each_configured_key_has_figures_of_its_own() {
        let [known, gone] = [7, 8].map(|number| CredentialId::from_random([number; 20]));
        let mut snapshot = snapshot();
        let credential = Credential {
            kind: domain::CredentialKind::ApiKey,
            user: None,
            weight: 1,
            id: known.clone(),
            organisation: owner(),
            provider: ProviderSlug::parse("acme").expect("valid"),
            name: "a".into(),
            owner: Owner::Managed,
            version: 1,
            sealed: SealedBytes(vec![]),
            hint: String::new(),
        };
        snapshot = snapshot.apply(snapshot.version, [Change::Put(Object::Credential(Arc::new(credential)))]);
        let with = |key: &CredentialId, outcome| OutcomeReport { credential: Some(key.clone()), ..report(outcome, 1) };
        let reports = [with(&known, AttemptOutcome::Ok), with(&gone, AttemptOutcome::RateLimited)];
        let feedback = Feedback::default();
        feedback.merge(&snapshot, &reports, Timestamp(1));
        let health = health(&feedback);
        assert!((health.success_rate - 0.5).abs() < 1e-9, "{health:?}");
        let keys: Vec<_> = health.keys.iter().map(|it| (it.credential.clone(), it.success_rate)).collect();
        assert_eq!(keys, [(known.to_string(), 1.0)]);
    }

    #[test]
    fn old_failures_fade() {
        let feedback = Feedback::default();
        feedback.merge(&snapshot(), &[report(AttemptOutcome::Timeout, 0)], Timestamp(0));
        let later = 10 * MINUTE;
        feedback.merge(&snapshot(), &[report(AttemptOutcome::Ok, later)], Timestamp(later));
        assert!((health(&feedback).success_rate - 0.8).abs() < 1e-6);
    }

    #[test]
    fn reports_from_the_future_count_as_now() {
        let feedback = Feedback::default();
        feedback.merge(&snapshot(), &[report(AttemptOutcome::Ok, i64::MAX)], Timestamp(MINUTE));
        assert_eq!(health(&feedback).updated_at_micros, MINUTE);
    }

    #[test]
    fn unknown_models_are_not_remembered() {
        let feedback = Feedback::default();
        let stranger =
            OutcomeReport { model: ModelId::parse("acme/other").expect("valid"), ..report(AttemptOutcome::Ok, 1) };
        assert_eq!(feedback.merge(&snapshot(), &[stranger], Timestamp(1)), 0);
        assert!(feedback.newer_than(0).is_none());
    }
}
