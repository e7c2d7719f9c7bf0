//! Checks providers and models: URLs that can be called, figures within their ranges.

use std::net::IpAddr;

use domain::{AuthScheme, Model, Money, ObjectKind, Provider, outgoing};
use http::Uri;

use super::{Findings, Proposed, Subject};

/// A price per token above this was probably meant per million tokens.
const DEAR: Money = Money::from_pico(10_000_000_000);

pub(super) fn check(proposed: &Proposed<'_>, findings: &mut Findings) {
    let tenant = proposed.tenant;
    for provider in proposed.reach.ids(ObjectKind::Provider).filter_map(|id| tenant.providers.get(id)) {
        check_provider(provider, &mut findings.about(ObjectKind::Provider, &provider.slug, &provider.slug));
    }
    for model in proposed.reach.ids(ObjectKind::Model).filter_map(|id| tenant.models.get(id)) {
        let mut subject = findings.about(ObjectKind::Model, &model.id, &model.id);
        if tenant.provider_of(&model.id).is_none() {
            let slug = model.id.provider();
            subject.fault("id", format!("there is no provider `{slug}`: add it, or remove this model first"));
        }
        check_model(model, &mut subject);
    }
}

fn check_provider(provider: &Provider, subject: &mut Subject<'_>) {
    match parse_base_url(&provider.base_url) {
        Err(message) => subject.fault("base_url", message),
        Ok(uri) => check_target(provider, &uri, subject),
    }
    if let Some(fault) = outgoing::base_url_fault(provider.dialect, &provider.base_url) {
        subject.fault("base_url", fault);
    }
    for (field, fault) in outgoing::header_faults(provider) {
        subject.fault(field, fault);
    }
    if let Some(fault) = outgoing::responses_fault(provider.dialect, provider.responses) {
        subject.fault("responses", fault);
    }
    let named = match &provider.auth {
        AuthScheme::Bearer => None,
        AuthScheme::Header(name) => {
            let fine = http::HeaderName::from_bytes(name.as_bytes()).is_ok_and(|header| header.as_str() == name);
            (!fine).then(|| format!("`{name}` is not a header name: expected lower-case letters, digits and `-`"))
        }
        AuthScheme::Query(name) => (name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()))
            .then(|| format!("`{name}` is not the name of a query parameter")),
    };
    if let Some(message) = named {
        subject.fault("auth", message);
    }
    let waits = &provider.timeouts;
    for (field, wait) in [
        ("connect_ms", waits.connect_ms),
        ("response_header_ms", waits.response_header_ms),
        ("first_token_ms", waits.first_token_ms),
        ("inter_chunk_ms", waits.inter_chunk_ms),
        ("total_ms", waits.total_ms),
    ] {
        if wait.is_some_and(|wait| !(1..=86_400_000).contains(&wait)) {
            subject.fault(format!("timeouts.{field}"), "expected 1 to 86400000 milliseconds (a day)");
        }
    }
}

fn check_target(provider: &Provider, uri: &Uri, subject: &mut Subject<'_>) {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let private = is_private(host);
    if private && !provider.allow_private_network {
        let message = format!("{host} is a private address, which is refused when called: set allow_private_network");
        subject.warn("base_url", message);
    }
    if !private && uri.scheme_str() == Some("http") && !provider.allow_anonymous {
        subject.warn("base_url", "the secret travels unencrypted: use https");
    }
}

fn parse_base_url(text: &str) -> Result<Uri, String> {
    let expected = |why: &str| format!("`{text}` {why}: expected something like https://api.example.com/v1");
    // The model's name comes at the call; whatever it is, it is a part of the path.
    let uri: Uri = text.replace(outgoing::MODEL_PLACEHOLDER, "model").parse().map_err(|_| expected("is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(expected("does not start with http:// or https://"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(expected("names no host"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a base_url holds no user or password: put the secret under `credentials`".to_owned());
    }
    if uri.query().is_some() || text.contains('#') {
        return Err(expected("has a query or fragment (put parameters under `query`)"));
    }
    Ok(uri)
}

fn is_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn check_model(model: &Model, subject: &mut Subject<'_>) {
    if model.native.is_empty() || model.native.chars().any(char::is_control) {
        subject.fault("native", "expected the name that the provider gives the model");
    }
    if let Some(capability) = model.capability.filter(|it| !(0.0..=1.0).contains(it)) {
        subject.fault("capability", format!("{capability} is out of range: expected 0 to 1"));
    }
    for (field, tokens) in [("context_length", model.context_length), ("max_output_tokens", model.max_output_tokens)] {
        if tokens == Some(0) {
            subject.fault(field, "0 tokens: leave it out when it is not known");
        }
    }
    if model.dimensions == Some(0) {
        subject.fault("dimensions", "an embedding of length 0: leave it out when it is not known");
    }
    let pricing = &model.pricing;
    for (field, price) in [
        ("prompt", pricing.prompt),
        ("completion", pricing.completion),
        ("cached_prompt", pricing.cached_prompt),
        ("cache_write", pricing.cache_write),
        ("reasoning", pricing.reasoning),
    ] {
        let Some(price) = price else { continue };
        if price < Money::ZERO {
            subject
                .fault(format!("pricing.{field}"), format!("{price} is negative: leave it out when it is not known"));
        } else if price > DEAR {
            let million = price.checked_times(1_000_000).unwrap_or(price);
            let message = format!("{price} USD a token is {million} USD a million: was it meant a million?");
            subject.warn(format!("pricing.{field}"), message);
        }
    }
    if let Some(released) = model.released.as_deref().filter(|it| !is_date(it)) {
        subject.fault("released", format!("`{released}` is not a date: expected YYYY-MM-DD"));
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && domain::Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some()
}
