//! Makes, changes and revokes API keys.

use domain::desired::{KeyRoutingSpec, KeySpec};
use domain::{ApiKey, Desired, KeyHash};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use registry::Terms;
use tonic::Status;
use tracing::info;

use crate::shared::Shared;
use crate::status;

pub(super) async fn create(shared: &Shared, request: pb::CreateKeyRequest) -> Result<pb::CreateKeyResponse, Status> {
    let organisation = shared.organisation(request.organisation.as_deref())?;
    let spec = KeySpec::try_from(request)?;
    let created = shared.registry.create_key(&organisation.id, spec, Terms::operator()).await;
    let created = created.map_err(|error| status::of_apply(&error, "keys[0]."))?;
    info!(key = created.id, name = created.name, "key created");
    Ok(pb::CreateKeyResponse { key: Some((&created).into()) })
}

/// Changes which policy a key's requests use and whether it is enforced; everything else stays.
pub(super) async fn update(shared: &Shared, request: pb::UpdateKeyRequest) -> Result<pb::UpdateKeyResponse, Status> {
    let organisation = shared.organisation(request.organisation.as_deref())?;
    let find = || shared.registry.find_key(&organisation.id, &request.key).map_err(|it| status::of_unknown(&it));
    let known = find()?;
    if known.revoked_at.is_some() {
        return Err(Status::failed_precondition(format!("key: `{}` was revoked; create another", known.name)));
    }
    let routing = match (&request.policy, &known.routing, request.active) {
        (None, None, Some(_)) => {
            return Err(Status::invalid_argument("active: the key has no policy to enforce; give `policy` as well"));
        }
        (Some(policy), held, active) => {
            let active = active.unwrap_or(held.as_ref().is_none_or(|it| it.active));
            Some(KeyRoutingSpec { policy: policy.clone(), active })
        }
        (None, held, active) => held
            .as_ref()
            .map(|held| KeyRoutingSpec { policy: held.policy.to_string(), active: active.unwrap_or(held.active) }),
    };
    let desired = Desired { keys: vec![KeySpec { routing, ..spec_of(&known) }], ..Desired::default() };
    let applied = shared.registry.apply(&organisation.id, &desired, false, Terms::operator()).await;
    applied.map_err(|error| status::of_apply(&error, "keys[0]."))?;
    info!(key = %known.id, name = known.name, "key updated");
    Ok(pb::UpdateKeyResponse { key: Some(shown(&*find()?)) })
}

pub(super) async fn revoke(shared: &Shared, request: pb::RevokeKeyRequest) -> Result<pb::RevokeKeyResponse, Status> {
    let organisation = shared.organisation(request.organisation.as_deref())?;
    let revoked = shared.registry.revoke_key(&organisation.id, &request.key, Terms::operator()).await;
    let revoked = revoked.map_err(|it| status::of_apply(&it, ""))?;
    info!(key = %revoked.id, name = revoked.name, "key revoked");
    Ok(pb::RevokeKeyResponse { key: Some(shown(&revoked)) })
}

/// A key as people may see it: without its hash.
pub(super) fn shown(key: &ApiKey) -> object::Key {
    (&ApiKey { hash: KeyHash([0; 32]), ..key.clone() }).into()
}

/// What would make the key as it is.
fn spec_of(key: &ApiKey) -> KeySpec {
    KeySpec {
        name: key.name.clone(),
        project: key.project.as_ref().map(ToString::to_string),
        routing: None,
        secret: None,
        scopes: key.scopes.clone(),
        allowed_models: key.allowed_models.clone(),
        expires_at: key.expires_at,
    }
}
