//! The services of the objects: which calls each kind has, and who answers them. All kinds share the answers.

use std::sync::Arc;

use domain::ObjectKind;
use proto::pb::admin::v1 as pb;
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, RoutesBuilder};
use tonic::{Request, Response, Status, Streaming};

use super::{audit, change, check, create, drafts, keys, preview, published, read, upload};
use crate::shared::Shared;

/// Answers for every kind.
#[derive(Clone)]
struct Objects {
    shared: Arc<Shared>,
}

/// Writes a service for each kind, adds them all to the routes of a listener, and lists their names.
macro_rules! services {
    ($count:literal; $(
        $service:ident ($module:ident, $server:ident, $name:literal) of $kind:expr => {
            $($call:ident($request:ty) -> $response:ident: $answer:path;)+
        }
    )+) => {
        $(
            #[tonic::async_trait]
            impl pb::$module::$service for Objects {
                $(
                    async fn $call(&self, request: Request<$request>) -> Result<Response<pb::$response>, Status> {
                        $answer(&self.shared, $kind, request).await.map(Response::new)
                    }
                )+
            }
        )+

        /// The names of the services.
        pub(crate) const SERVICES: [&str; $count] = [$($name),+];

        /// Adds the services, behind what tells who calls.
        pub(crate) fn add<I>(routes: &mut RoutesBuilder, shared: &Arc<Shared>, entry: I, most_bytes: usize)
        where
            I: Interceptor + Clone + Send + Sync + 'static,
        {
            let objects = Arc::new(Objects { shared: shared.clone() });
            $(
                let service = pb::$module::$server::from_arc(objects.clone()).max_decoding_message_size(most_bytes);
                routes.add_service(InterceptedService::new(service, entry.clone()));
            )+
        }
    };
}

services! { 11;
    Organisations (organisations_server, OrganisationsServer, "admin.v1.Organisations") of ObjectKind::Organisation => {
        create(pb::CreateRequest) -> ChangeResponse: create::organisation;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
    }
    Projects (projects_server, ProjectsServer, "admin.v1.Projects") of ObjectKind::Project => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
    }
    Providers (providers_server, ProvidersServer, "admin.v1.Providers") of ObjectKind::Provider => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
    }
    Credentials (credentials_server, CredentialsServer, "admin.v1.Credentials") of ObjectKind::Credential => {
        create(pb::SecretRequest) -> ChangeResponse: keys::create_secret;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::SecretRequest) -> ChangeResponse: keys::update_secret;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
    }
    Models (models_server, ModelsServer, "admin.v1.Models") of ObjectKind::Model => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
    }
    Scorecards (scorecards_server, ScorecardsServer, "admin.v1.Scorecards") of ObjectKind::Scorecard => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
        upload(Streaming<pb::UploadScoresRequest>) -> UploadScoresResponse: upload::upload;
        list_published(pb::ListPublishedRequest) -> ListPublishedResponse: published::list;
        import_published(pb::ImportPublishedRequest) -> UploadScoresResponse: published::import;
    }
    Blends (blends_server, BlendsServer, "admin.v1.Blends") of ObjectKind::Blend => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
        save_draft(pb::SaveDraftRequest) -> Draft: drafts::save;
        get_draft(pb::GetRequest) -> Draft: drafts::get;
        discard_draft(pb::ActRequest) -> DiscardDraftResponse: drafts::discard;
        diff_draft(pb::GetRequest) -> Diff: drafts::diff;
        preview_draft(pb::PreviewDraftRequest) -> PreviewDraftResponse: preview::preview;
        promote(pb::ActRequest) -> ChangeResponse: drafts::promote;
        rollback(pb::RollbackRequest) -> ChangeResponse: drafts::rollback;
        list_versions(pb::ListVersionsRequest) -> ListVersionsResponse: drafts::versions;
        check(pb::CheckBlendRequest) -> CheckBlendResponse: check::check;
    }
    Policies (policies_server, PoliciesServer, "admin.v1.Policies") of ObjectKind::Policy => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
        save_draft(pb::SaveDraftRequest) -> Draft: drafts::save;
        get_draft(pb::GetRequest) -> Draft: drafts::get;
        discard_draft(pb::ActRequest) -> DiscardDraftResponse: drafts::discard;
        diff_draft(pb::GetRequest) -> Diff: drafts::diff;
        preview_draft(pb::PreviewDraftRequest) -> PreviewDraftResponse: preview::preview;
        promote(pb::ActRequest) -> ChangeResponse: drafts::promote;
        rollback(pb::RollbackRequest) -> ChangeResponse: drafts::rollback;
        list_versions(pb::ListVersionsRequest) -> ListVersionsResponse: drafts::versions;
    }
    Routers (routers_server, RoutersServer, "admin.v1.Routers") of ObjectKind::Router => {
        create(pb::CreateRequest) -> ChangeResponse: create::object;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        delete(pb::ActRequest) -> ChangeResponse: change::delete;
    }
    Keys (keys_server, KeysServer, "admin.v1.Keys") of ObjectKind::Key => {
        create(pb::CreateKeyRequest) -> CreateKeyResponse: keys::create;
        get(pb::GetRequest) -> Item: read::get;
        list(pb::ListRequest) -> ListResponse: read::list;
        update(pb::UpdateRequest) -> ChangeResponse: change::update;
        revoke(pb::ActRequest) -> ChangeResponse: keys::revoke;
    }
    Audit (audit_server, AuditServer, "admin.v1.Audit") of () => {
        list(pb::ListAuditRequest) -> ListAuditResponse: audit::list;
    }
}
