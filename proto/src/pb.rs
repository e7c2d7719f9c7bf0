//! The generated code, one module per package, and the `Debug` of messages that carry secrets.

#![allow(missing_docs, unreachable_pub, reason = "generated: the .proto files hold the documentation")]
#![allow(clippy::all, clippy::pedantic, reason = "generated")]

use std::fmt;

pub mod object {
    pub mod v1 {
        tonic::include_proto!("object.v1");
    }
}

pub mod routing {
    pub mod v1 {
        tonic::include_proto!("routing.v1");
    }
}

pub mod snapshot {
    pub mod v1 {
        tonic::include_proto!("snapshot.v1");
    }
}

pub mod admin {
    pub mod v1 {
        tonic::include_proto!("admin.v1");
    }
}

pub mod scorer {
    pub mod v1 {
        tonic::include_proto!("signalbox.scorer.v1");
    }
}

impl fmt::Debug for admin::v1::ApplyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyRequest")
            .field("organisation", &self.organisation)
            .field("document_json", &format_args!("{} bytes", self.document_json.len()))
            .field("dry_run", &self.dry_run)
            .finish()
    }
}

impl fmt::Debug for admin::v1::CreateKeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateKeyRequest")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for admin::v1::CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for admin::v1::SecretRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretRequest")
            .field("provider", &self.provider)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
