//! Policies and routers of any value.

use domain::{
    Affinity, Axis, Candidates, Condition, CredentialSource, Dial, Field, Lambda, MinQuality, Operator, Optimal,
    Policy, PolicyModel, Router, Rule, Rules, Strategy, Test, Use,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::basics::{blend_id, model_id, organisation_id, policy_id, router_id, scorecard_id, slug, text};

pub(super) fn strategy() -> impl Arbitrary<Value = Strategy> {
    prop_oneof![
        model_id().prop_map(|model| Strategy::Single { model }),
        Just(Strategy::Priority {}),
        Just(Strategy::Split {}),
        Just(Strategy::LowestCost {}),
        Just(Strategy::LeastLatency {}),
        blend_id().prop_map(|blend| Strategy::Blend { blend }),
        optimal().prop_map(Strategy::Optimal),
        select(vec![Axis::Cost, Axis::Performance, Axis::Capability]).prop_map(|axis| Strategy::Intelligent { axis }),
    ]
}

pub(super) fn candidates() -> impl Arbitrary<Value = Candidates> {
    let listed = (model_id(), any::<Option<u32>>(), of(0.0..1e9)).prop_map(|(model, priority, weight)| PolicyModel {
        model,
        priority,
        weight,
    });
    prop_oneof![Just(Candidates::All), vec(listed, 0..4).prop_map(Candidates::Listed)]
}

pub(super) fn condition() -> impl Arbitrary<Value = Condition> {
    let test = (select(Operator::ALL.to_vec()), "[a-z.]{1,8}", text()).prop_map(|(operator, key, value)| {
        Condition::Test(Test::new(Field::Tag(key), operator, Some(serde_json::json!(value))))
    });
    test.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|it| Condition::Not(Box::new(it))),
        ]
    })
}

pub(super) fn rules() -> impl Arbitrary<Value = Rules> {
    let r#use = prop_oneof![policy_id().prop_map(Use::Policy), strategy().prop_map(Use::Strategy)];
    let rule = (any::<i32>(), of(text()), condition(), r#use).prop_map(|(priority, name, when, r#use)| Rule {
        priority,
        name,
        when,
        r#use,
    });
    vec(rule, 0..3).prop_map(Rules::new)
}

pub(super) fn policy() -> impl Arbitrary<Value = Policy> {
    (
        (policy_id(), organisation_id(), text(), text(), any::<u32>()),
        candidates(),
        strategy(),
        rules(),
        of(Just(Affinity::Conversation)),
    )
        .prop_map(|((id, organisation, name, slug, version), candidates, strategy, rules, affinity)| Policy {
            id,
            organisation,
            name,
            slug,
            version,
            candidates,
            strategy,
            rules,
            affinity,
        })
}

pub(super) fn router() -> impl Arbitrary<Value = Router> {
    let credentials = btree_map(slug(), select(vec![CredentialSource::Managed, CredentialSource::User]), 0..3);
    let names = (router_id(), organisation_id(), text());
    (names, vec(model_id(), 0..4), of(policy_id()), vec(scorecard_id(), 0..3), credentials).prop_map(
        |((id, organisation, name), models, policy, scorecards, credentials)| Router {
            id,
            organisation,
            name,
            models,
            policy,
            scorecards,
            credentials,
        },
    )
}

pub(super) fn min_quality() -> impl Arbitrary<Value = MinQuality> {
    (1_u32..=100).prop_map(|it| MinQuality::try_new(f64::from(it) / 100.0).unwrap())
}

pub(super) fn optimal() -> impl Arbitrary<Value = Optimal> {
    let lambda = (0_u32..1000).prop_map(|it| Dial::Lambda(Lambda::try_new(f64::from(it) / 8.0).unwrap()));
    (of(blend_id()), prop_oneof![lambda, min_quality().prop_map(Dial::MinQuality)])
        .prop_map(|(blend, dial)| Optimal { blend, dial })
}
