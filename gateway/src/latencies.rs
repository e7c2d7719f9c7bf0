//! How fast models have been answering, as the engine tells it of all gateways together: what `least_latency` goes by.
//!
//! Each message replaces the one before. Until the first one nothing is known of any model.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::{ModelId, OrganisationId};
use policy::Latency;
use proto::pb::snapshot::v1::Health;

type Models = Arc<BTreeMap<ModelId, Latency>>;

#[derive(Default)]
pub(crate) struct Latencies(ArcSwap<HashMap<OrganisationId, Models>>);

impl Latencies {
    /// What is known of an organisation's models.
    pub(crate) fn of(&self, organisation: &OrganisationId) -> Models {
        self.0.load().get(organisation).cloned().unwrap_or_default()
    }

    /// Takes what the engine says. What cannot be read is left out: it is advice, not configuration.
    pub(crate) fn replace(&self, health: &Health) {
        let mut found: HashMap<OrganisationId, BTreeMap<ModelId, Latency>> = HashMap::new();
        for it in &health.models {
            let observed = Latency::observed(it.first_token_micros, it.micros_per_token, it.success_rate);
            if let (Ok(organisation), Ok(model), Some(latency)) =
                (OrganisationId::parse(&it.organisation), ModelId::parse(&it.model), observed)
            {
                found.entry(organisation).or_default().insert(model, latency);
            }
        }
        let found = found.into_iter().map(|(organisation, models)| (organisation, Arc::new(models)));
        self.0.store(Arc::new(found.collect()));
    }
}

#[cfg(test)]
mod tests {
    use proto::pb::snapshot::v1::ModelHealth;

    use super::*;

    fn told(organisation: &OrganisationId, model: &str, first_token_micros: Option<u64>) -> ModelHealth {
        ModelHealth {
            organisation: organisation.to_string(),
            model: model.to_owned(),
            first_token_micros,
            success_rate: 1.0,
            ..ModelHealth::default()
        }
    }

    #[test]
    fn each_organisation_sees_its_own_models_as_last_told() {
        let [ours, theirs] = [1, 2].map(|number| OrganisationId::from_random([number; 20]));
        let latencies = Latencies::default();
        assert!(latencies.of(&ours).is_empty());
        latencies.replace(&Health { models: vec![told(&ours, "a/old", Some(1))] });
        let models = vec![told(&ours, "a/x", Some(7)), told(&theirs, "a/y", Some(8)), told(&ours, "a/z", None)];
        latencies.replace(&Health { models: [models, vec![told(&ours, "nonsense", Some(9))]].concat() });
        let known: Vec<_> = latencies.of(&ours).iter().map(|(id, it)| (id.to_string(), *it)).collect();
        assert_eq!(known, [("a/x".to_owned(), Latency { first_token_micros: 7, ..Latency::default() })]);
    }
}
