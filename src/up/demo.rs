//! When the demo provider runs: asked for, or nobody else could answer.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use domain::desired::Desired;
use domain::{OrganisationId, Tenant};
use providers::demo::{self, DemoServer};
use registry::Registry;
use tokio::net::TcpListener;

use crate::cli::UpArgs;

const SLUG: &str = "demo";

/// The running demo provider.
pub(crate) struct Demo {
    _server: DemoServer,
}

impl Demo {
    /// Starts the demo provider if it is wanted, and makes its models candidates; else takes them out.
    pub(crate) async fn start(
        args: &UpArgs,
        registry: &Registry,
        organisation: &OrganisationId,
    ) -> anyhow::Result<Option<Self>> {
        let tenant = registry.tenant(organisation).context("the organisation is gone")?;
        let wanted = args.demo || (!args.no_demo && !someone_else_answers(&tenant));
        let server = if wanted { Some(serve(&tenant).await?) } else { None };
        let known = tenant.providers.contains_key(SLUG);
        if let Some(desired) = desired(server.as_ref(), known) {
            registry.apply(organisation, &desired, false).await.context("the demo provider cannot be configured")?;
        }
        Ok(server.map(|server| Self { _server: server }))
    }
}

fn someone_else_answers(tenant: &Tenant) -> bool {
    tenant.models.values().any(|model| model.id.provider() != SLUG && tenant.is_callable(model))
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

fn desired(server: Option<&DemoServer>, known: bool) -> Option<Desired> {
    let mut models = demo::models();
    match server {
        Some(server) => {
            Some(Desired { providers: vec![demo::provider(server.base_url())], models, ..Desired::default() })
        }
        None if known => {
            for model in &mut models {
                model.enabled = false;
            }
            Some(Desired { models, ..Desired::default() })
        }
        None => None,
    }
}
