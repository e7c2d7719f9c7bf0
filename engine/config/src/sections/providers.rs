//! `[[providers]]`: who serves models and how they are called. Their secrets are read in `credentials`.

use std::collections::BTreeMap;

use domain::catalogue::{AuthScheme, DialectKind, Timeouts};
use domain::desired::ProviderSpec;
use domain::outgoing;

use super::{credentials, timeouts};
use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::{Entry, Value, joined};
use crate::readers::{boolean, choice, object, provider_slug, text};

pub(crate) fn provider(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ProviderSpec> {
    let slug = fields.require("slug", ("\"acme\"", ", the prefix of its models"), context, provider_slug);
    let dialect = fields.take("dialect").map_or(Some(DialectKind::Openai), |item| dialect(&item, context));
    // What depends on a dialect that is not known is not held against the file.
    let spoken = dialect.unwrap_or(DialectKind::Custom);
    let hint = ("\"https://api.example.com/v1\"", ", to which the operation is appended");
    let url = fields.require("base_url", hint, context, base_url).filter(|url| fits(spoken, url, fields, context));
    let auth = fields.take("auth").map_or_else(|| Some(spoken.default_auth()), |item| auth(&item, context));
    let timeouts = fields
        .take("timeouts")
        .map_or(Some(Timeouts::default()), |item| object(&item, context, &[], timeouts::timeouts));
    let headers = fields.take("headers").and_then(|item| headers(&item, auth.as_ref(), context));
    let responses = fields.take("responses").and_then(|item| responses(&item, dialect, context));
    let spec = ProviderSpec {
        allow_anonymous: fields.read("allow_anonymous", context, boolean).unwrap_or(false),
        allow_private_network: fields.read("allow_private_network", context, boolean).unwrap_or(false),
        zero_data_retention: fields.read("zdr", context, boolean),
        collects_data: fields.read("data_collection", context, |item, context| {
            choice(item, context, &[("allow", true), ("deny", false)])
        }),
        query: fields.read("query", context, query).unwrap_or_default(),
        headers: headers.unwrap_or_default(),
        credentials: fields.read("credentials", context, credentials::credentials),
        responses: responses.unwrap_or_else(|| outgoing::speaks_responses(spoken, url.as_deref().unwrap_or_default())),
        slug: slug?,
        dialect: dialect?,
        base_url: url?,
        auth: auth?,
        timeouts: timeouts?,
    };
    Some(spec)
}

fn dialect(item: &Item<'_>, context: &mut Context<'_>) -> Option<DialectKind> {
    choice(item, context, &DialectKind::ALL.map(|dialect| (dialect.as_str(), dialect)))
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
    } else {
        return Some(url);
    };
    item.fault(context, problem)
}

/// Whether a base URL is one of its dialect.
fn fits(dialect: DialectKind, url: &str, fields: &Fields<'_>, context: &mut Context<'_>) -> bool {
    let fault = outgoing::base_url_fault(dialect, url);
    if let (Some(fault), Some(item)) = (&fault, fields.peek("base_url")) {
        item.fault::<()>(context, fault);
    }
    fault.is_none()
}

/// Values are not echoed: people put the secret itself here.
fn auth(item: &Item<'_>, context: &mut Context<'_>) -> Option<AuthScheme> {
    const FORMS: &str = "write \"bearer\", \"header:NAME\" or \"query:NAME\"";
    let scheme = text(item, context)?;
    let (form, argument) = scheme.split_once(':').unwrap_or((&scheme, ""));
    match (form, argument) {
        ("bearer", "") if !scheme.contains(':') => Some(AuthScheme::Bearer),
        ("header", header) if outgoing::is_token(header) => {
            let header = header.to_ascii_lowercase();
            if outgoing::is_own_header(&header) {
                return item.fault(context, format!("the header `{header}` is the gateway's own: name another"));
            }
            Some(AuthScheme::Header(header))
        }
        ("query", parameter) if outgoing::is_token(parameter) => Some(AuthScheme::Query(parameter.to_owned())),
        ("header" | "query", _) => item.fault(context, format!("has no usable name after `{form}:`; {FORMS}")),
        _ => item.fault(context, format!("is not a way to send a secret: {FORMS}")),
    }
}

/// Headers sent with every call. Values are not echoed.
fn headers(item: &Item<'_>, auth: Option<&AuthScheme>, context: &mut Context<'_>) -> Option<BTreeMap<String, String>> {
    let entries = pairs(item, "anthropic-beta", "\"tools-2026-01-01\"", context)?;
    let auth = auth.cloned().unwrap_or_default();
    let mut headers = BTreeMap::new();
    for entry in entries {
        let header = Item { path: joined(&item.path, &entry.key), node: &entry.node };
        let Some(value) = text(&header, context) else { continue };
        let name = entry.key.to_ascii_lowercase();
        if let Some(fault) = outgoing::header_fault(&name, &value, &auth) {
            context.fault(&header.path, entry.spot, fault);
        } else if headers.insert(name, value).is_some() {
            context.fault(&header.path, entry.spot, "is given twice: upper and lower case are one header");
        }
    }
    Some(headers)
}

fn responses(item: &Item<'_>, dialect: Option<DialectKind>, context: &mut Context<'_>) -> Option<bool> {
    let responses = boolean(item, context)?;
    match dialect.and_then(|dialect| outgoing::responses_fault(dialect, responses)) {
        Some(fault) => item.fault(context, fault),
        None => Some(responses),
    }
}

fn query(item: &Item<'_>, context: &mut Context<'_>) -> Option<BTreeMap<String, String>> {
    let mut query = BTreeMap::new();
    for entry in pairs(item, "api-version", "\"2026-01-01\"", context)? {
        let value = Item { path: joined(&item.path, &entry.key), node: &entry.node };
        if let Some(value) = text(&value, context) {
            query.insert(entry.key.clone(), value);
        }
    }
    Some(query)
}

/// The entries of a table whose keys are not known beforehand.
fn pairs<'a>(item: &Item<'a>, key: &str, value: &str, context: &mut Context<'_>) -> Option<&'a [Entry]> {
    if let Value::Table(entries) = &item.node.value {
        return Some(entries);
    }
    let expected = format!("a table such as {{ {} }}", context.pair(key, value));
    item.wrong_kind(context, &expected)
}
