//! `admin.v1`: what an operator does. Each call stands in a file of its subject; this one only hands on, and
//! [`objects`] does for the services of the objects.

mod apply;
mod audit;
mod change;
mod check;
mod create;
mod drafts;
mod keys;
pub(crate) mod objects;
mod overview;
mod page;
mod preview;
mod published;
mod read;
mod references;
mod sealing;
mod upload;

use std::sync::Arc;

use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_server::Admin;
use tonic::{Request, Response, Status};

use crate::auth::Caller;
use crate::deadline::deadline;
use crate::explain::explain;
use crate::replay::replay;
use crate::shared::Shared;

pub(crate) struct AdminService {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Result<Response<pb::ApplyResponse>, Status> {
        apply::apply(&self.shared, request).await.map(Response::new)
    }

    async fn import_models(
        &self,
        request: Request<pb::ImportModelsRequest>,
    ) -> Result<Response<pb::ImportModelsResponse>, Status> {
        apply::import_models(&self.shared, request).await.map(Response::new)
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let deadline = deadline(request.metadata(), self.shared.clock.as_ref());
        let caller = Caller::of(&request)?;
        explain(&self.shared, &caller, request.into_inner(), deadline).await.map(Response::new)
    }

    async fn replay(&self, request: Request<pb::ReplayRequest>) -> Result<Response<pb::ReplayResponse>, Status> {
        let caller = Caller::of(&request)?;
        replay(&self.shared, &caller, request.get_ref()).await.map(Response::new)
    }

    async fn status(&self, _request: Request<pb::StatusRequest>) -> Result<Response<pb::StatusResponse>, Status> {
        Ok(Response::new(overview::status(&self.shared)))
    }

    async fn credential_states(
        &self,
        request: Request<pb::CredentialStatesRequest>,
    ) -> Result<Response<pb::CredentialStatesResponse>, Status> {
        overview::credential_states(&self.shared, &request).map(Response::new)
    }

    async fn seal_status(
        &self,
        request: Request<pb::SealStatusRequest>,
    ) -> Result<Response<pb::SealStatusResponse>, Status> {
        sealing::status(&self.shared, &Caller::of(&request)?).await.map(Response::new)
    }

    async fn rotate_sealing_key(
        &self,
        request: Request<pb::RotateSealingKeyRequest>,
    ) -> Result<Response<pb::SealStatusResponse>, Status> {
        sealing::rotate(&self.shared, &Caller::of(&request)?).await.map(Response::new)
    }
}
