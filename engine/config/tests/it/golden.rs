//! What the operator reads for each kind of mistake, in both formats. Each case is a text and everything told about it.

use std::fmt::Write;

use crate::support::{toml, yaml};

fn told(cases: &[&str], read: fn(&str) -> Result<config::Loaded, config::ConfigFaults>) -> String {
    let mut page = String::new();
    for case in cases {
        let case = case.trim_start_matches('\n');
        let outcome = match read(case) {
            Ok(loaded) => {
                loaded.warnings.iter().fold("accepted".to_owned(), |told, warning| format!("{told}, warning {warning}"))
            }
            Err(faults) => faults.to_string(),
        };
        writeln!(page, "{case}\n  => {}\n", outcome.replace('\n', "\n     ")).unwrap();
    }
    page
}

#[test]
fn toml_mistakes() {
    insta::assert_snapshot!(told(TOML, toml));
}

#[test]
fn yaml_mistakes() {
    insta::assert_snapshot!(told(YAML, yaml));
}

const TOML: &[&str] = &[
    // Syntax: every fault at once.
    "[[providers]\nslug = \"a\"\n\n[[models]]\nid = \"a/b\nname = \"x\"",
    "[[projects]]\nname = \"a\"\nname = \"b\"",
    // Shape.
    "providers = \"acme\"",
    "[providers]\nslug = \"acme\"",
    "[[provider]]\nslug = \"acme\"",
    "policies = [\"support\"]",
    // The organisation, and what is spent.
    r#"
[[organisations]]
name = "default"
budget = { amount_usd = 50, period = "year", mode = "firm" }
body_logging = { retention_days = 0 }
policy = "support"

[[organisations]]
name = "default"
budget = "50/month"
body_logging = true

[[organisations]]
budget = {}
body_logging = {}

[[projects]]
name = "shop"
budget = { amount_usd = "-1", period = "day" }

[[projects]]
name = "web"
budget = { amount_usd = "50 USD", period = "month", perod = "day" }
body_logging = { retention_days = 7 }

[[keys]]
name = "a"
limits = { total_tokens_per_hour = 0, requests_per_minute = "600", tokens_per_minute = 1 }
per_user = "yes"
budget = { amount_usd = "0", period = "lifetime" }
body_logging = { retention_days = 4000 }
user = ""

[[keys]]
name = "b"
per_user = true

[[keys]]
name = "c"
limits = 600
per_user = { concurrent_requests = -1, input_tokens = 5 }
user = 7
body_logging = { retention_days = "7d" }"#,
    // Scorecards and blends.
    r#"
[[scorecards]]
name = "exam"
metric = "accuracy"
direction = "up"
scale = "elo"
capabilities = ["tools"]
missing = "nothing"
source = { kind = "rumour", date = "yesterday", by = "me" }
scores = []

[[scorecards]]
name = "exam"
scale = "elo_expected"
min = 0
chance = 0.25
scores = [{ model = "acme/small", score = "87%" }]

[[scorecards]]
name = "other"
metric = "accuracy"
min = nan
elo_reference = 1200
chance = 0.25
scores = [
    { model = "acme/small", score = 0.87, n = 0, interval = [0.8] },
    { model = "acme/large", score = "high", standard_error = inf },
    { modle = "acme/huge" },
]

[[scorecards]]
name = "third"
metric = "accuracy"
min = 0
max = 1
file = "scores.csv"

[[blends]]
name = "ours"
boost = "twice"
rank_by = "max"
weights = [{ benchmark = "exam", weight = "60%" }, { weight = nan, missing = "low" }]
overrides = [{ benchmark = "exam", model = "acme/small", score = 0.5, author = "dana" }]

[[blends]]
name = "theirs"

[[policies]]
name = "a"
models = ["*"]
strategy = "blend"

[[policies]]
name = "b"
models = ["*"]
strategy = { type = "blend" }

[[policies]]
name = "c"
models = ["*"]
strategy = { type = "split", blend = "ours" }"#,
    r#"
[[models]]
id = "acme/small"
tokenizer = "o200k"
pricing = { image = "0.001" }

[[policies]]
name = "support"
models = ["*"]
strategy = { type = "optimal", lambda = -0.5 }
affinity = "organisation"

[[routers]]
name = "helpdesk"
models = ["acme/small"]
scorecards = ["x", "x"]"#,
    // The dial of optimal policies.
    r#"
[[policies]]
name = "a"
models = ["*"]
strategy = { type = "optimal" }

[[policies]]
name = "b"
models = ["*"]
strategy = { type = "optimal", lambda = 1, min_quality = 0.9 }

[[policies]]
name = "c"
models = ["*"]
strategy = { type = "optimal", blend = "ours", min_quality = 2 }

[[policies]]
name = "d"
models = ["*"]
strategy = "optimal"

[[policies]]
name = "e"
models = ["*"]
strategy = { type = "optimal", axis = "cost", lambda = 1 }

[[policies]]
name = "f"
models = ["*"]
strategy = { type = "lowest_cost", lambda = 1 }"#,
    // Providers.
    "[[providers]]",
    r#"
[[providers]]
slug = "Acme Inc"
dialect = "antropic"
base_ulr = "https://api.example.com/v1"
auth = "basic"
zdr = "yes"
data_collection = "deny!"
query = "a=b"
colour = "red""#,
    r#"
[[providers]]
slug = "metrics"
dialect = "opnai"
base_url = "api.example.com/v1"
auth = "header:"
[providers.timeouts]
connect_ms = 0
first_token = "3 seconds"
total_ms = 90000000
inter_chunk_ms = 10
inter_chunk = "1s""#,
    r#"
[[providers]]
slug = "a"
base_url = "https://user:password@example.com/v1"
auth = "header:Host"

[[providers]]
slug = "b"
base_url = "https://example.com/v1?key=1"

[[providers]]
slug = "c"
base_url = "https://example.com/v1/chat/completions"

[[providers]]
slug = "a"
base_url = "https://""#,
    // Dialects, their operations, headers.
    r#"
[[providers]]
slug = "azure"
base_url = "https://{model}.openai.azure.com/openai/deployments/{deployment}"
auth = "header:api-key"
query = "api-version=2026-01-01"
headers = { Api-Key = "hunter2", X-Title = "shop", x-title = "shop", "x y" = "z", Accept = "*/*", x-empty = "", x-number = 7 }

[[providers]]
slug = "braces"
base_url = "https://example.com/deployments/{deployment}"
headers = ["anthropic-beta"]
responses = "yes"

[[providers]]
slug = "anthropic"
dialect = "anthropic"
base_url = "https://api.anthropic.com/v1/messages"
headers = { anthropic-beta = "a\nb", x-api-key = "hunter2", authorization = "Bearer hunter2" }
responses = true

[[providers]]
slug = "gemini"
dialect = "gemini"
base_url = "https://generativelanguage.googleapis.com/v1beta/models"

[[providers]]
slug = "responses"
dialect = "openai_responses"
base_url = "https://api.openai.com/v1/responses"

[[providers]]
slug = "vendor"
dialect = "custom"
base_url = "https://api.vendor.example/v1/chat/completions"
auth = "header:x-vendor-key"
headers = { x-vendor-key = "hunter2" }
responses = true"#,
    // Credentials.
    r#"
[[providers]]
slug = "a"
base_url = "https://example.com/v1"
credentials = [
    { name = "owner", secret_env = "A", owner = "org", user = "dana" },
    { name = "user", secret_env = "A", owner = "user", user = " " },
    { name = "none", secret_env = "A", weight = 0 },
    { name = "many", secret_env = "A", weight = 1001 },
    { name = "text", secret_env = "A", weight = "2" },
    { name = "kind", secret_env = "A", kind = "oauth", token_url = "x" },
    { name = "key", secret_env = "A", token_url = "https://login.example.com/token", scope = "all" },
    { name = "client", kind = "oauth_client_credentials", client = "x" },
    { name = "url", secret_env = "A", kind = "oauth_client_credentials", token_url = "login.example.com", client_id = "x" },
    { name = "id", secret_env = "A", kind = "oauth_client_credentials", token_url = "https://login.example.com/token", client_id = "", scope = "a" },
    { name = "scope", secret_env = "A", kind = "oauth_client_credentials", token_url = "https://login.example.com/token", client_id = "x", scope = "a  b" },
]"#,
    r#"
[[providers]]
slug = "a"
base_url = "https://example.com/v1"
credentials = [
    { name = "none" },
    { name = "two", secret_env = "A", secret_file = "a" },
    { name = "two", secret_env = "sk-not-a-name" },
    { name = "client", secret_env = "A", kind = "oauth_client_credentials", owner = "user", weight = 2 },
    { nmae = "x", env = "A" },
]"#,
    // Models.
    r#"
[[models]]
id = "small"
context_length = "128k"
max_output_tokens = -1
dimensions = 2000000
pricing = { prompt = 0.0000001, completion = "0,0000004", cached_prompt = "-1", cached_read = "0.1", cache_write = 0, reasoning = true }
capability = 30
capabilities = ["tool", "telepathy"]
modalities = { input = ["texts"], outputs = ["text"] }
released = "March 2026"
enabled = "true"
description = "x""#,
    "[[models]]\nid = \"acme/small\"\n\n[[models]]\nid = \"acme/small\"\nname = \"\"\nnative = \" x\"\nreleased = 2026-11-22T10:00:00Z",
    // Rules.
    r#"
[[policies]]
name = "a"
models = ["*"]
rules = { priority = 1 }

[[policies]]
name = "b"
models = ["*"]

[[policies.rules]]
priority = "first"
when = { field = "tag.tier", op = "is", value = "premium" }
use = { policy = "premium", strategy = "split" }

[[policies.rules]]
priority = 2
when = { all = [
    { field = "tag.region", op = "in", value = ["eu"] },
    { field = "header.authorization", op = "exists" },
] }
then = "premium"

[[policies.rules]]
priority = 3
when = { field = "complexity", op = "gt", value = 0.5 }
use = { strategy = { type = "best" } }
"#,
    // Policies.
    r#"
[[policies]]
name = "support"
default = true
strategy = { type = "priority", axis = "cost", model = "acme/large" }

[[policies]]
name = "Support"
default = true
slug = "Sup port"
models = ["*", "acme/small"]
strategy = { type = "single" }

[[policies]]
name = "support"
models = "*"
strategy = "single"

[[policies]]
name = "!"
models = []
strategy = { axis = "cheap" }

[[policies]]
name = "weights"
models = [{ model = "acme/small", weight = 0 }, { model = "acme/large", priority = -1 }, { mdoel = "x" }, 7, "a/b", "a/b"]
strategy = "inteligent"

[[policies]]
name = "mixed"
models = ["*"]
strategy = { type = "blend", blend = "ours" }"#,
    "[[policies]]\nname = \"EU West\"\nmodels = [\"*\"]\n\n[[policies]]\nname = \"eu-west\"\nmodels = [\"*\"]",
    // Routers and keys.
    r#"
[[routers]]
name = "helpdesk"
models = ["*"]
credentials = { acme = "mine", "Acme Inc" = "managed" }

[[routers]]
name = "helpdesk"
models = []

[[keys]]
name = 7
scopes = ["admin"]
allowed_models = ["gpt"]
expires_at = 2027-01-31
routing = { active = 1 }
secret = "short"

[[keys]]
name = "k"
secret = "0123456789abcdef0123456789abcdef""#,
];

const YAML: &[&str] = &[
    "providers: [",
    "providers:\n  - slug: a\n    slug: b",
    "providers:\n\t- slug: a",
    "- a\n- b",
    "just text",
    "a: 1\n---\nb: 2",
    "models: *nowhere",
    "providers:\n  slug: acme",
    "policys: []",
    "projects:",
    r"
providers:
  - slug: acme
    base_ulr: https://api.example.com/v1
    dialect: gemini
    zdr: yes
    allow_anonymous: on
    credentials:
      - name: 7
        secret_env:
models:
  - id: acme/small
    pricing: {prompt: 0.0000001, completion: 4e-7}
    context_length: 128k
    released: 2026-13-01
policies:
  - name: support
    models: [acme/small, {model: acme/large, wieght: 3}]
    strategy: {type: intelligent, axis: speed}
    affinity: true
keys:
  - name: k
    expires_at: tomorrow
    per_user: true",
    "providers:\n  - slug: a\n    base_url: https://a.example/v1?k=1\n    query: 7\n    credentials: [{}]\npolicies:\n  - name: p\n    strategy: single\nrouters:\n  - name: r",
    r"
policies:
  - name: desk
    models: ['*']
    rules:
      - priority: 10
        when:
          any:
            - { field: tag.tier, op: eq, value: premium }
            - { field: colour, op: eq, value: red }
        use: { policy: }
      - when: { not: [] }
        use: premium
",
    "{\"projects\": [{\"name\": \"a\"}, {\"nam\": \"b\"}]}",
];
