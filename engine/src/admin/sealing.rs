//! The sealing key of the installation: how far everything is under it, and a new one. No organisation's business.

use proto::pb::admin::v1 as pb;
use registry::SealStatus;
use tonic::Status;

use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// Tells under which keys secrets are sealed.
pub(super) async fn status(shared: &Shared, caller: &Caller) -> Result<pb::SealStatusResponse, Status> {
    for_operators(caller)?;
    let found = shared.registry.seal_status().await;
    found.map(|found| message(&found)).map_err(|failure| status::of_registry(&failure))
}

/// Makes a new sealing key and moves everything under it.
pub(super) async fn rotate(shared: &Shared, caller: &Caller) -> Result<pb::SealStatusResponse, Status> {
    for_operators(caller)?;
    let registry = shared.registry.clone();
    // A task of its own: it goes on when the caller does not wait for its end.
    let rotated = tokio::spawn(async move { registry.rotate_sealing_key().await }).await;
    let rotated = rotated.map_err(|_| Status::internal("the rotation broke off: run it again"))?;
    rotated.map(|rotated| message(&rotated)).map_err(|failure| status::of_apply(&failure, ""))
}

fn for_operators(caller: &Caller) -> Result<(), Status> {
    match caller {
        Caller::Operator => Ok(()),
        Caller::Key { .. } => Err(Status::permission_denied(
            "the sealing key belongs to the installation, not to an organisation: use the engine's Unix socket",
        )),
    }
}

fn message(status: &SealStatus) -> pb::SealStatusResponse {
    pb::SealStatusResponse {
        current_key: status.current.to_string(),
        previous_key: status.previous.map(|key| key.to_string()).unwrap_or_default(),
        rotating: status.rotating,
        can_rotate: status.can_rotate,
        sealed_with_current: status.under_current,
        sealed_with_others: status.under_others,
    }
}
