//! How refusals of a decision present themselves: status, type, and a sentence that says what and how to mend it.

use std::sync::Arc;

use domain::{CredentialSource, Facts, PolicyId, ProviderSlug, Route, Router, RouterId, Strategy};
use policy::{Refusal, Scoring};
use serde_json::json;

use crate::support::{World, capable, facts, listed, model, seed};

fn refusal(facts: &Facts, route: impl FnOnce(&mut World) -> Route) -> Refusal {
    let off = model(&json!({"id": "acme/off", "enabled": false}));
    let mut world = World::of([capable("acme/small", 0.2), capable("acme/large", 0.9), off, capable("bare/m", 0.5)]);
    world.without_credential("bare");
    let route = route(&mut world);
    world.ask(&route, facts, Scoring::NotAsked, seed(1)).unwrap_err()
}

fn over(models: &'static [&'static str]) -> impl FnOnce(&mut World) -> Route {
    move |world| Route::Policy(world.policy("support", listed(models), Strategy::Priority {}))
}

#[track_caller]
fn check(refusal: &Refusal, status: u16, kind: &str, message: &str) {
    assert_eq!((refusal.status(), refusal.kind(), refusal.to_string().as_str()), (status, kind, message));
}

#[test]
fn unmet_needs_are_the_requests_fault() {
    let long = facts(&json!({"features": {"input_tokens": 5000}}));
    check(
        &refusal(&long, over(&["acme/small", "acme/large"])),
        400,
        "no_eligible_model",
        "no model of `support` can take this request (acme/small: context_length, acme/large: context_length): \
         shorten the prompt, ask for less output, or add a model with a longer context",
    );
}

#[test]
fn the_keys_limits_are_a_matter_of_permission() {
    let other = facts(&json!({"allowed_models": ["bare/m"]}));
    let refusal = refusal(&other, over(&["acme/small", "acme/off"]));
    check(
        &refusal,
        403,
        "permission_error",
        "this key may not use `acme/small`: add a model to the key's allowed models, or use another key",
    );
    assert_eq!(refusal.removed().len(), 2);
}

#[test]
fn what_cannot_be_called_is_the_platforms_fault() {
    check(
        &refusal(&Facts::default(), over(&["acme/off", "bare/m"])),
        503,
        "no_candidate",
        "nothing of `support` can be called at present (acme/off: disabled, bare/m: no_credential): add a \
         credential for its provider",
    );
    check(
        &refusal(&Facts::default(), |_| Route::Direct("bare/m".parse().unwrap())),
        503,
        "no_candidate",
        "nothing of `bare/m` can be called at present (bare/m: no_credential): add a credential for its provider",
    );
}

#[test]
fn long_lists_are_cut() {
    let ids: Vec<_> = (0..20).map(|number| format!("gone/m{number}").parse().unwrap()).collect();
    let message = refusal(&Facts::default(), |_| Route::List(ids)).to_string();
    assert!(message.contains("gone/m7: disabled and 12 more"), "{message}");
}

#[test]
fn routes_to_what_is_gone_are_refused() {
    let refused = refusal(&Facts::default(), |_| Route::Router(RouterId::from_random([5; 20])));
    assert_eq!((refused.code(), refused.status(), refused.kind()), ("router_not_found", 404, "not_found_error"));
    let refused = refusal(&Facts::default(), |_| Route::Policy(PolicyId::from_random([5; 20])));
    assert_eq!((refused.code(), refused.status(), refused.kind()), ("policy_missing", 503, "no_candidate"));
}

#[test]
fn a_routers_model_is_out_without_a_key_from_where_the_router_takes_it() {
    let through = |source| {
        move |world: &mut World| {
            let policy = world.policy("support", listed(&["acme/small"]), Strategy::Priority {});
            let id = world.router("desk", &["acme/small"], Some(policy));
            let credentials = [(ProviderSlug::parse("acme").unwrap(), source)].into();
            let router = Router { credentials, ..Router::clone(&world.tenant.routers[&id]) };
            Arc::make_mut(&mut world.tenant.routers).insert(id.clone(), Arc::new(router));
            Route::Router(id)
        }
    };
    let refused = refusal(&Facts::default(), through(CredentialSource::User));
    assert_eq!(refused.status(), 503);
    assert!(refused.to_string().contains("acme/small: no_credential"), "{refused}");
    let mut world = World::of([capable("acme/small", 0.2)]);
    let route = through(CredentialSource::Managed)(&mut world);
    assert!(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1)).is_ok());
}
