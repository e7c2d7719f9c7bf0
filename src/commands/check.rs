//! `signalbox providers check`: asks a provider's model through the running gateway and says what really works.
//!
//! Real requests that cost what they cost. What the catalogue says of the model is held against what is seen: a
//! capability that is declared and fails would be found out by a caller otherwise.

mod probes;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use domain::{Model, Object, ObjectKind, ProviderSlug, SecretText, Timestamp};
use proto::pb::admin::v1 as pb;
use providers::{Pass, ProviderClient, Waits, tls_config};
use seal::Secret;
use serde::Serialize;

use crate::cli::CheckProviderArgs;
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, told};
use probes::{PROBES, Probe};

/// A key that a killed check leaves behind ends by itself.
const KEY_LIFE: Duration = Duration::from_mins(10);

/// What became of one capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It works.
    Works,
    /// It does not, or not as callers expect.
    Fails,
    /// The catalogue does not say that the model can do it, so it was not asked.
    NotDeclared,
}

#[derive(Debug, Serialize)]
struct Finding {
    capability: &'static str,
    verdict: Verdict,
    /// What was seen, in words.
    seen: String,
    millis: Option<u64>,
}

/// Runs every probe and prints a verdict for each.
pub(crate) async fn run(args: CheckProviderArgs) -> anyhow::Result<Exit> {
    let mut server = ServerLink::connect(&args.server).await?;
    let slug = ProviderSlug::parse(&args.provider).map_err(|fault| UsageError(fault.to_string()))?;
    let model = model(&mut server, &slug, args.model.as_deref()).await?;
    let caller = Caller::new(&args, &mut server, &model).await?;
    let mut findings = Vec::new();
    if let Err(fault) = caller.greet().await {
        caller.leave(&mut server).await?;
        bail!("no gateway answers at {}: say where it listens with --gateway ({fault})", args.gateway);
    }
    for probe in PROBES {
        findings.push(caller.find(probe, &model).await);
    }
    caller.leave(&mut server).await?;
    report(&model, &findings, args.json)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fails);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The model to ask: the one that is named, else the provider's first that is enabled.
async fn model(server: &mut ServerLink, slug: &ProviderSlug, named: Option<&str>) -> anyhow::Result<Model> {
    server.get(ObjectKind::Provider, slug.as_str()).await?;
    let models = server.list(ObjectKind::Model).await?;
    let of_provider = models.into_iter().filter_map(|object| match object {
        Object::Model(model) if model.id.provider() == slug.as_str() => Some(model),
        _ => None,
    });
    let fits = |model: &Model| match named {
        Some(name) => model.id.as_str() == name || model.id.native() == name,
        None => model.enabled,
    };
    let found = of_provider.into_iter().find(|model| fits(model)).map(|model| Model::clone(&model));
    found.with_context(|| match named {
        Some(name) => format!("provider `{slug}` has no model `{name}`: `signalbox models list` shows them"),
        None => format!("provider `{slug}` has no enabled model to ask: add one, or name one with --model"),
    })
}

/// Asks the gateway as an application would.
struct Caller {
    client: ProviderClient,
    gateway: std::sync::Arc<domain::Provider>,
    key: Secret,
    /// Made for this check, to be revoked after it.
    own_key: Option<String>,
}

impl Caller {
    async fn new(args: &CheckProviderArgs, server: &mut ServerLink, model: &Model) -> anyhow::Result<Self> {
        // Before a key is made, which a file that cannot be read would leave behind.
        let trusted = tls_config(args.trust.roots(), args.trust.extra_ca.as_deref())?;
        let gateway = std::sync::Arc::new(gateway(&args.gateway)?);
        let (key, own_key) = if let Some(key) = &args.api_key {
            (SecretText::new(key.clone()), None)
        } else {
            let created = server.create_key(key_for(model)).await?;
            (created.key, Some(created.id))
        };
        let client = ProviderClient::new(trusted);
        let key = Secret::new(key.expose().as_bytes().to_vec());
        Ok(Self { client, gateway, key, own_key })
    }

    /// Whether anybody is there at all: otherwise every capability would seem to fail.
    async fn greet(&self) -> Result<(), providers::Fault> {
        let pass = Pass {
            provider: &self.gateway,
            method: &http::Method::GET,
            path: "/models",
            model: "",
            headers: &http::HeaderMap::new(),
            body: &bytes::Bytes::new(),
            secret: Some(&self.key),
            waits: Waits::default(),
        };
        self.client.pass(pass).await.map(drop)
    }

    async fn find(&self, probe: &Probe, model: &Model) -> Finding {
        let capability = probe.capability;
        if !probe.ability.is_none_or(|ability| model.can(ability)) || !probe.fits(model) {
            let seen = "the catalogue does not list it for this model".to_owned();
            return Finding { capability, verdict: Verdict::NotDeclared, seen, millis: None };
        }
        let began = Instant::now();
        let seen = match self.ask(probe, model).await {
            Ok((status, body)) => (probe.judge)(status, &body),
            Err(fault) => Err(format!("{fault:#}")),
        };
        let millis = u64::try_from(began.elapsed().as_millis()).ok();
        let (verdict, seen) = match seen {
            Ok(seen) => (Verdict::Works, seen),
            Err(seen) => (Verdict::Fails, seen),
        };
        Finding { capability, verdict, seen, millis }
    }

    async fn ask(&self, probe: &Probe, model: &Model) -> anyhow::Result<(u16, String)> {
        let body = (probe.body)(model.id.as_str()).to_string().into();
        let headers = http::HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
        let waits = Waits::default();
        let pass = Pass {
            provider: &self.gateway,
            method: &http::Method::POST,
            path: probe.path,
            model: "",
            headers: &headers,
            body: &body,
            secret: Some(&self.key),
            waits,
        };
        let answer = self.client.pass(pass).await?;
        let status = answer.status.as_u16();
        let body = answer.collect(16 << 20, waits.total).await?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn leave(self, server: &mut ServerLink) -> anyhow::Result<()> {
        if let Some(name) = self.own_key {
            let request = pb::ActRequest { name, ..pb::ActRequest::default() };
            server.objects().revoke_key(request).await.map_err(told)?;
        }
        Ok(())
    }
}

fn key_for(model: &Model) -> pb::CreateKeyRequest {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros()).unwrap_or(i64::MAX);
    let end = Timestamp(now.saturating_add(i64::try_from(KEY_LIFE.as_micros()).unwrap_or_default()));
    pb::CreateKeyRequest {
        name: format!("check of {} at {now}", model.id),
        scopes: vec![proto::pb::object::v1::Scope::from(domain::Scope::Routing).into()],
        allowed_models: vec![model.id.to_string()],
        expires_at_micros: Some(end.unix_micros()),
        ..pb::CreateKeyRequest::default()
    }
}

fn gateway(address: &str) -> anyhow::Result<domain::Provider> {
    if !address.starts_with("http://") && !address.starts_with("https://") {
        bail!(UsageError(format!("--gateway: `{address}` is no web address such as http://127.0.0.1:8080")));
    }
    Ok(serde_json::from_value(serde_json::json!({
        "slug": "gateway",
        "organisation": domain::OrganisationId::from_random([0; 20]),
        "dialect": "openai",
        "base_url": format!("{}/v1", address.trim_end_matches('/')),
        "allow_private_network": true,
    }))?)
}

fn report(model: &Model, findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&serde_json::json!({ "model": model.id, "findings": findings }));
    }
    output::line(format!("{} through the gateway:", model.id))?;
    let rows = findings.iter().map(|finding| {
        let verdict = match finding.verdict {
            Verdict::Works => "works",
            Verdict::Fails => "FAILS",
            Verdict::NotDeclared => "not declared",
        };
        let millis = output::or_dash(finding.millis.map(|millis| format!("{millis} ms")));
        [finding.capability.to_owned(), verdict.to_owned(), millis, finding.seen.clone()]
    });
    output::table(["CAPABILITY", "VERDICT", "TOOK", "SEEN"], rows.collect(), "nothing was asked")
}
