//! `admin.v1.Admin`: what an operator does. Each call stands in a file of its subject; this one only hands on.

mod apply;
mod keys;
mod list;
mod overview;

use std::sync::Arc;

use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_server::Admin;
use tonic::{Request, Response, Status};

use crate::deadline::deadline;
use crate::explain::explain;
use crate::shared::Shared;

pub(crate) struct AdminService {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn apply(&self, request: Request<pb::ApplyRequest>) -> Result<Response<pb::ApplyResponse>, Status> {
        apply::apply(&self.shared, request.into_inner()).await.map(Response::new)
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<pb::ListResponse>, Status> {
        list::list(&self.shared, &request.into_inner()).map(Response::new)
    }

    async fn create_key(
        &self,
        request: Request<pb::CreateKeyRequest>,
    ) -> Result<Response<pb::CreateKeyResponse>, Status> {
        keys::create(&self.shared, request.into_inner()).await.map(Response::new)
    }

    async fn update_key(
        &self,
        request: Request<pb::UpdateKeyRequest>,
    ) -> Result<Response<pb::UpdateKeyResponse>, Status> {
        keys::update(&self.shared, request.into_inner()).await.map(Response::new)
    }

    async fn revoke_key(
        &self,
        request: Request<pb::RevokeKeyRequest>,
    ) -> Result<Response<pb::RevokeKeyResponse>, Status> {
        keys::revoke(&self.shared, request.into_inner()).await.map(Response::new)
    }

    async fn import_models(
        &self,
        request: Request<pb::ImportModelsRequest>,
    ) -> Result<Response<pb::ImportModelsResponse>, Status> {
        apply::import_models(&self.shared, request.into_inner()).await.map(Response::new)
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let deadline = deadline(request.metadata(), self.shared.clock.as_ref());
        explain(&self.shared, request.into_inner(), deadline).await.map(Response::new)
    }

    async fn status(&self, _request: Request<pb::StatusRequest>) -> Result<Response<pb::StatusResponse>, Status> {
        Ok(Response::new(overview::status(&self.shared)))
    }
}
