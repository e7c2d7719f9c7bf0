//! When the demo provider runs: asked for, or nobody else could answer, or somebody names its models.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use domain::desired::Desired;
use domain::{Candidates, ModelId, OrganisationId, Strategy, Tenant};
use providers::demo::{self, DemoServer};
use registry::Registry;
use tokio::net::TcpListener;

use crate::cli::UpArgs;

const SLUG: &str = "demo";

/// The demo provider, if it runs.
pub(crate) struct Demo(Option<DemoServer>);

impl Demo {
    /// Starts the demo provider if it is wanted, and makes its models candidates; else takes them out.
    pub(crate) async fn start(
        args: &UpArgs,
        registry: &Registry,
        organisation: &OrganisationId,
    ) -> anyhow::Result<Self> {
        let tenant = registry.tenant(organisation).context("the organisation is gone")?;
        if is_wanted(args, &tenant) {
            let server = serve(&tenant).await?;
            let provider = demo::provider(server.base_url());
            let desired = Desired { providers: vec![provider], models: demo::models(), ..Desired::default() };
            registry
                .apply(organisation, &desired, false, registry::Terms::operator())
                .await
                .context("the demo provider cannot be configured")?;
            return Ok(Self(Some(server)));
        }
        if tenant.providers.contains_key(SLUG) {
            retire(registry, organisation).await;
        }
        Ok(Self(None))
    }

    /// Ends the demo provider if the configuration that has come since leaves it without a purpose.
    pub(crate) async fn reconsider(
        self,
        args: &UpArgs,
        registry: &Registry,
        organisation: &OrganisationId,
    ) -> anyhow::Result<Self> {
        let tenant = registry.tenant(organisation).context("the organisation is gone")?;
        if self.0.is_none() || is_wanted(args, &tenant) {
            return Ok(self);
        }
        retire(registry, organisation).await;
        Ok(Self(None))
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.0.is_some()
    }
}

fn is_wanted(args: &UpArgs, tenant: &Tenant) -> bool {
    args.demo || (!args.no_demo && (!someone_else_answers(tenant) || is_named(tenant)))
}

fn someone_else_answers(tenant: &Tenant) -> bool {
    tenant.models.values().any(|model| model.id.provider() != SLUG && tenant.is_callable(model))
}

/// Whether a policy or router names a demo model: then it was meant, and goes on working.
fn is_named(tenant: &Tenant) -> bool {
    let is_demo = |model: &ModelId| model.provider() == SLUG;
    let policies = tenant.policies.values().any(|policy| {
        let listed = match &policy.candidates {
            Candidates::All => false,
            Candidates::Listed(listed) => listed.iter().any(|candidate| is_demo(&candidate.model)),
        };
        listed || matches!(&policy.strategy, Strategy::Single { model } if is_demo(model))
    });
    policies || tenant.routers.values().any(|router| router.models.iter().any(is_demo))
}

/// Takes the demo's models out of the candidates. Where a policy or router needs them they stay, and fail when they are
/// called: a start is not the moment to refuse what was accepted.
async fn retire(registry: &Registry, organisation: &OrganisationId) {
    let mut models = demo::models();
    for model in &mut models {
        model.enabled = false;
    }
    let desired = Desired { models, ..Desired::default() };
    if let Err(fault) = registry.apply(organisation, &desired, false, registry::Terms::operator()).await {
        tracing::warn!(%fault, "the demo provider does not run, but its models are still configured");
    }
}

/// Listens where it did last time if it can, so that a restart changes no configuration.
async fn serve(tenant: &Tenant) -> anyhow::Result<DemoServer> {
    let last = tenant.providers.get(SLUG).and_then(|provider| port_of(&provider.base_url));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let preferred = SocketAddr::from((Ipv4Addr::LOCALHOST, last.unwrap_or(0)));
    let listener = match TcpListener::bind(preferred).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(any).await.context("the demo provider cannot listen on loopback")?,
    };
    DemoServer::serve(listener).context("the demo provider cannot be served")
}

fn port_of(base_url: &str) -> Option<u16> {
    base_url.parse::<http::Uri>().ok()?.port_u16()
}
