//! The command line's connection to a server: the one file here that speaks gRPC.
//!
//! Over the Unix socket of the data folder no credential is needed; over TCP a key with the scope `platform` goes with
//! every call.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use domain::desired::{CreatedKey, Desired, DesiredFault, Diff};
use domain::{CredentialId, CredentialState, Object, ObjectKind, RequestRecord};
use proto::CredentialReport;
use proto::objects::ObjectsLink;
use proto::operator::{self, OperatorChannel, OperatorError};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_client::AdminClient;
use proto::pb::admin::v1::records_client::RecordsClient;
use proto::scorers::ScorersLink;
use tonic::{Request, Status};

use crate::cli::ServerArgs;
use crate::exit::UsageError;

const MESSAGE_BYTES: usize = 64 << 20;

/// A connection to a server.
pub(crate) struct ServerLink {
    admin: AdminClient<OperatorChannel>,
    objects: ObjectsLink,
    records: RecordsClient<OperatorChannel>,
    address: String,
}

impl ServerLink {
    /// Connects to the server that the arguments name, else to that of the local data folder.
    pub(crate) async fn connect(args: &ServerArgs) -> anyhow::Result<Self> {
        let (link, address) = connect(args).await?;
        let admin = AdminClient::new(link.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        let objects = ObjectsLink::new(link.clone());
        Ok(Self { admin, objects, records: RecordsClient::new(link).max_decoding_message_size(MESSAGE_BYTES), address })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Applies a configuration, or tells what that would change.
    pub(crate) async fn apply(
        &mut self,
        desired: &Desired,
        dry_run: bool,
    ) -> anyhow::Result<Result<Diff, Vec<DesiredFault>>> {
        Ok(self.apply_if(desired, dry_run, String::new()).await?.0)
    }

    /// The same, if the whole configuration still has an etag; also tells the etag that it has now.
    pub(crate) async fn apply_if(
        &mut self,
        desired: &Desired,
        dry_run: bool,
        etag: String,
    ) -> anyhow::Result<(Result<Diff, Vec<DesiredFault>>, String)> {
        let document_json = serde_json::to_vec(desired)?;
        let request = pb::ApplyRequest { document_json, dry_run, etag, ..pb::ApplyRequest::default() };
        let response = self.admin.apply(request).await.map_err(plainly)?.into_inner();
        Ok((outcome(response.diff, response.faults)?, response.etag))
    }

    /// Imports models from a price catalogue: LiteLLM's list or models.dev.
    pub(crate) async fn import_models(
        &mut self,
        request: pb::ImportModelsRequest,
    ) -> anyhow::Result<Result<Diff, Vec<DesiredFault>>> {
        let response = self.admin.import_models(request).await.map_err(plainly)?.into_inner();
        outcome(response.diff, response.faults)
    }

    /// The services of the objects, for calls that have no words of their own here.
    pub(crate) fn objects(&mut self) -> &mut ObjectsLink {
        &mut self.objects
    }

    /// Lists all objects of a kind.
    pub(crate) async fn list(&mut self, kind: ObjectKind) -> anyhow::Result<Vec<Object>> {
        let items = self.objects.list(kind).await.map_err(told)?;
        items.into_iter().map(|item| object_of(item.object)).collect()
    }

    /// One object, by id, name or slug, and its etag.
    pub(crate) async fn get(&mut self, kind: ObjectKind, name: &str) -> anyhow::Result<(Object, String)> {
        let item = self.objects.get(kind, name).await.map_err(told)?;
        Ok((object_of(item.object)?, item.etag))
    }

    /// Makes an API key.
    pub(crate) async fn create_key(&mut self, request: pb::CreateKeyRequest) -> anyhow::Result<CreatedKey> {
        let response = self.objects.create_key(request).await.map_err(told)?;
        let key = response.key.context("the server sent no key")?;
        Ok(CreatedKey { id: key.id, name: key.name, key: domain::SecretText::new(key.key) })
    }

    /// Explains a decision, or the refusal.
    pub(crate) async fn explain(&mut self, request: pb::ExplainRequest) -> anyhow::Result<pb::ExplainResponse> {
        Ok(self.admin.explain(request).await.map_err(plainly)?.into_inner())
    }

    /// Makes a recorded decision again.
    pub(crate) async fn replay(&mut self, request: pb::ReplayRequest) -> anyhow::Result<pb::ReplayResponse> {
        Ok(self.admin.replay(request).await.map_err(plainly)?.into_inner())
    }

    pub(crate) async fn status(&mut self) -> anyhow::Result<pb::StatusResponse> {
        Ok(self.admin.status(pb::StatusRequest {}).await.map_err(plainly)?.into_inner())
    }

    /// The provider secrets that are not healthy, by id.
    pub(crate) async fn credential_states(&mut self) -> anyhow::Result<HashMap<CredentialId, CredentialState>> {
        let response = self.admin.credential_states(pb::CredentialStatesRequest::default()).await.map_err(plainly)?;
        let reports = response.into_inner().credentials.into_iter();
        // A state that this release does not know is one it cannot show.
        let reports = reports.filter_map(|it| CredentialReport::try_from(it).ok());
        Ok(reports.map(|it| (it.credential, it.state)).collect())
    }

    /// Under which keys secrets are sealed.
    pub(crate) async fn seal_status(&mut self) -> anyhow::Result<pb::SealStatusResponse> {
        Ok(self.admin.seal_status(pb::SealStatusRequest {}).await.map_err(plainly)?.into_inner())
    }

    /// Makes a new sealing key and moves every secret under it.
    pub(crate) async fn rotate_sealing_key(&mut self) -> anyhow::Result<pb::SealStatusResponse> {
        Ok(self.admin.rotate_sealing_key(pb::RotateSealingKeyRequest {}).await.map_err(plainly)?.into_inner())
    }

    /// Records, newest first.
    pub(crate) async fn records(
        &mut self,
        filter: pb::RecordFilter,
        before: Option<u64>,
        limit: u32,
    ) -> anyhow::Result<Vec<RequestRecord>> {
        let request = pb::ListRecordsRequest { filter: Some(filter), before_sequence: before, limit };
        let response = self.records.list(request).await.map_err(plainly)?.into_inner();
        response.records.iter().map(record_of).collect()
    }

    /// Sums of records.
    pub(crate) async fn usage(&mut self, filter: pb::RecordFilter) -> anyhow::Result<pb::UsageResponse> {
        Ok(self.records.usage(pb::UsageRequest { filter: Some(filter) }).await.map_err(plainly)?.into_inner())
    }

    /// New records as they come.
    pub(crate) async fn tail(
        &mut self,
        filter: pb::RecordFilter,
        after: Option<u64>,
        mut show: impl FnMut(&RequestRecord) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut request = Request::new(pb::TailRecordsRequest { filter: Some(filter), after_sequence: after });
        // Followed until the operator stops it.
        request.set_timeout(Duration::from_hours(7 * 24));
        let mut stream = self.records.tail(request).await.map_err(plainly)?.into_inner();
        while let Some(record) = stream.message().await.map_err(plainly)? {
            show(&record_of(&record)?)?;
        }
        Ok(())
    }
}

/// The scorers of the server that the arguments name.
pub(crate) async fn scorers(args: &ServerArgs) -> anyhow::Result<ScorersLink> {
    Ok(ScorersLink::new(connect(args).await?.0))
}

/// Connects to the server that the arguments name, else to that of the local data folder.
async fn connect(args: &ServerArgs) -> anyhow::Result<(OperatorChannel, String)> {
    let endpoint = operator::endpoint(args.server.as_deref(), &args.data_dir).map_err(told)?;
    let address = endpoint.to_string();
    let channel = match operator::connect_operator(&endpoint, args.key.as_deref()).await {
        Err(fault) if !fault.is_usage() => Err(told(fault)).with_context(|| {
            format!(
                "no server at {address}: start one with `signalbox up`, or name another with --server or --data-dir"
            )
        }),
        connected => connected.map_err(told),
    }?;
    Ok((channel, address))
}

/// A failed call; what the operator got wrong is an error of usage.
pub(crate) fn told(fault: OperatorError) -> anyhow::Error {
    if fault.is_usage() { UsageError(fault.to_string()).into() } else { fault.into() }
}

fn outcome(diff: Option<pb::Diff>, faults: Vec<pb::Fault>) -> anyhow::Result<Result<Diff, Vec<DesiredFault>>> {
    if !faults.is_empty() {
        return Ok(Err(faults.into_iter().map(|it| DesiredFault { path: it.path, message: it.message }).collect()));
    }
    Ok(Ok(diff_of(Some(diff.context("the server sent no diff")?))?))
}

/// An object that the server sent.
pub(crate) fn object_of(object: Option<proto::pb::object::v1::Object>) -> anyhow::Result<Object> {
    let object = object.context("the server sent no object")?;
    object.try_into().map_err(|fault: proto::ConvertError| anyhow!("the server sent {fault}"))
}

/// What a change did.
pub(crate) fn diff_of(diff: Option<pb::Diff>) -> anyhow::Result<Diff> {
    let diff = diff.unwrap_or_default();
    diff.try_into().map_err(|fault: proto::ConvertError| anyhow!("the server sent {fault}"))
}

fn record_of(record: &pb::Record) -> anyhow::Result<RequestRecord> {
    serde_json::from_slice(&record.record_json).context("the server sent a record that cannot be read")
}

/// A status in plain words; what the operator got wrong is an error of usage.
fn plainly(status: Status) -> anyhow::Error {
    told(status.into())
}
