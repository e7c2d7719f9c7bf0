//! Every refusal: where it points and what it says.

use serde_json::{Value, json};

use crate::story::{Story, provider};

/// Applies to the furnished organisation what must be refused with exactly these faults.
async fn check(configuration: Value, expected: &[&str]) {
    let story = Story::furnished().await;
    let faults = story.refused(configuration).await;
    assert_eq!(faults, expected);
}

fn policy(name: &str, rest: &Value) -> Value {
    let mut policy = json!({"name": name, "candidates": "all", "strategy": {"type": "intelligent"}});
    for (field, value) in rest.as_object().unwrap() {
        policy[field] = value.clone();
    }
    policy
}

fn with_url(url: &str) -> Value {
    let mut provider = provider("other");
    provider["base_url"] = json!(url);
    json!({"providers": [provider]})
}

#[tokio::test]
async fn all_faults_are_reported_together_and_nothing_is_applied() {
    check(
        json!({
            "models": [{"id": "acme-ai/fine"}, {"id": "nowhere/x"}, {"id": "acme-ai/bad", "capability": 1.5}],
            "policies": [policy("p", &json!({"candidates": {"listed": [{"model": "acme-ai/fine"}, {"model": "acme-ai/smal"}]}}))],
            "projects": [{"name": "new", "policy": "suport"}],
        }),
        &[
            "projects[0].policy: there is no policy `suport`; did you mean `Support`?",
            "models[1].id: there is no provider `nowhere`; there are: acme-ai (add it under `providers`)",
            "models[2].capability: 1.5 is out of range: expected 0 to 1",
            "policies[0].models[1]: there is no model `acme-ai/smal`; did you mean `acme-ai/small`?",
        ],
    )
    .await;
}

#[tokio::test]
async fn base_url_must_be_http_with_a_host_and_nothing_else() {
    for (url, expected) in [
        ("ftp://x/v1", "does not start with http:// or https://"),
        ("api.example.com", "does not start with http:// or https://"),
        ("https://", "is not a URL"),
        ("https://h/v1?key=1", "has a query or fragment (put parameters under `query`)"),
    ] {
        let expected =
            format!("providers[0].base_url: `{url}` {expected}: expected something like https://api.example.com/v1");
        check(with_url(url), &[&expected]).await;
    }
    check(
        with_url("https://user:secret@h/v1"),
        &["providers[0].base_url: a base_url holds no user or password: put the secret under `credentials`"],
    )
    .await;
}

#[tokio::test]
async fn provider_figures_stay_in_range() {
    let mut other = provider("other");
    other["timeouts"] = json!({"connect_ms": 0});
    other["auth"] = json!({"header": "X Api Key"});
    check(
        json!({"providers": [other]}),
        &[
            "providers[0].auth: `X Api Key` is not a header name: expected lower-case letters, digits and `-`",
            "providers[0].timeouts.connect_ms: expected 1 to 86400000 milliseconds (a day)",
        ],
    )
    .await;
}

#[tokio::test]
async fn secrets_that_cannot_be_sent_are_refused_without_being_shown() {
    for (secret, expected) in [
        ("", "the secret is empty: is the variable or file that it comes from set?"),
        (
            "sk-abc\n",
            "the secret has spaces at its ends, line breaks or characters outside ASCII: is the right value given?",
        ),
    ] {
        let mut other = provider("other");
        other["credentials"][0]["secret"] = json!(secret);
        check(json!({"providers": [other]}), &[&format!("providers[0].credentials[0].secret: {expected}")]).await;
    }
}

#[tokio::test]
async fn model_figures_stay_in_range() {
    check(
        json!({"models": [{"id": "acme-ai/x", "context_length": 0, "released": "2026-02-31", "native": "",
                           "pricing": {"prompt": "-1", "completion": null}}]}),
        &[
            "models[0].context_length: 0 tokens: leave it out when it is not known",
            "models[0].native: expected the name that the provider gives the model",
            "models[0].pricing.prompt: -1 is negative: leave it out when it is not known",
            "models[0].released: `2026-02-31` is not a date: expected YYYY-MM-DD",
        ],
    )
    .await;
}

#[tokio::test]
async fn policy_candidates_exist_are_enabled_and_stand_once() {
    check(
        json!({"policies": [
            policy("a", &json!({"candidates": {"listed": []}})),
            policy("b", &json!({"candidates": {"listed": [{"model": "acme-ai/small", "weight": 0.0},
                                                         {"model": "acme-ai/small"}, {"model": "acme-ai/old"}]}})),
        ]}),
        &[
            "policies[0].models: names no model: name at least one",
            "policies[1].models[0].weight: 0 is not a weight: expected a number above 0, at most 1000000",
            "policies[1].models[1]: `acme-ai/small` is named twice: keep one of them",
            "policies[1].models[2]: the model `acme-ai/old` is disabled: enable it, or name another",
        ],
    )
    .await;
}

#[tokio::test]
async fn single_names_an_enabled_model_of_its_own_list() {
    let single = |name: &str, model: &str| policy(name, &json!({"strategy": {"type": "single", "model": model}}));
    let mut listed = single("c", "acme-ai/large");
    listed["candidates"] = json!({"listed": [{"model": "acme-ai/small"}]});
    check(
        json!({"policies": [single("a", "acme-ai/larg"), single("b", "acme-ai/old"), listed]}),
        &[
            "policies[0].strategy.model: there is no model `acme-ai/larg`; did you mean `acme-ai/large`?",
            "policies[1].strategy.model: the model `acme-ai/old` is disabled: enable it, or name another",
            "policies[2].strategy.model: `acme-ai/large` is not among the policy's models: add it to `models`",
        ],
    )
    .await;
}

#[tokio::test]
async fn policy_names_and_slugs_are_unique_and_there_is_one_default() {
    check(
        json!({"policies": [
            policy("one", &json!({"default": true})), policy("two", &json!({"default": true})),
            policy("Three", &json!({"slug": "support"})), policy("one", &json!({"slug": "uno"})),
            policy("bad slug", &json!({"slug": "Not a slug"})),
        ]}),
        &[
            "policies[1].default: policies[0] is the default already: an organisation has one default policy",
            "policies[3].name: another policy is named `one` already",
            "policies[4].slug: `Not a slug` is not a slug: expected lower-case letters and digits with single `-` between them",
            // Renaming `Support` by its slug is fine; nothing else is wrong.
        ],
    )
    .await;
}

#[tokio::test]
async fn slug_of_another_policy_is_refused() {
    let story = Story::furnished().await;
    story.apply(json!({"policies": [policy("Other", &json!({}))]})).await;
    let faults = story.refused(json!({"policies": [policy("Support!", &json!({}))]})).await;
    assert_eq!(faults, ["policies[0].slug: policy `Support` has the slug `support` already: give another `slug`"]);
}

#[tokio::test]
async fn names_are_one_line_and_stand_once() {
    check(
        json!({"projects": [{"name": "a\nb"}, {"name": "x"}, {"name": "x"}], "models": [{"id": "acme-ai/n"}, {"id": "acme-ai/n"}]}),
        &[
            "projects[0].name: a name has 1 to 100 characters, without line breaks and without spaces at its ends",
            "projects[2]: names the same project as projects[1]: keep one of them",
            "models[1]: names the same model as models[0]: keep one of them",
        ],
    )
    .await;
}

#[tokio::test]
async fn router_needs_enabled_models_and_a_policy_that_can_choose_one() {
    check(
        json!({
            "policies": [policy("large only", &json!({"candidates": {"listed": [{"model": "acme-ai/large"}]}}))],
            "routers": [
                {"name": "a", "models": []},
                {"name": "b", "models": ["acme-ai/old"]},
                {"name": "c", "models": ["acme-ai/small"], "policy": "large only"},
                {"name": "d", "models": ["acme-ai/small"], "policy": "nope"},
            ],
        }),
        &[
            "routers[0].models: names no model: name at least one",
            "routers[1].models[0]: the model `acme-ai/old` is disabled: enable it, or name another",
            "routers[2].policy: the policy `large only` can choose none of the router's models: add one to both",
            "routers[3].policy: there is no policy `nope`; there are: Support, large only, large-only, support",
        ],
    )
    .await;
}

#[tokio::test]
async fn router_needs_a_credential_for_each_provider_and_none_for_others() {
    let mut bare = provider("bare");
    bare.as_object_mut().unwrap().remove("credentials");
    check(
        json!({
            "providers": [bare],
            "models": [{"id": "bare/x"}],
            "routers": [{"name": "r", "models": ["bare/x"], "credentials": {"acme-ai": "managed"}}],
        }),
        &[
            "routers[0].credentials.acme-ai: none of the router's models is of provider `acme-ai`: remove it, or add such a model",
            "routers[0].credentials.bare: provider `bare`, which the router's models use, has no credential: add one \
             under `providers`, or remove its models",
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_name_what_exists_and_hold_a_safe_secret() {
    check(
        json!({"keys": [
            {"name": "a", "project": "wb", "routing": {"policy": "x"}, "allowed_models": ["acme-ai/none"]},
            {"name": "b", "secret": "short"},
            {"name": "c", "secret": "with spaces in the middle of it, twice"},
            {"name": "d", "secret": "sk-sb-0000000000000000000000000000000000000"},
            {"name": "e", "secret": "an-operators-own-key-of-32-chars-1"},
        ]}),
        &[
            "keys[0].allowed_models[0]: there is no model `acme-ai/none`; there are: acme-ai/large, acme-ai/old, acme-ai/small",
            "keys[0].project: there is no project `wb`; did you mean `web`?",
            "keys[0].routing.policy: there is no policy `x`; there are: Support, support",
            "keys[1].secret: a key has 32 to 200 characters, this one has 5",
            "keys[2].secret: a key is made of visible ASCII characters without spaces",
            "keys[3].secret: a key that starts with `sk-sb-` must be one that was made here, and this one's checksum is \
             wrong: copy it again, or choose another beginning",
            "keys[4].secret: the key `ci` has this secret: choose a new one",
        ],
    )
    .await;
}

#[tokio::test]
async fn unknown_organisation_is_refused() {
    let story = Story::empty().await;
    let unknown = domain::OrganisationId::from_random([3; 20]);
    let refused = story
        .registry
        .apply(&unknown, &domain::Desired::default(), false, registry::Terms::operator())
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), format!("organisation: there is no organisation `{unknown}`"));
}

#[tokio::test]
async fn disabling_breaks_only_what_would_be_left_with_nothing() {
    let story = Story::furnished().await;
    // `Support` keeps its other model; the router `edge` has this one alone.
    let faults = story.refused(json!({"models": [{"id": "acme-ai/small", "enabled": false}]})).await;
    assert_eq!(faults, ["router `edge`: models[0]: the model `acme-ai/small` is disabled: enable it, or name another"]);
    let diff = story.apply(json!({"models": [{"id": "acme-ai/large", "enabled": false}]})).await;
    assert_eq!(
        diff.warnings,
        ["policy `Support`: models[1]: the model `acme-ai/large` is disabled and will be skipped"]
    );
}
