//! The operator's end of the services of objects: one link for all kinds, since they have the same calls.

use domain::ObjectKind;
use prost::Message;
use tokio_stream::iter;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::operator::{OperatorChannel, OperatorError};
use crate::pb::admin::v1 as pb;
use crate::pb::admin::v1::upload_scores_request::Part;

const PAGE: u32 = 500;
const MESSAGE_BYTES: usize = 64 << 20;
const CHUNK: usize = 512 << 10;

type Answer<T> = Result<T, OperatorError>;

/// The services of a server.
#[derive(Clone)]
pub struct ObjectsLink {
    grpc: Grpc<OperatorChannel>,
}

impl ObjectsLink {
    /// Speaks over a connection.
    pub fn new(channel: OperatorChannel) -> Self {
        let grpc = Grpc::new(channel);
        let grpc = grpc.max_decoding_message_size(MESSAGE_BYTES).max_encoding_message_size(MESSAGE_BYTES);
        Self { grpc }
    }

    /// Makes an object.
    pub async fn create(&mut self, kind: ObjectKind, request: pb::CreateRequest) -> Answer<pb::ChangeResponse> {
        self.call(kind, "Create", request).await
    }

    /// One object, by id, name or slug.
    pub async fn get(&mut self, kind: ObjectKind, name: &str) -> Answer<pb::Item> {
        self.call(kind, "Get", named(name)).await
    }

    /// Whether there is such an object.
    pub async fn has(&mut self, kind: ObjectKind, name: &str) -> Answer<bool> {
        match self.try_call::<_, pb::Item>(kind, "Get", named(name)).await {
            Ok(_) => Ok(true),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(false),
            Err(status) => Err(status.into()),
        }
    }

    /// All objects of a kind.
    pub async fn list(&mut self, kind: ObjectKind) -> Answer<Vec<pb::Item>> {
        let mut items = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListRequest { page_size: PAGE, page_token, ..pb::ListRequest::default() };
            let page: pb::ListResponse = self.call(kind, "List", request).await?;
            items.extend(page.items);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Changes an object.
    pub async fn update(&mut self, kind: ObjectKind, request: pb::UpdateRequest) -> Answer<pb::ChangeResponse> {
        self.call(kind, "Update", request).await
    }

    /// Deletes an object.
    pub async fn delete(&mut self, kind: ObjectKind, request: pb::ActRequest) -> Answer<pb::ChangeResponse> {
        self.call(kind, "Delete", request).await
    }

    /// Gives a provider a secret.
    pub async fn create_secret(&mut self, request: pb::SecretRequest) -> Answer<pb::ChangeResponse> {
        self.call(ObjectKind::Credential, "Create", request).await
    }

    /// Puts another secret in the place of one.
    pub async fn update_secret(&mut self, request: pb::SecretRequest) -> Answer<pb::ChangeResponse> {
        self.call(ObjectKind::Credential, "Update", request).await
    }

    /// Makes an API key.
    pub async fn create_key(&mut self, request: pb::CreateKeyRequest) -> Answer<pb::CreateKeyResponse> {
        self.call(ObjectKind::Key, "Create", request).await
    }

    /// Ends an API key.
    pub async fn revoke_key(&mut self, request: pb::ActRequest) -> Answer<pb::ChangeResponse> {
        self.call(ObjectKind::Key, "Revoke", request).await
    }

    /// Keeps a draft of a policy or blend.
    pub async fn save_draft(&mut self, kind: ObjectKind, request: pb::SaveDraftRequest) -> Answer<pb::Draft> {
        self.call(kind, "SaveDraft", request).await
    }

    /// The draft of a policy or blend.
    pub async fn draft(&mut self, kind: ObjectKind, name: &str) -> Answer<pb::Draft> {
        self.call(kind, "GetDraft", named(name)).await
    }

    /// Throws a draft away.
    pub async fn discard_draft(
        &mut self,
        kind: ObjectKind,
        request: pb::ActRequest,
    ) -> Answer<pb::DiscardDraftResponse> {
        self.call(kind, "DiscardDraft", request).await
    }

    /// What promoting a draft would change.
    pub async fn diff_draft(&mut self, kind: ObjectKind, name: &str) -> Answer<pb::Diff> {
        self.call(kind, "DiffDraft", named(name)).await
    }

    /// What a draft would have changed in requests of the past.
    pub async fn preview_draft(
        &mut self,
        kind: ObjectKind,
        request: pb::PreviewDraftRequest,
    ) -> Answer<pb::PreviewDraftResponse> {
        self.call(kind, "PreviewDraft", request).await
    }

    /// Lets a draft count.
    pub async fn promote(&mut self, kind: ObjectKind, request: pb::ActRequest) -> Answer<pb::ChangeResponse> {
        self.call(kind, "Promote", request).await
    }

    /// Lets an earlier version count again.
    pub async fn rollback(&mut self, kind: ObjectKind, request: pb::RollbackRequest) -> Answer<pb::ChangeResponse> {
        self.call(kind, "Rollback", request).await
    }

    /// The versions of a policy or blend, newest first.
    pub async fn versions(&mut self, kind: ObjectKind, name: &str) -> Answer<Vec<pb::Version>> {
        let mut versions = Vec::new();
        let mut page_token = String::new();
        loop {
            let name = name.to_owned();
            let request = pb::ListVersionsRequest { name, page_token, page_size: PAGE, organisation: None };
            let page: pb::ListVersionsResponse = self.call(kind, "ListVersions", request).await?;
            versions.extend(page.versions);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(versions);
            }
        }
    }

    /// Lines of the audit log, newest first, at most so many.
    pub async fn audit(&mut self, mut request: pb::ListAuditRequest, limit: usize) -> Answer<Vec<pb::AuditEntry>> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            request.page_size = u32::try_from(limit - entries.len()).unwrap_or(PAGE).min(PAGE);
            let page = self.path("Audit", "List", request.clone()).await;
            let page: pb::ListAuditResponse = page?;
            entries.extend(page.entries);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        Ok(entries)
    }

    /// Examines a blend.
    pub async fn check_blend(&mut self, request: pb::CheckBlendRequest) -> Answer<pb::CheckBlendResponse> {
        self.call(ObjectKind::Blend, "Check", request).await
    }

    /// The published scorecards that come with the server.
    pub async fn published(&mut self) -> Answer<Vec<pb::list_published_response::Published>> {
        let request = pb::ListPublishedRequest::default();
        let answer: pb::ListPublishedResponse = self.call(ObjectKind::Scorecard, "ListPublished", request).await?;
        Ok(answer.published)
    }

    /// Saves published scorecards as the organisation's own.
    pub async fn import_published(&mut self, request: pb::ImportPublishedRequest) -> Answer<pb::UploadScoresResponse> {
        self.call(ObjectKind::Scorecard, "ImportPublished", request).await
    }

    /// Brings a file of scores.
    pub async fn upload_scores(
        &mut self,
        declaration: pb::ScoresDeclaration,
        file: &[u8],
    ) -> Answer<pb::UploadScoresResponse> {
        let chunks: Vec<_> = file.chunks(CHUNK).map(|chunk| Part::Chunk(chunk.to_vec())).collect();
        let parts = std::iter::once(Part::Declaration(declaration)).chain(chunks);
        let requests = parts.map(|part| pb::UploadScoresRequest { part: Some(part) });
        self.ready().await?;
        let path = PathAndQuery::from_static("/admin.v1.Scorecards/Upload");
        let request = Request::new(iter(requests));
        let codec = ProstCodec::<pb::UploadScoresRequest, pb::UploadScoresResponse>::default();
        Ok(self.grpc.client_streaming(request, path, codec).await?.into_inner())
    }

    async fn call<Q, A>(&mut self, kind: ObjectKind, method: &str, request: Q) -> Answer<A>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        Ok(self.try_call(kind, method, request).await?)
    }

    async fn try_call<Q, A>(&mut self, kind: ObjectKind, method: &str, request: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let service = service(kind).ok_or_else(|| Status::unimplemented(format!("a {kind} has no service")))?;
        self.path(service, method, request).await
    }

    async fn path<Q, A>(&mut self, service: &str, method: &str, request: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let path = PathAndQuery::try_from(format!("/admin.v1.{service}/{method}"));
        let path = path.map_err(|fault| Status::internal(fault.to_string()))?;
        self.ready().await?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(self.grpc.unary(Request::new(request), path, codec).await?.into_inner())
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.grpc.ready().await.map_err(|fault| Status::unavailable(format!("the server is gone: {fault}")))
    }
}

/// The service of a kind of object.
pub const fn service(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::Pepper => None,
        ObjectKind::Organisation => Some("Organisations"),
        ObjectKind::Project => Some("Projects"),
        ObjectKind::Provider => Some("Providers"),
        ObjectKind::Credential => Some("Credentials"),
        ObjectKind::Model => Some("Models"),
        ObjectKind::Scorecard => Some("Scorecards"),
        ObjectKind::Blend => Some("Blends"),
        ObjectKind::Policy => Some("Policies"),
        ObjectKind::Router => Some("Routers"),
        ObjectKind::Key => Some("Keys"),
    }
}

fn named(name: &str) -> pb::GetRequest {
    pb::GetRequest { organisation: None, name: name.to_owned() }
}
