//! A decision that is kept with what it was made of can be made again, byte for byte, after a trip through JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{
    Affinity, Arguments, Axis, CapabilityTag, Decision, Degradation, Facts, Health, Latency, ModelId, Previous, Route,
    Score, Scored, Strategy as Ordering, Tenant, Timestamp,
};
use policy::{Question, ReplayFault, Step, decide, label_fields, labels_read, replay};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{VERSION, World, facts, id, listed, model, score, seed};

const MODELS: [&str; 5] = ["acme/small", "acme/large", "beta/small", "beta/tiny", "gamma/huge"];
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// What differs from one question to the next.
#[derive(Clone, Debug)]
struct Case {
    strategies: [usize; 2],
    rules: Value,
    has_affinity: bool,
    prices: [u32; 5],
    capabilities: [f64; 5],
    facts: Value,
    unhealthy: BTreeSet<usize>,
    latencies: Vec<(usize, u64, u16)>,
    previous: Option<(usize, u64, bool)>,
    scoring: Option<Score>,
    number: u32,
    through_router: bool,
}

fn rules() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(vec![
        "tag.tier",
        "header.x-region",
        "metadata.team",
        "user",
        "key.name",
        "model",
        "complexity",
        "capability.code",
        "input_tokens",
    ]);
    let test = (field, prop::sample::select(vec!["exists", "eq", "ne", "gt"]), prop::sample::select(vec!["a", "b"]));
    let used = prop_oneof![
        Just(json!({"policy": "other"})),
        Just(json!({"strategy": {"type": "lowest_cost"}})),
        Just(json!({"strategy": {"type": "single", "model": "gamma/huge"}})),
    ];
    let rule = (test, any::<bool>(), used).prop_map(|((field, op, value), denies, used)| {
        let value = if op == "gt" { json!(0.5) } else { json!(value) };
        let test = json!({"field": field, "op": op, "value": value});
        json!({"priority": 1, "when": if denies { json!({ "not": test }) } else { test }, "use": used})
    });
    prop::collection::vec(rule, 0..3).prop_map(Value::from)
}

fn requests() -> impl Strategy<Value = Value> {
    let text = || prop::option::of(prop::sample::select(vec!["a", "b", "something else"]));
    let instructions = prop::option::of(prop::sample::select(vec![
        "as cheap as possible",
        "prefer beta, avoid acme",
        "fast please, unless it is complex",
        "best quality for code",
    ]));
    (text(), text(), text(), text(), instructions, 0_u64..3_000, prop::option::of(1_u64..2_000), any::<bool>())
        .prop_map(|(tag, header, member, user, instructions, input, output, tools)| {
            json!({
                "features": {"input_tokens": input, "max_output_tokens": output, "has_tools": tools},
                "requested_model": user,
                "instructions": instructions,
                "labels": {
                    "tags": tag.map(|it| json!({"tier": it, "unread": it})).unwrap_or(json!({})),
                    "headers": header.map(|it| json!({"x-region": it, "x-unread": it})).unwrap_or(json!({})),
                    "metadata": member.map(|it| json!({"team": it})).unwrap_or(json!({})),
                    "user": user, "key_name": "a",
                },
            })
        })
}

fn scores() -> impl Strategy<Value = Score> {
    let tags = Just(CapabilityTag::ALL.to_vec()).prop_shuffle();
    (0.0..=1.0, -3.0..3.0_f64, tags, prop::array::uniform10(0.0..=1.0_f64), 1_u32..4_000).prop_map(
        |(complexity, difficulty, tags, chances, p50)| {
            let capabilities = tags.into_iter().zip(chances).collect();
            let mut score = Score { difficulty, capabilities, uncertainty: complexity / 3.0, ..score(complexity) };
            score.expected_output_tokens.p50 = p50;
            score
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let figures = (prop::array::uniform5(0_u32..50), prop::array::uniform5(0.0..=1.0_f64));
    let health = (
        prop::collection::btree_set(0_usize..5, 0..4),
        prop::collection::vec((0_usize..5, 1_u64..2_000_000, 0_u16..=1_000), 0..5),
    );
    let previous = prop::option::of((0_usize..5, 0_u64..2_000, prop::bool::weighted(0.2)));
    let strategies = [0_usize..8, 0_usize..8];
    let policy = (strategies, rules(), any::<bool>(), any::<bool>());
    (policy, figures, requests(), health, previous, prop::option::weighted(0.8, scores()), any::<u32>()).prop_map(
        |(policy, (prices, capabilities), facts, (unhealthy, latencies), previous, scoring, number)| {
            let (strategies, rules, has_affinity, through_router) = policy;
            Case {
                strategies,
                rules,
                has_affinity,
                prices,
                capabilities,
                facts,
                unhealthy,
                latencies,
                previous,
                scoring,
                number,
                through_router,
            }
        },
    )
}

impl Case {
    fn world(&self) -> (World, Route) {
        let models = MODELS.iter().enumerate().map(|(place, name)| {
            let price = format!("{}e-8", self.prices[place]);
            model(&json!({"id": name, "capability": self.capabilities[place], "context_length": 4_000,
                "pricing": {"prompt": price, "completion": price, "cached_prompt": "1e-9"}}))
        });
        let mut world = World::of(models);
        let shares: Vec<_> = MODELS.iter().copied().zip(self.capabilities).take(4).collect();
        let benchmarks = [
            world.scorecard("code", &shares, &json!({"capabilities": ["code"]})),
            world.scorecard("rest", &[("acme/large", 0.7), ("gamma/huge", 0.9)], &json!({})),
        ];
        let blend = world.blend(&[(&benchmarks[0], 0.3), (&benchmarks[1], 0.7)], &json!({"missing": "renormalise"}));
        let strategy = |number: usize| match number {
            0 => Ordering::Priority {},
            1 => Ordering::Split {},
            2 => Ordering::LowestCost {},
            3 => Ordering::LeastLatency {},
            4 => Ordering::Blend { blend: blend.clone() },
            5 => Ordering::Intelligent { axis: Axis::Cost },
            6 => Ordering::Intelligent { axis: Axis::Performance },
            _ => Ordering::Single { model: id("beta/small") },
        };
        world.policy("other", listed(&MODELS[1..4]), strategy(self.strategies[1]));
        let policy = world.policy("first", listed(&MODELS[..4]), strategy(self.strategies[0]));
        world.rule(&policy, &self.rules);
        world.affinity(&policy, self.has_affinity.then_some(Affinity::Conversation));
        let route = if self.through_router {
            Route::Router(world.router("r", &MODELS[..4], Some(policy)))
        } else {
            Route::Policy(policy)
        };
        (world, route)
    }

    fn health(&self) -> Health {
        let observed = |(place, micros, permille): &(usize, u64, u16)| {
            let latency =
                Latency { first_token_micros: *micros, micros_per_token: micros / 90, success_permille: *permille };
            (id(MODELS[*place]), latency)
        };
        Health {
            unhealthy: self.unhealthy.iter().map(|place| id(MODELS[*place])).collect(),
            latency: Arc::new(self.latencies.iter().map(observed).collect()),
        }
    }

    fn previous(&self) -> Option<Previous> {
        let (place, cached_tokens, in_tool_loop) = self.previous?;
        Some(Previous { session: "s".to_owned(), model: id(MODELS[place]), cached_tokens, in_tool_loop })
    }

    /// Decides as a gateway does, and keeps as little as one keeps.
    fn decide(&self, tenant: &Tenant, route: Route) -> Option<(Decision, Arguments)> {
        let (facts, health, previous): (Facts, _, _) = (facts(&self.facts), self.health(), self.previous());
        let mut scoring = Scored::NotAsked;
        let decision = loop {
            let question = Question {
                tenant,
                version: VERSION,
                route: &route,
                facts: &facts,
                scoring: (&scoring).into(),
                health: &health,
                previous: previous.as_ref(),
                seed: seed(self.number),
                now: NOW,
            };
            match decide(&question).ok()? {
                Step::Decided(decision) => break *decision,
                Step::NeedsScore => {
                    assert!(scoring.is_not_asked(), "a score was given");
                    let unavailable = Scored::Unavailable(Degradation::Scorer);
                    scoring = self.scoring.clone().map_or(unavailable, Scored::Known);
                }
            }
        };
        let facts = Facts { labels: labels_read(tenant, &route, facts.labels.clone()), ..facts };
        let health = health.of(decision.considered());
        Some((decision, Arguments { route, facts, scoring, health, previous, now: NOW }))
    }
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_recorded_decision_is_made_again_byte_for_byte(case in cases()) {
        let (world, route) = case.world();
        let tenant = through_objects(&world.tenant);
        if let Some((decision, arguments)) = case.decide(&world.tenant, route) {
            let written = serde_json::to_vec(&decision).unwrap();
            let again = replay(&tenant, &through_json(&decision), &through_json(&arguments)).unwrap();
            prop_assert!(again.is_identical(), "{}\n{}", text(&again.recorded), text(&again.replayed));
            prop_assert_eq!(text(&again.recorded), text(&written));
        }
    }
}

fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).unwrap()
}

/// The tenant as a store gives it back: models, policies and blends read from their JSON.
fn through_objects(tenant: &Tenant) -> Tenant {
    let mut read = tenant.clone();
    for (id, model) in tenant.models.iter() {
        Arc::make_mut(&mut read.models).insert(id.clone(), Arc::new(through_json(&**model)));
    }
    for (id, policy) in tenant.policies.iter() {
        Arc::make_mut(&mut read.policies).insert(id.clone(), Arc::new(through_json(&**policy)));
    }
    for (id, blend) in tenant.blends.iter() {
        Arc::make_mut(&mut read.blends).insert(id.clone(), Arc::new(through_json(&**blend)));
    }
    read
}

#[test]
fn labels_that_no_rule_reads_are_not_kept() {
    let mut world = World::of([model(&json!({"id": "acme/small"})), model(&json!({"id": "acme/large"}))]);
    let other = world.policy("other", listed(&["acme/large"]), Ordering::Priority {});
    world.rule(
        &other,
        &json!([{"priority": 1, "when": {"not": {"field": "header.x-region", "op": "eq", "value": "eu"}},
        "use": {"strategy": {"type": "split"}}}]),
    );
    let first = world.policy("first", listed(&["acme/small"]), Ordering::Priority {});
    let when = json!({"any": [{"field": "tag.tier", "op": "eq", "value": "a"},
        {"field": "complexity", "op": "gt", "value": 0.5}]});
    world.rule(&first, &json!([{"priority": 1, "when": when, "use": {"policy": "other"}}]));
    let labels = facts(&json!({"labels": {
        "tags": {"tier": "a", "secret": "b"}, "headers": {"x-region": "eu", "x-other": "b"},
        "metadata": {"team": "b"}, "user": "b", "key_name": "b",
    }}))
    .labels;
    let kept = labels_read(&world.tenant, &Route::Policy(first), labels.clone());
    let expected = json!({"tags": {"tier": "a"}, "headers": {"x-region": "eu"}});
    assert_eq!(serde_json::to_value(kept).unwrap(), expected, "also what a policy further on reads");
    let direct = Route::Direct(id("acme/small"));
    assert!(label_fields(&world.tenant, &direct).is_empty());
    assert_eq!(serde_json::to_value(labels_read(&world.tenant, &direct, labels)).unwrap(), json!({}));
}

#[test]
fn health_of_others_is_not_kept() {
    let latency = Latency { first_token_micros: 5, ..Latency::default() };
    let observed = MODELS.map(|name| (id(name), latency));
    let health = Health { unhealthy: [id("acme/small"), id("gamma/huge")].into(), latency: Arc::new(observed.into()) };
    let considered: [ModelId; 2] = [id("acme/small"), id("acme/large")];
    let kept = health.of(&considered);
    assert_eq!(kept.unhealthy, [id("acme/small")].into());
    assert_eq!(kept.latency.keys().collect::<Vec<_>>(), [&considered[1], &considered[0]]);
}

fn plain() -> (World, Arguments, Decision) {
    let mut world = World::of(MODELS.map(|name| model(&json!({"id": name, "capability": 0.5}))));
    let rule = Ordering::Intelligent { axis: Axis::Performance };
    let route = Route::Policy(world.policy("support", listed(&MODELS), rule));
    let tags = CapabilityTag::ALL.map(|tag| (tag, 0.123_456_789_012_345_67));
    let mut arguments = Arguments {
        route,
        facts: facts(&json!({"features": {"input_tokens": 240, "max_output_tokens": 256, "stream": true, "turns": 2},
            "requested_model": "auto"})),
        scoring: Scored::Known(Score { capabilities: tags.to_vec(), ..score(0.373_737_373_737_373_7) }),
        health: Health::default(),
        previous: None,
        now: NOW,
    };
    arguments.health.latency = Arc::new(
        MODELS
            .map(|name| {
                let latency = Latency { first_token_micros: 412_345, micros_per_token: 12_345, success_permille: 998 };
                (id(name), latency)
            })
            .into(),
    );
    let Step::Decided(decision) = decide(&Question {
        tenant: &world.tenant,
        version: VERSION,
        route: &arguments.route,
        facts: &arguments.facts,
        scoring: (&arguments.scoring).into(),
        health: &arguments.health,
        previous: None,
        seed: seed(1),
        now: NOW,
    })
    .unwrap() else {
        panic!("a score was given")
    };
    (world, arguments, *decision)
}

#[test]
fn arguments_of_a_plain_request_take_little_room() {
    let (_, arguments, _) = plain();
    let whole = serde_json::to_vec(&arguments).unwrap().len();
    let unscored = Arguments { scoring: Scored::NotAsked, health: Health::default(), ..arguments };
    let least = serde_json::to_vec(&unscored).unwrap().len();
    assert!(whole <= 1_500 && least <= 300, "{whole} and {least} bytes");
}

#[test]
fn another_configuration_is_told_apart() {
    let (mut world, arguments, decision) = plain();
    assert!(replay(&world.tenant, &decision, &arguments).unwrap().is_identical());
    let weaker = Arc::new(model(&json!({"id": "acme/small", "capability": 0.1})));
    Arc::make_mut(&mut world.tenant.models).insert(weaker.id.clone(), weaker);
    assert!(!replay(&world.tenant, &decision, &arguments).unwrap().is_identical());
    let unasked = Arguments { scoring: Scored::NotAsked, ..arguments.clone() };
    assert!(matches!(replay(&world.tenant, &decision, &unasked), Err(ReplayFault::NeedsScore)));
    let id = world.tenant.policies.keys().next().unwrap().to_string();
    Arc::make_mut(&mut world.tenant.policies).remove(&id);
    assert!(matches!(replay(&world.tenant, &decision, &arguments), Err(ReplayFault::Refused(_))));
}
