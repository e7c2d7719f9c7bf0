//! `[[providers]]`: who serves models, how they are called, and their secrets.

use std::collections::BTreeMap;

use domain::catalogue::{AuthScheme, DialectKind, Owner, Timeouts};
use domain::desired::{CredentialSpec, ProviderSpec};

use super::{child, refuse_twins, text_of};
use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::{Value, joined};
use crate::readers::{boolean, choice, count, items, list, name, object, provider_slug, text};
use crate::secrets::{self, Found};

/// The longest wait that may be configured.
const MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) fn provider(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ProviderSpec> {
    let slug = fields.require("slug", ("\"acme\"", ", the prefix of its models"), context, provider_slug);
    let dialect = fields.take("dialect").map_or(Some(DialectKind::Openai), |item| dialect(&item, context));
    let hint = ("\"https://api.example.com/v1\"", ", to which /chat/completions is appended");
    let url = fields.require("base_url", hint, context, base_url);
    let auth = fields.take("auth").map_or(Some(AuthScheme::Bearer), |item| auth(&item, context));
    let timeouts =
        fields.take("timeouts").map_or(Some(Timeouts::default()), |item| object(&item, context, &[], timeouts));
    let spec = ProviderSpec {
        allow_anonymous: fields.read("allow_anonymous", context, boolean).unwrap_or(false),
        allow_private_network: fields.read("allow_private_network", context, boolean).unwrap_or(false),
        zero_data_retention: fields.read("zdr", context, boolean),
        collects_data: fields.read("data_collection", context, |item, context| {
            choice(item, context, &[("allow", true), ("deny", false)])
        }),
        query: fields.read("query", context, query).unwrap_or_default(),
        credentials: fields.read("credentials", context, credentials),
        slug: slug?,
        dialect: dialect?,
        base_url: url?,
        auth: auth?,
        timeouts: timeouts?,
    };
    Some(spec)
}

fn dialect(item: &Item<'_>, context: &mut Context<'_>) -> Option<DialectKind> {
    if let Value::Text(text) = &item.node.value
        && ["anthropic", "gemini", "custom"].contains(&text.as_str())
    {
        let message = format!(
            "the dialect `{text}` is not supported by this version: write \"openai\" and the vendor's OpenAI-compatible base_url"
        );
        return item.fault(context, message);
    }
    choice(item, context, &[("openai", DialectKind::Openai)])
}

fn base_url(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let url = text(item, context)?;
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return item.fault(context, "is not a web address: start it with https:// or http://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let problem = if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has a space or a character outside ASCII: encode it, or take it out"
    } else if host.is_empty() || host.starts_with(':') {
        "has no host: write it as https://api.example.com/v1"
    } else if host.contains('@') {
        "holds a user or password: take it out and use credentials"
    } else if url.contains('?') {
        let query = context.pair("query", &format!("{{ {} }}", context.pair("name", "\"value\"")));
        return item.fault(context, format!("has a query: take it out and write {query}"));
    } else if url.contains('#') {
        "has a fragment (#…): take it out"
    } else if url.trim_end_matches('/').ends_with("/chat/completions") {
        "ends in /chat/completions, which is appended to it: take that off"
    } else {
        return Some(url);
    };
    item.fault(context, problem)
}

/// Values are not echoed: people put the secret itself here.
fn auth(item: &Item<'_>, context: &mut Context<'_>) -> Option<AuthScheme> {
    const FORMS: &str = "write \"bearer\", \"header:NAME\" or \"query:NAME\"";
    /// Headers that the gateway writes itself.
    const TAKEN: [&str; 7] =
        ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te"];
    let scheme = text(item, context)?;
    let (form, argument) = scheme.split_once(':').unwrap_or((&scheme, ""));
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match (form, argument) {
        ("bearer", "") if !scheme.contains(':') => Some(AuthScheme::Bearer),
        ("header", header) if !header.is_empty() && header.bytes().all(token) => {
            let header = header.to_ascii_lowercase();
            if TAKEN.contains(&header.as_str()) {
                return item.fault(context, format!("the header `{header}` is the gateway's own: name another"));
            }
            Some(AuthScheme::Header(header))
        }
        ("query", parameter) if !parameter.is_empty() && parameter.bytes().all(token) => {
            Some(AuthScheme::Query(parameter.to_owned()))
        }
        ("header" | "query", _) => item.fault(context, format!("has no usable name after `{form}:`; {FORMS}")),
        _ => item.fault(context, format!("is not a way to send a secret: {FORMS}")),
    }
}

fn query(item: &Item<'_>, context: &mut Context<'_>) -> Option<BTreeMap<String, String>> {
    let Value::Table(entries) = &item.node.value else {
        let expected = format!("a table such as {{ {} }}", context.pair("api-version", "\"2026-01-01\""));
        return item.wrong_kind(context, &expected);
    };
    let mut query = BTreeMap::new();
    for entry in entries {
        let value = Item { path: joined(&item.path, &entry.key), node: &entry.node };
        if let Some(value) = text(&value, context) {
            query.insert(entry.key.clone(), value);
        }
    }
    Some(query)
}

// === Timeouts ===

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn timeouts(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Timeouts> {
    let timeouts = Timeouts {
        connect_ms: wait(fields, context, "connect_ms", "connect"),
        response_header_ms: wait(fields, context, "response_header_ms", "response_header"),
        first_token_ms: wait(fields, context, "first_token_ms", "first_token"),
        inter_chunk_ms: wait(fields, context, "inter_chunk_ms", "inter_chunk"),
        total_ms: wait(fields, context, "total_ms", "total"),
    };
    Some(timeouts)
}

fn wait(
    fields: &mut Fields<'_>,
    context: &mut Context<'_>,
    in_millis: &'static str,
    in_words: &'static str,
) -> Option<u64> {
    let (millis, words) = (fields.take(in_millis), fields.take(in_words));
    let (item, millis) = match (millis, words) {
        (None, None) => return None,
        (Some(_), Some(item)) => {
            return item.fault(context, format!("`{in_millis}` and `{in_words}` are both given: keep one"));
        }
        (Some(item), None) => {
            let millis = count(&item, context)?;
            (item, millis)
        }
        (None, Some(item)) => {
            let millis = duration(&item, context)?;
            (item, millis)
        }
    };
    if millis > MAX_WAIT_MS {
        return item.fault(context, "is longer than a day: write a shorter wait");
    }
    Some(millis)
}

/// `500ms`, `3s`, `15m`, `1h` in milliseconds.
fn duration(item: &Item<'_>, context: &mut Context<'_>) -> Option<u64> {
    const FORM: &str = "a duration such as \"500ms\", \"3s\" or \"15m\"";
    let Value::Text(words) = &item.node.value else {
        return item.wrong_kind(context, FORM);
    };
    let unit_at = words.find(|character: char| !character.is_ascii_digit()).unwrap_or(words.len());
    let (number, unit) = words.split_at(unit_at);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis = number.parse().ok().zip(unit).and_then(|(number, unit): (u64, u64)| number.checked_mul(unit));
    match millis.filter(|millis| *millis > 0) {
        Some(millis) => Some(millis),
        None => item.fault(context, format!("is not a wait: write {FORM}")),
    }
}

// === Credentials ===

const OWNERS: [(&str, Owner); 3] = [("managed", Owner::Managed), ("org", Owner::Org), ("user", Owner::User)];

fn credentials(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<CredentialSpec>> {
    let tables = items(item, context)?;
    refuse_twins(tables.iter().filter_map(|table| child(table, "name")), text_of, context);
    list(item, context, |item, context| object(item, context, &[], credential))
}

pub(crate) fn credential(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<CredentialSpec> {
    let title = fields.require("name", ("\"main\"", ", unique within the provider"), context, name);
    fields.read("kind", context, |item, context| {
        only(item, context, "api_key", &["oauth_client_credentials"]);
        Some(())
    });
    let owner = fields.read("owner", context, |item, context| choice(item, context, &OWNERS)).unwrap_or_default();
    if let Some(item) = fields.peek("weight") {
        let message = "is not supported by this version, which shares the calls evenly: take it out";
        item.fault::<()>(context, message);
        fields.forgive("weight");
    }
    let secret = match secrets::read(fields, context) {
        Found::Secret(secret, _) => Some(secret),
        Found::Faulty => None,
        Found::Absent => {
            let pair = context.pair("secret_env", "\"ACME_KEY\"");
            let message =
                format!("has no secret: write {pair} and put the secret into that variable, or use secret_file");
            fields.miss("secret_env", message)
        }
    };
    Some(CredentialSpec { name: title?, owner, secret: secret? })
}

/// Accepts one word; `later` are words of features to come.
fn only(item: &Item<'_>, context: &mut Context<'_>, word: &str, later: &[&str]) {
    if let Value::Text(text) = &item.node.value
        && later.contains(&text.as_str())
    {
        let message = format!("`{text}` is not supported by this version: write \"{word}\", or leave it out");
        item.fault::<()>(context, message);
        return;
    }
    choice(item, context, &[(word, ())]);
}
