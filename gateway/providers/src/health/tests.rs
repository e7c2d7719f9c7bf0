//! Health of upstreams under a clock moved by hand.

use std::collections::BTreeMap;

use domain::{AuthScheme, DialectKind, Model, Organisation, Pricing, Provider, ProviderSlug, Timeouts};

use super::*;
use crate::testing::credential;
use domain::CredentialState;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn model(name: &str) -> ModelId {
    ModelId::parse(name).expect("model id")
}

fn tenant(keys: &[u8]) -> Tenant {
    let id = OrganisationId::from_random([1; 20]);
    let mut tenant = Tenant::new(Arc::new(Organisation {
        body_logging: None,
        budget: None,
        id: id.clone(),
        name: "a".into(),
        default_policy: None,
        calibration: None,
    }));
    let slug = ProviderSlug::parse("acme").expect("slug");
    let provider = Provider {
        headers: std::collections::BTreeMap::new(),
        responses: false,
        slug: slug.clone(),
        organisation: id.clone(),
        dialect: DialectKind::Openai,
        base_url: "https://acme.example/v1".into(),
        auth: AuthScheme::Bearer,
        allow_anonymous: keys.is_empty(),
        allow_private_network: false,
        zero_data_retention: None,
        collects_data: None,
        timeouts: Timeouts::default(),
        query: BTreeMap::new(),
    };
    let model = |name: &str| Model {
        dimensions: None,
        id: model(name),
        organisation: id.clone(),
        native: name.to_owned(),
        name: None,
        enabled: true,
        context_length: None,
        max_output_tokens: None,
        pricing: Pricing::default(),
        capability: None,
        capabilities: Vec::new(),
        input_modalities: Vec::new(),
        output_modalities: Vec::new(),
        supported_parameters: None,
        released: None,
        zero_data_retention: None,
        source: None,
    };
    tenant.providers = Arc::new(BTreeMap::from([(slug, Arc::new(provider))]));
    tenant.models =
        Arc::new(["acme/a", "acme/b"].map(|name| (self::model(name), Arc::new(model(name)))).into_iter().collect());
    tenant.credentials =
        Arc::new(keys.iter().map(|key| (credential(*key).id, Arc::new(credential(*key)))).collect::<BTreeMap<_, _>>());
    tenant
}

struct Story {
    upstreams: Upstreams,
    tenant: Tenant,
}

impl Story {
    fn with_keys(keys: &[u8]) -> Self {
        Self { upstreams: Upstreams::new(BreakerConfig::default(), 1), tenant: tenant(keys) }
    }

    fn report(&self, name: &str, key: Option<u8>, outcome: AttemptOutcome, wait: Option<u64>, now: Duration) {
        let credential = key.map(credential);
        let report = Report {
            organisation: &self.tenant.organisation.id,
            model: &model(name),
            credential: credential.as_ref(),
            outcome,
            status: None,
            retry_after: wait.map(secs),
        };
        self.upstreams.report(&report, now);
    }

    fn unhealthy(&self, now: Duration) -> Vec<String> {
        self.upstreams
            .unhealthy_models(&self.tenant, Access::default(), now)
            .into_iter()
            .map(|(model, _)| model.to_string())
            .collect()
    }
}

#[test]
fn a_rate_limited_key_cools_for_its_model_alone_and_exactly_as_long_as_asked() {
    let story = Story::with_keys(&[1, 2]);
    story.report("acme/a", Some(1), AttemptOutcome::RateLimited, Some(30), secs(100));
    let cooldown = |key, name: &str, now| story.upstreams.cooldown(&credential(key), &model(name), secs(now));
    assert_eq!(cooldown(1, "acme/a", 100), Some(secs(30)));
    assert_eq!(cooldown(1, "acme/a", 129), Some(secs(1)));
    assert_eq!(cooldown(1, "acme/a", 130), None);
    assert_eq!((cooldown(1, "acme/b", 100), cooldown(2, "acme/a", 100)), (None, None));
    assert_eq!(story.unhealthy(secs(100)), Vec::<String>::new(), "the second key is free");
}

#[test]
fn a_model_is_unavailable_while_all_its_keys_cool() {
    let story = Story::with_keys(&[1, 2]);
    story.report("acme/a", Some(1), AttemptOutcome::RateLimited, Some(30), secs(0));
    story.report("acme/a", Some(2), AttemptOutcome::RateLimited, Some(10), secs(0));
    assert_eq!(story.unhealthy(secs(0)), ["acme/a"]);
    assert_eq!(story.upstreams.remaining(&story.tenant, &model("acme/a"), Access::default(), secs(4)), Some(secs(6)));
    assert!(story.upstreams.is_available(&story.tenant, &model("acme/a"), Access::default(), secs(10)));
}

#[test]
fn an_absurd_wait_is_capped_and_a_missing_one_is_short() {
    let story = Story::with_keys(&[]);
    story.report("acme/a", None, AttemptOutcome::RateLimited, Some(9_999), secs(0));
    story.report("acme/b", None, AttemptOutcome::RateLimited, None, secs(0));
    let remaining = |name| story.upstreams.remaining(&story.tenant, &model(name), Access::default(), secs(0));
    assert_eq!((remaining("acme/a"), remaining("acme/b")), (Some(secs(120)), Some(DEFAULT_COOLDOWN)));
}

#[test]
fn a_failing_model_is_unhealthy_and_its_neighbour_is_not() {
    let story = Story::with_keys(&[1]);
    for _ in 0..5 {
        story.report("acme/a", Some(1), AttemptOutcome::ServerError, None, secs(1));
    }
    assert_eq!(story.unhealthy(secs(1)), ["acme/a"]);
    let organisation = &story.tenant.organisation.id;
    assert!(!story.upstreams.admit(organisation, &model("acme/a"), secs(1)));
    let other = OrganisationId::from_random([9; 20]);
    assert!(story.upstreams.admit(&other, &model("acme/a"), secs(1)), "another organisation's endpoint");
}

#[test]
fn the_callers_mistakes_and_capacity_open_nothing() {
    let story = Story::with_keys(&[1]);
    for outcome in [
        AttemptOutcome::Refused,
        AttemptOutcome::ContextLength,
        AttemptOutcome::Overloaded,
        AttemptOutcome::ModelNotFound,
        AttemptOutcome::Cancelled,
        AttemptOutcome::NotSent,
    ] {
        (0..20).for_each(|_| story.report("acme/a", Some(1), outcome, None, secs(1)));
    }
    assert_eq!(story.unhealthy(secs(1)), Vec::<String>::new());
}

#[test]
fn recovery_makes_a_model_available_again() {
    let story = Story::with_keys(&[1]);
    for _ in 0..5 {
        story.report("acme/a", Some(1), AttemptOutcome::Timeout, None, secs(1));
    }
    let organisation = &story.tenant.organisation.id;
    let wait = story.upstreams.remaining(&story.tenant, &model("acme/a"), Access::default(), secs(1)).expect("open");
    assert!(story.upstreams.admit(organisation, &model("acme/a"), secs(1) + wait));
    story.report("acme/a", Some(1), AttemptOutcome::Ok, None, secs(1) + wait);
    assert_eq!(story.unhealthy(secs(1) + wait), Vec::<String>::new());
    assert!(!story.upstreams.troubled.load(Ordering::Acquire), "nobody looks while nothing is wrong");
}

#[test]
fn the_smallest_wait_counts_only_when_nothing_is_available() {
    let story = Story::with_keys(&[1]);
    story.report("acme/a", Some(1), AttemptOutcome::RateLimited, Some(30), secs(0));
    let (a, b) = (model("acme/a"), model("acme/b"));
    let wait = || story.upstreams.smallest_wait(&story.tenant, [&a, &b], Access::default(), secs(0));
    assert_eq!(wait(), None);
    story.report("acme/b", Some(1), AttemptOutcome::RateLimited, Some(7), secs(0));
    assert_eq!(wait(), Some(secs(7)));
}

#[test]
fn models_that_left_the_configuration_are_forgotten() {
    let story = Story::with_keys(&[1]);
    for _ in 0..5 {
        story.report("acme/a", Some(1), AttemptOutcome::ConnectFailed, None, secs(1));
    }
    story.upstreams.retain(|_, model| model.as_str() != "acme/a");
    assert_eq!(story.unhealthy(secs(1)), Vec::<String>::new());
}

#[test]
fn only_keys_that_a_request_may_use_count_against_a_model() {
    let mut story = Story::with_keys(&[1, 2]);
    let bound = Credential { user: Some("ada".to_owned()), ..credential(2) };
    Arc::make_mut(&mut story.tenant.credentials).insert(bound.id.clone(), Arc::new(bound));
    story.report("acme/a", Some(1), AttemptOutcome::RateLimited, Some(30), secs(0));
    let wait =
        |user| story.upstreams.remaining(&story.tenant, &model("acme/a"), Access { router: None, user }, secs(0));
    assert_eq!((wait(Some("bob")), wait(Some("ada"))), (Some(secs(30)), None));
}

#[test]
fn a_model_whose_keys_were_all_refused_waits_for_the_first_probe() {
    let story = Story::with_keys(&[1, 2]);
    let refuse = |key: u8, now| {
        let credential = credential(key);
        let report = Report {
            organisation: &story.tenant.organisation.id,
            model: &model("acme/a"),
            credential: Some(&credential),
            outcome: AttemptOutcome::Unauthorised,
            status: Some(401),
            retry_after: None,
        };
        story.upstreams.report(&report, secs(now));
    };
    refuse(1, 0);
    assert_eq!(story.unhealthy(secs(0)), Vec::<String>::new());
    refuse(2, 10);
    assert_eq!(story.unhealthy(secs(10)), ["acme/a", "acme/b"], "a refused key opens none of them");
    assert!(story.upstreams.is_available(&story.tenant, &model("acme/b"), Access::default(), secs(60)));
}

#[test]
fn credential_states_follow_cooldowns_and_are_forgotten_after_them() {
    let story = Story::with_keys(&[1, 2]);
    story.report("acme/a", Some(1), AttemptOutcome::RateLimited, Some(30), secs(0));
    let states = |now| {
        let statuses = story.upstreams.credential_states(now);
        statuses.into_iter().map(|it| (it.credential, it.state)).collect::<Vec<_>>()
    };
    assert_eq!(states(secs(1)), [(credential(1).id, CredentialState::Degraded)]);
    story.upstreams.refresh(secs(31));
    assert_eq!(states(secs(31)), []);
    assert!(!story.upstreams.troubled.load(Ordering::Acquire));
}
