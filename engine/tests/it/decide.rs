//! Deciding and scoring as a gateway asks for it.

use std::sync::Arc;

use domain::{AttemptOutcome, Degradation, Facts, Features, ModelId, RequestId, Route, Timestamp};
use engine::{Limits, StartingScorers};
use policy::{Health, Question, Scoring, Step};
use proto::pb::routing::v1 as pb;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::{DecideAnswer, DecideCall, OutcomeReport};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{BrokenScorer, Setup, Stack, soon};

const HARD: &str =
    "Prove that every finite division ring is commutative, step by step, and implement a checker in Rust.";

fn call(stack: &Stack, text: &str) -> DecideCall {
    let snapshot = stack.registry.snapshot();
    let policy = snapshot.tenant(&stack.organisation).unwrap().policy_named("support").unwrap().id.clone();
    DecideCall {
        organisation: stack.organisation.clone(),
        route: Route::Policy(policy),
        facts: Facts { features: Features { input_tokens: 30, turns: 1, ..Features::default() }, ..Facts::default() },
        text: text.to_owned(),
        context: String::new(),
        truncated: false,
        unhealthy: vec![],
        previous: None,
        version: snapshot.version,
        seed: RequestId::from_parts(1, 2),
        now: Timestamp(3),
    }
}

async fn decide(stack: &Stack, call: &DecideCall) -> Result<DecideAnswer, tonic::Status> {
    let mut client = RoutingClient::new(stack.in_process().await);
    let response = soon(client.decide(pb::DecideRequest::from(call))).await?;
    Ok(response.into_inner().try_into().unwrap())
}

#[tokio::test]
async fn the_engine_decides_as_the_caller_would_with_the_same_score() {
    let stack = Stack::start().await;
    for text in ["hi", HARD] {
        let call = call(&stack, text);
        let answer = decide(&stack, &call).await.unwrap();
        let snapshot = stack.registry.snapshot();
        let question = Question {
            tenant: snapshot.tenant(&stack.organisation).unwrap(),
            version: snapshot.version,
            route: &call.route,
            facts: &call.facts,
            scoring: Scoring::Known(answer.score.as_ref().unwrap()),
            health: &Health::default(),
            previous: None,
            seed: call.seed,
            now: call.now,
        };
        let Step::Decided(local) = policy::decide(&question).unwrap() else { panic!("a score was given") };
        assert_eq!(answer.decision, Some(*local));
        assert_eq!(answer.degraded, None);
    }
}

#[tokio::test]
async fn health_told_by_the_caller_is_used() {
    let stack = Stack::start().await;
    let healthy = call(&stack, HARD);
    let first = decide(&stack, &healthy).await.unwrap().decision.unwrap().selected_model;
    let ill = DecideCall { unhealthy: vec![first.clone()], ..healthy };
    let second = decide(&stack, &ill).await.unwrap().decision.unwrap();
    assert_ne!(second.selected_model, first);
}

fn policy_id(stack: &Stack) -> String {
    let snapshot = stack.registry.snapshot();
    snapshot.tenant(&stack.organisation).unwrap().policy_named("support").unwrap().id.to_string()
}

/// A call by a policy of this strategy, over the large model first.
async fn call_by(stack: &Stack, strategy: &str) -> DecideCall {
    let policy = serde_json::from_value(json!({"policies": [{
        "name": strategy, "strategy": {"type": strategy},
        "candidates": {"listed": [{"model": "acme/large"}, {"model": "acme/small"}]},
    }]}));
    stack.registry.apply(&stack.organisation, &policy.unwrap(), false, registry::Terms::operator()).await.unwrap();
    let snapshot = stack.registry.snapshot();
    let policy = snapshot.tenant(&stack.organisation).unwrap().policy_named(strategy).unwrap().id.clone();
    DecideCall { route: Route::Policy(policy), ..call(stack, "hi") }
}

#[tokio::test]
async fn lowest_cost_takes_the_cheapest_for_this_request() {
    let stack = Stack::start().await;
    let call = call_by(&stack, "lowest_cost").await;
    let decision = decide(&stack, &call).await.unwrap().decision.unwrap();
    assert_eq!((decision.selected_model.as_str(), decision.strategy.as_str()), ("acme/small", "lowest_cost"));
    assert_eq!(decision.reason, "lowest expected cost in lowest_cost");
}

#[tokio::test]
async fn least_latency_goes_by_what_gateways_reported() {
    let stack = Stack::start().await;
    let call = call_by(&stack, "least_latency").await;
    let decision = decide(&stack, &call).await.unwrap().decision.unwrap();
    assert_eq!(decision.reason, "no latency observed yet in least_latency: the cheapest");
    report(&stack, &[("acme/small", 900_000), ("acme/large", 200_000)]).await;
    let decision = decide(&stack, &call).await.unwrap().decision.unwrap();
    assert_eq!((decision.selected_model.as_str(), decision.candidates.len()), ("acme/large", 2));
    assert_eq!(decision.reason, "lowest observed latency in least_latency");
    report(&stack, &[("acme/large", 90_000_000)]).await;
    let decision = decide(&stack, &call).await.unwrap().decision.unwrap();
    assert_eq!(decision.selected_model.as_str(), "acme/small");
}

/// Reports answers of these models, whose first token took so long.
async fn report(stack: &Stack, answers: &[(&str, u64)]) {
    let outcome = |(model, first_token): &(&str, u64)| OutcomeReport {
        organisation: stack.organisation.clone(),
        model: ModelId::parse(model).unwrap(),
        credential: None,
        outcome: AttemptOutcome::Ok,
        latency_micros: *first_token,
        first_token_micros: Some(*first_token),
        output_tokens: None,
        at: Timestamp(1),
    };
    let outcomes = answers.iter().map(|answer| (&outcome(answer)).into()).collect();
    let mut client = RoutingClient::new(stack.in_process().await);
    let told = soon(client.report(pb::ReportRequest { outcomes, ..Default::default() })).await.unwrap().into_inner();
    assert_eq!(told.accepted as usize, answers.len());
}

#[tokio::test]
async fn a_client_may_leave_out_all_but_route_and_text() {
    let stack = Stack::start().await;
    let ask = async |policy: &str| {
        let route = Some(pb::Route { route: Some(pb::route::Route::PolicyId(policy.to_owned())) });
        let request = pb::DecideRequest { route, text: "four".repeat(10), ..Default::default() };
        let response = soon(RoutingClient::new(stack.in_process().await).decide(request)).await?.into_inner();
        Ok::<_, tonic::Status>(DecideAnswer::try_from(response).unwrap())
    };
    let mut seeds = Vec::new();
    for policy in ["support", "@alias/support", policy_id(&stack).as_str()] {
        let answer = ask(policy).await.unwrap();
        let decision = answer.decision.expect("the engine's own configuration is meant");
        assert_eq!((decision.policy.as_deref(), decision.snapshot), (Some("Support"), stack.registry.version()));
        assert!(decision.candidates[0].expected_cost_usd.is_some(), "the text alone tells the cost");
        seeds.push(decision.seed);
    }
    assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2], "each is drawn: {seeds:?}");
    let fault = ask("nonsense").await.unwrap_err();
    assert_eq!(fault.code(), Code::NotFound);
    assert!(fault.message().contains("route.policy_id: there is no policy `nonsense`"), "{fault}");
    let request = pb::DecideRequest { organisation: "other".to_owned(), ..Default::default() };
    let fault = soon(RoutingClient::new(stack.in_process().await).decide(request)).await.unwrap_err();
    assert_eq!((fault.code(), fault.message().starts_with("organisation:")), (Code::NotFound, true), "{fault}");
}

#[tokio::test]
async fn another_configuration_gets_the_score_alone() {
    let stack = Stack::start().await;
    let mut call = call(&stack, "hi");
    call.version.revision -= 1;
    let answer = decide(&stack, &call).await.unwrap();
    assert!(answer.score.is_some());
    assert_eq!(answer.decision, None);
    assert_eq!(answer.version, stack.registry.version());
}

#[tokio::test]
async fn no_candidate_left_gets_the_score_alone() {
    let stack = Stack::start().await;
    let mut call = call(&stack, "hi");
    call.facts.features.has_tools = true;
    let answer = decide(&stack, &call).await.unwrap();
    assert!(answer.score.is_some() && answer.decision.is_none());
}

#[tokio::test]
async fn a_broken_scorer_gives_a_degraded_decision_for_the_most_capable() {
    let scorers = StartingScorers::fixed(Arc::new(BrokenScorer("broken".into())));
    let setup = Setup { scorers, ..Setup::default() };
    let stack = Stack::start_with(setup).await;
    let answer = decide(&stack, &call(&stack, "hi")).await.unwrap();
    let decision = answer.decision.unwrap();
    assert_eq!(decision.selected_model.as_str(), "acme/large");
    assert_eq!((answer.score, answer.degraded), (None, Some(Degradation::Scorer)));
    assert_eq!(decision.degraded, Some(Degradation::Scorer));

    let inputs = vec![pb::ScorerInput { text: "hi".into(), ..Default::default() }];
    let mut client = RoutingClient::new(stack.in_process().await);
    let status = soon(client.score(pb::ScoreRequest { inputs })).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("no vocabulary"), "{status}");
}

#[tokio::test]
async fn a_batch_of_prompts_scores_as_each_alone() {
    let stack = Stack::start().await;
    let mut client = RoutingClient::new(stack.over_tcp().await);
    let input = |text: &str| pb::ScorerInput { text: text.into(), ..Default::default() };
    let mut score = async |texts: &[&str]| {
        let inputs = texts.iter().map(|text| input(text)).collect();
        soon(client.score(pb::ScoreRequest { inputs })).await.unwrap().into_inner().scores
    };
    let together = score(&["hi", HARD]).await;
    let alone = [score(&["hi"]).await.remove(0), score(&[HARD]).await.remove(0)];
    for (one, other) in together.iter().zip(&alone) {
        assert!((one.complexity - other.complexity).abs() < 1e-6, "{one:?} {other:?}");
    }
    assert!(together[0].complexity < together[1].complexity);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let setup = Setup { limits: Limits { queue: 1, ..Limits::default() }, ..Setup::default() };
    let stack = Stack::start_with(setup).await;
    let mut client = RoutingClient::new(stack.in_process().await);
    let inputs = vec![pb::ScorerInput::default(); 2];
    let status = soon(client.score(pb::ScoreRequest { inputs })).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
}

#[tokio::test]
async fn a_bad_field_is_named() {
    let stack = Stack::start().await;
    let mut client = RoutingClient::new(stack.in_process().await);
    let good = pb::DecideRequest::from(&call(&stack, "hi"));
    let unseeded = pb::DecideRequest { seed: "req_x".into(), ..good.clone() };
    let endless = pb::DecideRequest { text: "x".repeat(100_000), ..good };
    for (request, field) in [(unseeded, "seed:"), (endless, "text:")] {
        let status = soon(client.decide(request)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(field), "{status}");
    }
}
