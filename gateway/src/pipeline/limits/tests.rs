//! What a request is expected to consume at most.

use std::sync::Arc;

use domain::{Model, Organisation};
use serde_json::json;

use super::*;

/// A tenant whose models have these prices of a token of input and output, and longest outputs.
fn tenant(models: &[(&str, Option<i128>, Option<u64>)]) -> Tenant {
    let organisation = json!({"id": "org_00000000000000000000", "name": "o", "default_policy": null});
    let organisation: Organisation = serde_json::from_value(organisation).unwrap();
    let mut tenant = Tenant::new(Arc::new(organisation));
    for (id, price, most) in models {
        let price = price.map(|pico| domain::Money::from_pico(pico).to_string());
        let model: Model = serde_json::from_value(json!({
            "id": id, "organisation": "org_00000000000000000000", "native": "n", "enabled": true,
            "max_output_tokens": most, "pricing": {"prompt": price, "completion": price},
        }))
        .unwrap();
        Arc::make_mut(&mut tenant.models).insert(model.id.clone(), Arc::new(model));
    }
    tenant
}

#[track_caller]
fn check(candidates: &[&str], others: &[&str], max_output_tokens: Option<u64>, expected: (u64, Option<i128>, bool)) {
    let tenant = tenant(&[
        ("a/cheap", Some(1), None),
        ("a/dear", Some(5), Some(100)),
        ("a/dearest", Some(9), Some(100_000)),
        ("a/free", Some(0), Some(10)),
        ("a/unknown", None, Some(50)),
    ]);
    let ids = |names: &[&str]| names.iter().map(|name| ModelId::parse(name).unwrap()).collect::<Vec<_>>();
    let (candidates, others) = (ids(candidates), ids(others));
    let borrowed: Vec<&ModelId> = candidates.iter().collect();
    let asked = Asked { input_tokens: 1_000, max_output_tokens, answers: 1, user: None };
    let found = prospect(&tenant, &borrowed, || candidates.iter().chain(&others), &asked);
    let cost = found.estimate.cost.map(domain::Money::pico);
    assert_eq!((found.estimate.output_tokens, cost, found.substitute.is_some()), expected);
}

#[test]
fn the_dearest_candidate_counts_with_the_output_that_it_may_write() {
    check(&["a/cheap"], &["a/dearest"], None, (4_096, Some(5_096), false));
    check(&["a/cheap", "a/dear"], &[], None, (4_096, Some(5_500), false));
    check(&["a/cheap", "a/dear"], &[], Some(200), (200, Some(6_000), false));
    check(&["a/dearest"], &[], None, (4_096, Some(9 * 5_096), false));
    check(&["a/free"], &[], None, (10, Some(0), false));
}

#[test]
fn for_an_unknown_price_stands_the_dearest_that_the_policy_knows() {
    check(&["a/cheap", "a/unknown"], &["a/dear"], Some(0), (0, Some(5_000), true));
    check(&["a/unknown"], &[], None, (50, None, false));
}

#[test]
fn what_no_model_answers_writes_nothing() {
    check(&[], &["a/dear"], None, (0, None, false));
}

#[test]
fn several_answers_may_each_be_as_long_as_one() {
    let tenant = tenant(&[("a/dear", Some(5), Some(100))]);
    let candidate = ModelId::parse("a/dear").unwrap();
    let asked = |answers, most| {
        let asked = Asked { input_tokens: 1_000, max_output_tokens: most, answers, user: None };
        prospect(&tenant, &[&candidate], std::iter::empty, &asked).estimate
    };
    let expected = |output, cost| Estimate {
        input_tokens: 1_000,
        output_tokens: output,
        cost: Some(domain::Money::from_pico(cost)),
    };
    assert_eq!(asked(10, Some(200)), expected(2_000, 15_000));
    assert_eq!(asked(3, None), expected(300, 6_500));
    assert_eq!(asked(2, Some(u64::MAX)).output_tokens, u64::MAX, "and no more than can be counted");
}
