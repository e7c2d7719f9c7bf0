//! Who may administer over TCP: whoever shows a key of scope platform. On the Unix socket the file is the credential.

use std::sync::Arc;

use domain::{KeyText, Scope};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::shared::Shared;

/// Lets calls through that carry `authorization: Bearer <platform key>`.
#[derive(Clone)]
pub(crate) struct PlatformKey {
    pub(crate) shared: Arc<Shared>,
}

impl Interceptor for PlatformKey {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let text = header.and_then(bearer).ok_or_else(|| {
            Status::unauthenticated(
                "authorization: send `Bearer <key>` with a key of scope platform, or use the engine's Unix socket",
            )
        })?;
        self.check(text)?;
        Ok(request)
    }
}

impl PlatformKey {
    fn check(&self, text: &str) -> Result<(), Status> {
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
        Ok(())
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, text) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}
