//! Which services stand on which listener, and how an engine starts and stops.
//!
//! | listener | services |
//! | --- | --- |
//! | TCP, loopback only | Routing, Snapshot, health, reflection; admin.v1 and Scorers for keys of scope platform |
//! | Unix socket | everything; the file's permissions are the credential |
//! | in memory | everything but Scorers and admin.v1, of which it has Records: the gateway and console of this process |

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use proto::channel::{InMemoryListener, server};
use proto::pb::admin::v1::admin_server::AdminServer;
use proto::pb::admin::v1::records_server::RecordsServer;
use proto::pb::routing::v1::routing_server::RoutingServer;
use proto::pb::scorer::v1::scorers_server::ScorersServer;
use proto::pb::snapshot::v1::snapshot_server::SnapshotServer;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, Routes, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::server::HealthReporter;
use tracing::{info, warn};

use crate::EngineError;
use crate::admin::{AdminService, objects};
use crate::auth::{PlatformKey, Trusted};
use crate::records::RecordsService;
use crate::routing::RoutingService;
use crate::scorers::service::ScorersService;
use crate::shared::Shared;
use crate::snapshot::SnapshotService;

/// What a request to Routing may weigh: a few KiB of text, or a batch of them.
const ROUTING_BYTES: usize = 4 << 20;
/// What a request to Snapshot may weigh: two numbers.
const SNAPSHOT_BYTES: usize = 4 << 10;
/// What a request to Admin may weigh: a whole price catalogue.
const ADMIN_BYTES: usize = 16 << 20;
/// What one message to Scorers may weigh: a chunk of a file.
const SCORERS_BYTES: usize = 2 << 20;
/// How long any call but a stream may take.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// Where an engine is reached. All may be given; port 0 is as good as any.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Loopback only.
    pub tcp: Option<TcpListener>,
    /// In a folder that only the operator may enter.
    pub unix: Option<UnixListener>,
    /// For the other roles of this process.
    pub memory: Option<InMemoryListener>,
}

/// Listens on a Unix socket that only the owner may use. A socket left behind by a dead engine is replaced.
///
/// # Errors
/// Another engine listens there, or the file cannot be made. Must be called within a tokio runtime.
pub fn bind_unix(path: &Path) -> Result<UnixListener, EngineError> {
    let failed = |source| EngineError::Bind { path: path.to_owned(), source };
    if UnixStream::connect(path).is_ok() {
        return Err(EngineError::InUse { path: path.to_owned() });
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// What the callers of a listener may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Routing and Snapshot for all, the rest for those with a platform key.
    Network,
    /// Everything.
    Operator,
    /// Everything but Scorers and what of admin.v1 is not Records.
    Process,
}

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), EngineError> {
    let Listeners { tcp, unix, memory } = listeners;
    let (health, health_service) = tonic_health::server::health_reporter();
    set_health(&health, true).await;
    let build = |access| -> Result<_, EngineError> {
        let mut routes = routes(shared, access)?;
        routes.add_service(health_service.clone());
        Ok(transport().add_routes(routes.routes()))
    };
    let mut servers = JoinSet::new();
    if let Some(listener) = tcp {
        let address = listener.local_addr().map_err(|source| EngineError::Bind { path: "tcp".into(), source })?;
        if !address.ip().is_loopback() {
            return Err(EngineError::NotLoopback(address));
        }
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let served = build(Access::Network)?.serve_with_incoming_shutdown(incoming, shared.stopped());
        servers.spawn(async move { ("TCP", served.await) });
        info!(%address, "engine listens");
    }
    if let Some(listener) = unix {
        let incoming = UnixListenerStream::new(listener);
        let served = build(Access::Operator)?.serve_with_incoming_shutdown(incoming, shared.stopped());
        servers.spawn(async move { ("Unix socket", served.await) });
    }
    if let Some(listener) = memory {
        let served = build(Access::Process)?.serve_with_incoming_shutdown(listener, shared.stopped());
        servers.spawn(async move { ("in-memory", served.await) });
    }
    let result = tokio::select! {
        () = shutdown => Ok(()),
        failure = first_failure(&mut servers) => Err(failure),
    };
    set_health(&health, false).await;
    shared.stop();
    drain(servers, shared.limits.drain).await;
    result
}

type Served = (&'static str, Result<(), tonic::transport::Error>);

/// Is ready when a listener has failed; one that merely has no callers left (in memory) is no failure.
async fn first_failure(servers: &mut JoinSet<Served>) -> EngineError {
    while let Some(ended) = servers.join_next().await {
        match ended {
            Ok((listener, Err(source))) => return EngineError::Serve { listener, source },
            Ok((listener, Ok(()))) => info!(listener, "a listener has no callers left"),
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(_) => info!("a listener was given up: the process ends"),
        }
    }
    std::future::pending().await
}

async fn drain(mut servers: JoinSet<Served>, limit: Duration) {
    let all = async { while servers.join_next().await.is_some() {} };
    if timeout(limit, all).await.is_err() {
        warn!(seconds = limit.as_secs(), "requests were still in flight when the engine stopped");
        servers.shutdown().await;
    }
}

fn transport() -> Server {
    server().timeout(LONGEST_CALL).concurrency_limit_per_connection(1024).load_shed(true)
}

fn routes(shared: &Arc<Shared>, access: Access) -> Result<RoutesBuilder, EngineError> {
    let mut routes = Routes::builder();
    let routing = RoutingServer::new(RoutingService { shared: shared.clone() });
    let snapshot = SnapshotServer::new(SnapshotService { shared: shared.clone() });
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| EngineError::Reflection(error.to_string()))?;
    routes
        .add_service(routing.max_decoding_message_size(ROUTING_BYTES))
        .add_service(snapshot.max_decoding_message_size(SNAPSHOT_BYTES))
        .add_service(reflection);
    match access {
        Access::Network => add_operating(&mut routes, shared, PlatformKey { shared: shared.clone() }),
        Access::Operator => add_operating(&mut routes, shared, Trusted),
        Access::Process => {
            let records = RecordsServer::new(RecordsService { shared: shared.clone() });
            routes.add_service(InterceptedService::new(records, Trusted));
        }
    }
    Ok(routes)
}

/// The services with which a Signalbox is operated, behind what tells who calls.
fn add_operating<I>(routes: &mut RoutesBuilder, shared: &Arc<Shared>, entry: I)
where
    I: Interceptor + Clone + Send + Sync + 'static,
{
    let admin = AdminServer::new(AdminService { shared: shared.clone() }).max_decoding_message_size(ADMIN_BYTES);
    let scorers = ScorersServer::new(ScorersService { shared: shared.clone() });
    let records = RecordsServer::new(RecordsService { shared: shared.clone() });
    routes
        .add_service(InterceptedService::new(admin, entry.clone()))
        .add_service(InterceptedService::new(records, entry.clone()))
        .add_service(InterceptedService::new(scorers.max_decoding_message_size(SCORERS_BYTES), entry.clone()));
    objects::add(routes, shared, entry, ADMIN_BYTES);
}

/// Services whose health is told besides those of the objects; the first is the whole engine.
const SERVICES: [&str; 6] = [
    "",
    "routing.v1.Routing",
    "snapshot.v1.Snapshot",
    "admin.v1.Admin",
    "admin.v1.Records",
    "signalbox.scorer.v1.Scorers",
];

async fn set_health(health: &HealthReporter, serving: bool) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    let status = if serving { Serving } else { NotServing };
    for service in SERVICES.into_iter().chain(objects::SERVICES) {
        health.set_service_status(service, status).await;
    }
}
