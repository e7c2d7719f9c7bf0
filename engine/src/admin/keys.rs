//! API keys, whose text is shown once, and the secrets of providers, which are never shown.

use domain::desired::{CredentialSpec, KeySpec, SecretText};
use domain::{Object, ObjectKind, Owner, ProviderSlug};
use proto::convert::admin;
use proto::pb::admin::v1 as pb;
use registry::{ApplyError, Etag, Terms};
use tonic::{Request, Status};
use tracing::info;

use super::{change, read};
use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

pub(super) async fn create(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::CreateKeyRequest>,
) -> Result<pb::CreateKeyResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), "", &request.idempotency_key, &request)?;
    let spec = KeySpec::try_from(request)?;
    let created = shared.registry.create_key(&organisation.id, spec, terms).await;
    let created = created.map_err(|error| status::of_apply(&error, "keys[0]."))?;
    info!(key = created.id, name = created.name, "key created");
    let kept = read::find(shared, kind, Some(organisation.id.as_str()), &created.id, &caller)?;
    let pb::Item { object, etag } = read::item(shared, &kept);
    Ok(pb::CreateKeyResponse { key: Some((&created).into()), object, etag })
}

pub(super) async fn revoke(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::ActRequest>,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let revoked = shared.registry.revoke_key(&organisation.id, &request.name, terms).await;
    let revoked = revoked.map_err(|error| status::of_apply(&error, ""))?;
    info!(key = %revoked.id, name = revoked.name, "key revoked");
    let pb::Item { object, etag } = read::item(shared, &Object::Key(revoked));
    Ok(pb::ChangeResponse { object, etag, diff: None })
}

pub(super) async fn create_secret(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::SecretRequest>,
) -> Result<pb::ChangeResponse, Status> {
    save_secret(shared, kind, request, Is::New).await
}

pub(super) async fn update_secret(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::SecretRequest>,
) -> Result<pb::ChangeResponse, Status> {
    save_secret(shared, kind, request, Is::There).await
}

/// Whether a credential has to be there.
enum Is {
    New,
    There,
}

async fn save_secret(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::SecretRequest>,
    is: Is,
) -> Result<pb::ChangeResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let organisation = shared.organisation(request.organisation.as_deref(), &caller)?;
    let terms = change::terms(shared, &caller, kind.as_str(), &request.etag, &request.idempotency_key, &request)?;
    let name = format!("{}/{}", request.provider, request.name);
    let provider = ProviderSlug::parse(&request.provider)
        .map_err(|fault| Status::invalid_argument(format!("provider: {fault}")))?;
    let (terms, known) = match is {
        Is::New => (Terms { if_match: Some(Etag::absent()), ..terms }, None),
        Is::There => (terms, Some(read::find(shared, kind, Some(organisation.id.as_str()), &name, &caller)?)),
    };
    let spec = secret_spec(request, known.as_ref())?;
    match shared.registry.save_credential(&organisation.id, &provider, spec, terms).await {
        Ok(saved) => Ok(change::changed(kind, &saved)),
        Err(ApplyError::Conflict { .. }) if matches!(is, Is::New) => Err(Status::already_exists(format!(
            "there is a credential `{name}` already: update it, or choose another name"
        ))),
        Err(failure) => Err(status::of_apply(&failure, "")),
    }
}

/// What is asked for; another secret opens the same account in the same way, unless it is said otherwise.
fn secret_spec(request: pb::SecretRequest, known: Option<&Object>) -> Result<CredentialSpec, Status> {
    let known = known.and_then(|known| if let Object::Credential(known) = known { Some(known) } else { None });
    let owner = match (request.owner, known) {
        (None, Some(known)) => known.owner,
        (owner, _) => admin::owner(owner)?,
    };
    let kind = match (request.kind, known) {
        (None, Some(known)) => known.kind,
        (kind, _) => admin::credential_kind(kind)?,
    };
    let weight = request.weight.or(known.map(|known| known.weight)).unwrap_or(1);
    let user = match (request.user, known) {
        // Who gives the account to somebody else need not take its user away as well.
        (None, Some(known)) if owner == Owner::User => known.user.clone(),
        (user, _) => user.filter(|user| !user.is_empty()),
    };
    let secret = SecretText::new(request.secret);
    Ok(CredentialSpec { name: request.name, owner, user, kind, weight, secret })
}
