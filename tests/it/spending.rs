//! Limits, budgets, users and OAuth clients on the command line.

use serde_json::{Value, json};

use crate::objects::World;

fn key(world: &World, name: &str) -> Value {
    world.json(&["keys", "show", name])
}

#[test]
fn key_is_limited_when_it_is_made_and_freed_piece_by_piece() {
    let world = World::start();
    let (code, out, err) = world.command(&[
        "keys",
        "create",
        "--name",
        "app",
        "--limit-total-tokens-per-hour",
        "2000000",
        "--limit-input-tokens-per-hour",
        "1500000",
        "--limit-output-tokens-per-hour",
        "500000",
        "--limit-requests-per-minute",
        "600",
        "--limit-concurrent-requests",
        "32",
        "--per-user",
        "--budget",
        "50/month",
        "--body-logging",
        "7",
        "--user",
        "dana",
        "--allow-model",
        "acme/small",
        "--expires-at",
        "2099-01-01T00:00:00Z",
    ]);
    assert_eq!(code, 0, "{out}{err}");
    let made = key(&world, "app");
    let limits = json!({"total_tokens_per_hour": 2_000_000, "input_tokens_per_hour": 1_500_000,
        "output_tokens_per_hour": 500_000, "requests_per_minute": 600, "concurrent_requests": 32});
    assert_eq!((&made["limits"], &made["per_user"]), (&limits, &limits));
    assert_eq!(made["budget"], json!({"amount": "50", "period": "month", "mode": "hard"}));
    assert_eq!((&made["user"], &made["body_logging"]["retention_days"]), (&json!("dana"), &json!(7)));
    let (_, out, _) = world.command(&["keys", "list"]);
    assert!(out.contains("600 requests/min, 32 at once") && out.contains("50 USD a month"), "{out}");

    let update = |options: &[&str]| {
        let (code, out, err) = world.command(&[&["keys", "update", "app"], options].concat());
        assert_eq!(code, 0, "{out}{err}");
        key(&world, "app")
    };
    let eased = update(&["--limit-total-tokens-per-hour", "none", "--limit-requests-per-minute", "700"]);
    let limits = json!({"input_tokens_per_hour": 1_500_000, "output_tokens_per_hour": 500_000,
        "requests_per_minute": 700, "concurrent_requests": 32});
    assert_eq!((&eased["limits"], &eased["budget"]), (&limits, &made["budget"]), "what is not named stays");
    assert_eq!(update(&["--per-user"])["per_user"], limits);
    assert_eq!(update(&["--no-per-user"])["per_user"], json!({}));
    let soft = update(&["--budget", "0.5/day", "--soft-budget"]);
    assert_eq!(soft["budget"], json!({"amount": "0.5", "period": "day", "mode": "soft"}));
    assert_eq!(update(&["--body-logging", "off"])["body_logging"], json!({"retention_days": 0}));
    assert_eq!(update(&["--body-logging", "inherit"])["body_logging"], Value::Null);
    let (_, told, _) =
        world.command(&["keys", "update", "app", "--budget", "2/month", "--expires-at", "2098-01-01T00:00:00Z"]);
    assert!(told.contains("budget.amount: 0.5 -> 2\n"), "{told}");
    assert!(told.contains("expires_at: 2099-01-01T00:00:00.000Z -> 2098-01-01T00:00:00.000Z\n"), "{told}");
    let free = update(&["--budget", "none", "--body-logging", "none", "--user", "none", "--expires-at", "none"]);
    for field in ["budget", "body_logging", "user", "expires_at"] {
        assert_eq!(free[field], Value::Null, "{field}");
    }
    assert_eq!(free["allowed_models"], json!(["acme/small"]));
    assert_eq!(update(&["--allow-all-models"])["allowed_models"], json!([]));
}

#[test]
fn limit_that_is_none_is_refused_as_wrong_usage() {
    let world = World::start();
    for options in [
        &["--limit-requests-per-minute", "0"][..],
        &["--limit-requests-per-minute", "many"],
        &["--budget", "50"],
        &["--budget", "0/day"],
        &["--budget", "50/year"],
        &["--soft-budget"],
        &["--body-logging", "0"],
        &["--per-user"],
    ] {
        let (code, out, err) = world.command(&[&["keys", "create", "--name", "app"], options].concat());
        assert_eq!(code, 64, "{options:?}: {out}{err}");
    }
    let (code, _, err) = world.command(&["keys", "update", "default"]);
    assert_eq!((code, err.contains("nothing to change")), (64, true), "{err}");
}

#[test]
fn projects_and_organisations_get_budgets_and_lose_them() {
    let world = World::start();
    world.with_file(
        &["projects", "create"],
        "project.toml",
        "name = \"shop\"\nbudget = { amount_usd = \"9\", period = \"week\" }",
    );
    let budget = |kind: &str, name: &str| world.json(&[kind, "show", name])["budget"].clone();
    assert_eq!(budget("projects", "shop"), json!({"amount": "9", "period": "week", "mode": "hard"}));
    for (kind, name) in [("projects", "shop"), ("organisations", "default")] {
        let (code, out, err) = world.command(&[kind, "budget", name, "50/month", "--soft"]);
        assert_eq!((code, out.contains("budget.amount")), (0, true), "{out}{err}");
        assert_eq!(budget(kind, name), json!({"amount": "50", "period": "month", "mode": "soft"}));
        let (_, out, _) = world.command(&[kind, "list"]);
        assert!(out.contains("50 USD a month (soft)"), "{out}");
        assert_eq!(world.command(&[kind, "budget", name, "none"]).0, 0);
        assert_eq!(budget(kind, name), Value::Null);
    }
    assert_eq!(world.command(&["organisations", "body-logging", "default", "7"]).0, 0);
    assert_eq!(world.json(&["organisations", "show", "default"])["body_logging"], json!({"retention_days": 7}));
    assert_eq!(world.command(&["organisations", "body-logging", "default", "none"]).0, 0);
    assert_eq!(world.json(&["organisations", "show", "default"])["body_logging"], Value::Null);
    let (code, _, err) = world.command(&["projects", "budget", "none-such", "1/day"]);
    assert_eq!((code, err.contains("none-such")), (1, true), "{err}");
}

#[test]
fn secret_of_an_oauth_client_stays_one_and_keeps_its_user_when_it_is_rotated() {
    let world = World::start();
    let file = world.scratch.write("secret", "client-secret-0123456789");
    let file = file.to_str().unwrap();
    let client = ["--token-url", "https://login.example.com/token", "--client-id", "me", "--scope", "models.call"];
    let owner = ["--owner", "user", "--user", "dana", "--weight", "3"];
    let create = ["credentials", "create", "acme/login", "--secret-file", file];
    let (code, out, err) = world.command(&[&create[..], &client, &owner].concat());
    assert_eq!(code, 0, "{out}{err}");
    let shown = || {
        let shown = world.json(&["credentials", "show", "acme/login"]);
        ["kind", "owner", "user", "weight", "version", "hint"].map(|field| shown[field].clone())
    };
    let expected = |version: u32, hint: &str| {
        ["oauth_client_credentials", "user", "dana"].map(Value::from).into_iter().chain([
            3.into(),
            version.into(),
            hint.into(),
        ])
    };
    assert!(shown().into_iter().eq(expected(1, "…6789")), "{:?}", shown());
    world.scratch.write("secret", "client-secret-9876543210");
    let rotate = ["credentials", "rotate", "acme/login", "--secret-file", file];
    let (code, _, err) = world.command(&rotate);
    assert_eq!((code, err.contains("is not what tokens are fetched with")), (64, true), "{err}");
    assert_eq!(world.command(&[&rotate[..], &client].concat()).0, 0);
    assert!(shown().into_iter().eq(expected(2, "…3210")), "{:?}", shown());
    let (code, _, err) = world.command(&[&rotate[..], &["--token-url", "login", "--client-id", "me"]].concat());
    assert_eq!((code, err.contains("--token-url: is not a web address")), (64, true), "{err}");
    let (_, out, _) = world.command(&["credentials", "list"]);
    assert!(out.contains("user: dana") && !out.contains("9876543210"), "{out}");
}
