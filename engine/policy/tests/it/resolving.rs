//! Which policy applies: the first of the documented rules that matches.

use std::sync::Arc;

use domain::{ApiKey, Axis, KeyRouting, PolicyId, Project, ProjectId, Route, Strategy};
use policy::{Ask, Refusal, Resolved, resolve};
use serde_json::json;

use crate::support::{World, capable, id, key, listed, model, organisation};

struct Scene {
    world: World,
    support: PolicyId,
    coding: PolicyId,
    helpdesk: String,
    project: ProjectId,
    other_project: ProjectId,
}

fn scene() -> Scene {
    let mut world = World::of([
        capable("acme/small", 0.2),
        capable("acme/large", 0.9),
        capable("beta/large", 0.8),
        model(&json!({"id": "acme/off", "enabled": false})),
    ]);
    let balanced = Strategy::Intelligent { axis: Axis::Performance };
    let support = world.policy("Support", listed(&["acme/small", "acme/large"]), balanced);
    let coding = world.policy("Coding", listed(&["beta/large", "acme/off"]), Strategy::Priority {});
    let helpdesk = world.router("helpdesk", &["acme/small", "acme/off"], None).to_string();
    let mut project = |number: u8, policy: Option<PolicyId>| {
        let id = ProjectId::from_random([number; 20]);
        let project =
            Project { budget: None, id: id.clone(), organisation: organisation(), name: number.to_string(), policy };
        Arc::make_mut(&mut world.tenant.projects).insert(id.clone(), Arc::new(project));
        id
    };
    let (project, other_project) = (project(1, Some(coding.clone())), project(2, None));
    Arc::make_mut(&mut world.tenant.organisation).default_policy = Some(support.clone());
    Scene { world, support, coding, helpdesk, project, other_project }
}

impl Scene {
    fn resolve(&self, key: &ApiKey, ask: &Ask<'_>) -> Result<Resolved, Refusal> {
        resolve(&self.world.tenant, key, ask)
    }

    #[track_caller]
    fn check(&self, key: &ApiKey, ask: &Ask<'_>, expected: &Route) {
        assert_eq!(self.resolve(key, ask).map(|it| it.route).as_ref(), Ok(expected));
    }

    #[track_caller]
    fn check_refused(&self, key: &ApiKey, ask: &Ask<'_>, code: &str, status: u16, param: Option<&str>) {
        let refusal = self.resolve(key, ask).unwrap_err();
        assert_eq!((refusal.code(), refusal.status(), refusal.param()), (code, status, param), "{refusal}");
    }
}

fn model_is(text: &str) -> Ask<'_> {
    Ask { model: Some(text), ..Ask::default() }
}

fn configured(policy: &PolicyId, active: bool) -> ApiKey {
    ApiKey { routing: Some(KeyRouting { policy: policy.clone(), active }), ..key() }
}

fn texts(models: &[&str]) -> Vec<String> {
    models.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn router_of_the_path_comes_first() {
    let scene = scene();
    let router = Some(scene.helpdesk.as_str());
    let expected = Route::Router(scene.helpdesk.parse().unwrap());
    let key = configured(&scene.coding, true);
    for model in [None, Some("auto"), Some("default_routing"), Some("dari/routing"), Some("acme/small"), Some("small")]
    {
        scene.check(&key, &Ask { router, model, ..Ask::default() }, &expected);
    }
    let foreign = Ask { router, model: Some("beta/large"), ..Ask::default() };
    scene.check_refused(&key, &foreign, "model_not_in_router", 400, Some("model"));
    let unknown = Ask { router: Some("rtr_none"), ..Ask::default() };
    scene.check_refused(&key, &unknown, "router_not_found", 404, None);
}

#[test]
fn active_key_configuration_makes_the_model_a_hint() {
    let scene = scene();
    let key = configured(&scene.coding, true);
    let expected = Route::Policy(scene.coding.clone());
    scene.check(&key, &Ask::default(), &expected);
    scene.check(&key, &model_is("acme/small"), &expected);
    scene.check(&key, &model_is("no such model"), &expected);
    scene.check(&key, &model_is("@alias/support"), &expected);
}

#[test]
fn inactive_key_configuration_is_not_enforced() {
    let scene = scene();
    let key = configured(&scene.coding, false);
    scene.check(&key, &model_is("acme/small"), &Route::Direct(id("acme/small")));
    scene.check(&key, &Ask::default(), &Route::Policy(scene.support.clone()));
}

#[test]
fn key_configuration_that_is_gone_is_said_not_passed_over() {
    let scene = scene();
    let key = configured(&PolicyId::from_random([99; 20]), true);
    scene.check_refused(&key, &Ask::default(), "policy_missing", 503, None);
}

#[test]
fn policy_is_named_by_alias_or_id() {
    let scene = scene();
    let by_id = |text| Ask { routing_policy_id: Some(text), ..Ask::default() };
    let expected = Route::Policy(scene.coding.clone());
    scene.check(&key(), &model_is("@alias/coding"), &expected);
    scene.check(&key(), &by_id(scene.coding.as_str()), &expected);
    scene.check(&key(), &Ask { model: Some("acme/small"), ..by_id("coding") }, &expected);
    scene.check(&key(), &Ask { model: Some("@alias/coding"), ..by_id(scene.coding.as_str()) }, &expected);
    scene.check_refused(&key(), &model_is("@alias/none"), "policy_not_found", 400, Some("model"));
    scene.check_refused(&key(), &by_id("none"), "policy_not_found", 400, Some("routing_policy_id"));
    let both = Ask { model: Some("@alias/support"), ..by_id(scene.coding.as_str()) };
    scene.check_refused(&key(), &both, "policies_differ", 400, Some("routing_policy_id"));
}

#[test]
fn without_a_model_the_project_decides_then_the_organisation() {
    let mut scene = scene();
    for model in [None, Some("auto"), Some("default_routing"), Some("dari/routing")] {
        let ask = Ask { model, ..Ask::default() };
        scene.check(&key(), &ask, &Route::Policy(scene.support.clone()));
        let bound = ApiKey { project: Some(scene.project.clone()), ..key() };
        scene.check(&bound, &ask, &Route::Policy(scene.coding.clone()));
        let without_policy = Ask { project: Some(scene.other_project.as_str()), ..ask };
        scene.check(&key(), &without_policy, &Route::Policy(scene.support.clone()));
    }
    Arc::make_mut(&mut scene.world.tenant.organisation).default_policy = None;
    scene.check_refused(&key(), &Ask::default(), "model_required", 400, Some("model"));
}

#[test]
fn named_model_is_found_in_full_or_bare() {
    let scene = scene();
    scene.check(&key(), &model_is("acme/small"), &Route::Direct(id("acme/small")));
    scene.check(&key(), &model_is("small"), &Route::Direct(id("acme/small")));
    for text in ["acme/off", "off", "acme/none", "none", ""] {
        scene.check_refused(&key(), &model_is(text), "model_not_found", 404, Some("model"));
    }
    scene.check_refused(&key(), &model_is("large"), "model_ambiguous", 400, Some("model"));
    let message = scene.resolve(&key(), &model_is("large")).unwrap_err().to_string();
    assert!(message.contains("`acme/large`, `beta/large`"), "{message}");
}

#[test]
fn inline_models_limit_a_policy_and_are_a_list_without_one() {
    let scene = scene();
    let models = texts(&["large", "beta/large", "small", "acme/large"]);
    let ask = Ask { models: &models, ..Ask::default() };
    let limited = scene.resolve(&configured(&scene.support, true), &ask).unwrap();
    assert_eq!(
        (limited.route, limited.models),
        (Route::Policy(scene.support.clone()), vec![id("acme/small"), id("acme/large")])
    );

    let models = texts(&["beta/large", "small", "acme/off", "beta/large"]);
    let expected = Route::List(vec![id("beta/large"), id("acme/small"), id("acme/off")]);
    for model in [None, Some("auto"), Some("acme/large")] {
        scene.check(&key(), &Ask { model, models: &models, ..Ask::default() }, &expected);
    }

    let foreign = texts(&["beta/large"]);
    let ask = Ask { models: &foreign, ..Ask::default() };
    scene.check_refused(&configured(&scene.support, true), &ask, "no_models_in_common", 400, Some("models"));
    let unknown = texts(&["small", "none"]);
    scene.check_refused(&key(), &Ask { models: &unknown, ..Ask::default() }, "model_not_found", 404, Some("models[1]"));
    let many = vec!["small".to_owned(); 257];
    scene.check_refused(&key(), &Ask { models: &many, ..Ask::default() }, "too_many_models", 400, Some("models"));
}

#[test]
fn project_is_the_requests_then_the_keys() {
    let scene = scene();
    let bound = ApiKey { project: Some(scene.project.clone()), ..key() };
    let asked = |project| Ask { project: Some(project), model: Some("acme/small"), ..Ask::default() };
    let project = |key: &ApiKey, ask: &Ask<'_>| scene.resolve(key, ask).unwrap().project;
    assert_eq!(project(&bound, &model_is("acme/small")), Some(scene.project.clone()));
    assert_eq!(project(&bound, &asked(scene.project.as_str())), Some(scene.project.clone()));
    assert_eq!(project(&key(), &asked(scene.other_project.as_str())), Some(scene.other_project.clone()));
    assert_eq!(project(&key(), &model_is("acme/small")), None);
    scene.check_refused(&bound, &asked(scene.other_project.as_str()), "project_not_allowed", 403, Some("project_id"));
    scene.check_refused(&bound, &asked("prj_of_somebody_else"), "project_not_found", 404, Some("project_id"));
}

#[test]
fn long_texts_are_not_repeated_whole() {
    let scene = scene();
    let long = "x".repeat(1 << 20);
    assert!(scene.resolve(&key(), &model_is(&long)).unwrap_err().to_string().len() < 300);
}
