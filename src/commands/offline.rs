//! An engine started for the occasion over a configuration file: no server, no secrets, nothing kept.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use config::{Positions, Secrets};
use engine::{Engine, EngineError, EngineParts, Limits, StartingScorers};
use gateway::SystemClock;
use registry::Registry;
use seal::{Keyring, SealingKey};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cli::ServerArgs;
use crate::commands::located;
use crate::data_dir;
use crate::exit::UsageError;

/// A running engine over a file.
pub(crate) struct Offline {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), EngineError>>,
}

impl Offline {
    /// Reads the file and starts.
    pub(crate) async fn over(file: &Path) -> anyhow::Result<Self> {
        let mut loaded = config::load(file, Secrets::Placeholder).map_err(|faults| UsageError(faults.to_string()))?;
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let registry = Registry::open(&data_dir::registry(folder.path()), Keyring::new(SealingKey::generate())).await?;
        let organisation = registry.bootstrap().await?.context("a new registry has an organisation")?.organisation;
        // Whose file it is does not matter here.
        let name = registry.tenant(&organisation).map(|it| it.organisation.name.clone()).unwrap_or_default();
        for spec in &mut loaded.desired.organisations {
            spec.name.clone_from(&name);
        }
        apply(&registry, &organisation, file, &loaded.desired, &loaded.positions).await?;
        let engine = Engine::new(EngineParts {
            registry,
            scorers: StartingScorers::fixed(Arc::new(scorer::builtin::load()?)),
            records: None,
            clock: Arc::new(SystemClock::default()),
            limits: Limits::default(),
        })?;
        let socket = data_dir::admin_socket(folder.path());
        let listeners = engine::Listeners { unix: Some(engine::bind_unix(&socket)?), ..engine::Listeners::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move { engine.serve(listeners, async { drop(stopped.await) }).await });
        Ok(Self { folder, stop, serving })
    }

    /// How it is reached.
    pub(crate) fn server(&self) -> ServerArgs {
        ServerArgs { server: None, data_dir: self.folder.path().to_owned(), key: None }
    }

    /// Stops it and forgets everything.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        drop(self.stop);
        Ok(self.serving.await??)
    }
}

async fn apply(
    registry: &Registry,
    organisation: &domain::OrganisationId,
    file: &Path,
    desired: &domain::Desired,
    positions: &Positions,
) -> anyhow::Result<()> {
    let applied = registry.apply(organisation, desired, false, registry::Terms::operator()).await;
    applied.map_err(|error| match error.faults() {
        [] => anyhow!(error),
        faults => UsageError(located(file, positions, faults)).into(),
    })?;
    Ok(())
}
