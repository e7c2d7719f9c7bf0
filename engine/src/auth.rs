//! Who may administer: over TCP whoever shows a key of scope platform, within the key's organisation; on the Unix
//! socket, whose file is the credential, and in this process everyone, everywhere.
//!
//! Each listener puts its [`Caller`] on the calls to its services; a service that finds none lets nobody in.

use std::sync::Arc;

use domain::{ApiKey, KeyId, KeyText, OrganisationId, Scope};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::shared::Shared;

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Whoever may enter the data folder, or is a role of this process.
    Operator,
    /// The holder of a key of scope platform.
    Key {
        /// The key.
        id: KeyId,
        /// Where it counts.
        organisation: OrganisationId,
    },
}

impl Caller {
    /// Who makes this call, as the listener found.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let known = request.extensions().get::<Self>().cloned();
        known.ok_or_else(|| Status::permission_denied("this listener does not say who calls"))
    }
}

/// Lets every call through, as the operator's.
#[derive(Clone)]
pub(crate) struct Trusted;

impl Interceptor for Trusted {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.extensions_mut().insert(Caller::Operator);
        Ok(request)
    }
}

/// Lets calls through that carry `authorization: Bearer <platform key>`.
#[derive(Clone)]
pub(crate) struct PlatformKey {
    pub(crate) shared: Arc<Shared>,
}

impl Interceptor for PlatformKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let text = header.and_then(bearer).ok_or_else(|| {
            Status::unauthenticated(
                "authorization: send `Bearer <key>` with a key of scope platform, or use the engine's Unix socket",
            )
        })?;
        let key = self.check(text)?;
        request.extensions_mut().insert(Caller::Key { id: key.id.clone(), organisation: key.organisation.clone() });
        Ok(request)
    }
}

impl PlatformKey {
    fn check(&self, text: &str) -> Result<Arc<ApiKey>, Status> {
        if KeyText::is_malformed(text) {
            return Err(Status::unauthenticated("authorization: the key is mistyped or cut; copy it whole"));
        }
        let hash = self.shared.registry.pepper().hash_key(text);
        let snapshot = self.shared.registry.snapshot();
        let key =
            snapshot.keys.get(&hash).ok_or_else(|| Status::unauthenticated("authorization: the key is unknown"))?;
        if key.revoked_at.is_some() {
            return Err(Status::unauthenticated("authorization: the key was revoked; use another"));
        }
        if key.expires_at.is_some_and(|end| end <= self.shared.clock.wall()) {
            return Err(Status::unauthenticated("authorization: the key has expired; use another"));
        }
        if !key.scopes.contains(&Scope::Platform) {
            return Err(Status::permission_denied("authorization: the key lacks the scope platform"));
        }
        Ok(key.clone())
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}
