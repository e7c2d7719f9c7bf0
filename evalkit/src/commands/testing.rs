//! An engine for the tests of commands that speak to one.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use proto::operator;

/// An engine over a folder, serving operators on a socket of it.
pub(crate) async fn engine(folder: &Path) -> PathBuf {
    let keyring = seal::Keyring::new(seal::SealingKey::generate());
    let registry = registry::Registry::open(&folder.join("registry.sqlite"), keyring).await.unwrap();
    registry.bootstrap().await.unwrap();
    let parts = engine::EngineParts {
        registry,
        scorers: engine::StartingScorers::open(&folder.join("scorers")).unwrap(),
        records: None,
        clock: std::sync::Arc::new(NoClock),
        limits: engine::Limits::default(),
    };
    let socket = operator::socket(folder);
    let unix = Some(engine::bind_unix(&socket).unwrap());
    let engine = engine::Engine::new(parts).unwrap();
    let listeners = engine::Listeners { unix, ..Default::default() };
    tokio::spawn(async move { engine.serve(listeners, std::future::pending()).await });
    socket
}

struct NoClock;

impl domain::Clock for NoClock {
    fn wall(&self) -> domain::Timestamp {
        domain::Timestamp(0)
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}
