//! Keys, limits and budgets of any value; and objects of any kind.

use std::sync::Arc;

use domain::{
    ApiKey, BodyLogging, Budget, BudgetMode, BudgetPeriod, Change, KeyHash, KeyRouting, Limits, Object, Scope,
    SealedBytes,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::basics::{amount, key_id, model_id, moment, organisation_id, policy_id, project_id, text};
use super::catalogue::{credential, model, organisation, project, provider};
use super::policies::{policy, router};
use super::scorecards::{blend, scorecard};

pub(super) fn limits() -> impl Arbitrary<Value = Limits> {
    any::<[Option<u64>; 5]>().prop_map(|each| Limits {
        total_tokens_per_hour: each[0],
        input_tokens_per_hour: each[1],
        output_tokens_per_hour: each[2],
        requests_per_minute: each[3],
        concurrent_requests: each[4],
    })
}

pub(super) fn budget() -> impl Arbitrary<Value = Budget> {
    let mode = select(vec![BudgetMode::Hard, BudgetMode::Soft]);
    (amount(), select(BudgetPeriod::ALL.to_vec()), mode).prop_map(|(amount, period, mode)| Budget {
        amount,
        period,
        mode,
    })
}

pub(super) fn body_logging() -> impl Arbitrary<Value = BodyLogging> {
    any::<u32>().prop_map(|retention_days| BodyLogging { retention_days })
}

pub(super) fn scopes() -> impl Arbitrary<Value = Vec<Scope>> {
    vec(select(vec![Scope::Routing, Scope::Platform]), 0..3)
}

pub(super) fn api_key() -> impl Arbitrary<Value = ApiKey> {
    let routing = (policy_id(), any::<bool>()).prop_map(|(policy, active)| KeyRouting { policy, active });
    let names = (key_id(), organisation_id(), of(project_id()), text(), text());
    let moments = (of(moment()), of(moment()), moment());
    let rest = (of(text()), limits(), limits(), of(budget()), of(body_logging()));
    (names, any::<[u8; 32]>(), scopes(), vec(model_id(), 0..3), of(routing), moments, rest).prop_map(
        |(names, hash, scopes, allowed_models, routing, moments, rest)| ApiKey {
            user: rest.0,
            limits: rest.1,
            per_user: rest.2,
            budget: rest.3,
            body_logging: rest.4,
            id: names.0,
            organisation: names.1,
            project: names.2,
            name: names.3,
            hash: KeyHash(hash),
            hint: names.4,
            scopes,
            allowed_models,
            routing,
            expires_at: moments.0,
            revoked_at: moments.1,
            created_at: moments.2,
        },
    )
}

pub(super) fn object() -> impl Arbitrary<Value = Object> {
    prop_oneof![
        vec(any::<u8>(), 0..60).prop_map(|bytes| Object::Pepper(SealedBytes(bytes))),
        organisation().prop_map(|it| Object::Organisation(Arc::new(it))),
        project().prop_map(|it| Object::Project(Arc::new(it))),
        provider().prop_map(|it| Object::Provider(Arc::new(it))),
        credential().prop_map(|it| Object::Credential(Arc::new(it))),
        model().prop_map(|it| Object::Model(Arc::new(it))),
        scorecard().prop_map(|it| Object::Scorecard(Arc::new(it))),
        blend().prop_map(|it| Object::Blend(Arc::new(it))),
        policy().prop_map(|it| Object::Policy(Arc::new(it))),
        router().prop_map(|it| Object::Router(Arc::new(it))),
        api_key().prop_map(|it| Object::Key(Arc::new(it))),
    ]
}

pub(super) fn change() -> impl Arbitrary<Value = Change> {
    prop_oneof![object().prop_map(Change::Put), object().prop_map(|object| Change::Delete(object.key()))]
}
