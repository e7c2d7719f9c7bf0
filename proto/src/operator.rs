//! The operator's end of a connection: where the engine is, and the key that goes with every call.
//!
//! Over the Unix socket of a data folder no credential is needed; over TCP a key with the scope `platform` is. Which
//! arguments name the engine is the business of each command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::channel::{ChannelError, Endpoint, connect};

const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take that says nothing else.
const CALL: Duration = Duration::from_secs(30);

/// A channel that puts the operator's key on every call.
pub type OperatorChannel = InterceptedService<Channel, Credential>;

/// Why there is no connection, or why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The address is none.
    #[error(transparent)]
    Address(ChannelError),
    /// No key looks like that.
    #[error("the key holds characters that no key has")]
    Key,
    /// Nobody answers.
    #[error("{address} does not answer")]
    Silent {
        /// Whom.
        address: String,
    },
    /// There is nobody.
    #[error(transparent)]
    Connect(ChannelError),
    /// The engine refused what it was asked: it has to be asked otherwise.
    #[error("{0}")]
    Wrong(String),
    /// The engine could not do it.
    #[error("{0}")]
    Failed(String),
}

impl OperatorError {
    /// Whether the operator has to ask otherwise; else something is broken or away.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Key | Self::Wrong(_))
    }
}

impl From<Status> for OperatorError {
    /// A status in plain words.
    fn from(status: Status) -> Self {
        let message = if status.message().is_empty() { status.code().to_string() } else { status.message().to_owned() };
        if status.code() == Code::InvalidArgument { Self::Wrong(message) } else { Self::Failed(message) }
    }
}

/// Puts the operator's key and a deadline on every call.
#[derive(Clone)]
pub struct Credential(Option<MetadataValue<Ascii>>);

impl Credential {
    /// Takes a key.
    pub fn parse(key: Option<&str>) -> Result<Self, OperatorError> {
        let value = key.map(|key| format!("Bearer {key}").parse::<MetadataValue<Ascii>>()).transpose();
        let mut value = value.map_err(|_| OperatorError::Key)?;
        if let Some(value) = &mut value {
            value.set_sensitive(true);
        }
        Ok(Self(value))
    }
}

impl tonic::service::Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        if request.metadata().get("grpc-timeout").is_none() {
            request.set_timeout(CALL);
        }
        Ok(request)
    }
}

/// The socket of a data folder, on which its engine serves operators.
pub fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// Where an engine is: at the address given, else on the socket of the data folder.
pub fn endpoint(server: Option<&str>, data_dir: &Path) -> Result<Endpoint, OperatorError> {
    match server {
        Some(text) => Endpoint::from_str(text).map_err(OperatorError::Address),
        None => Ok(Endpoint::Unix(socket(data_dir))),
    }
}

/// Connects as an operator.
pub async fn connect_operator(endpoint: &Endpoint, key: Option<&str>) -> Result<OperatorChannel, OperatorError> {
    let credential = Credential::parse(key)?;
    let connected = tokio::time::timeout(CONNECT, connect(endpoint)).await;
    let channel = connected
        .map_err(|_| OperatorError::Silent { address: endpoint.to_string() })?
        .map_err(OperatorError::Connect)?;
    Ok(InterceptedService::new(channel, credential))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_the_socket_of_the_data_folder_is_meant() {
        let found = endpoint(None, Path::new("/data")).map(|it| it.to_string());
        assert_eq!(found.ok().as_deref(), Some("unix:/data/admin.sock"));
        let named = endpoint(Some("http://127.0.0.1:1"), Path::new("/data")).map(|it| it.to_string());
        assert_eq!(named.ok().as_deref(), Some("http://127.0.0.1:1"));
        assert!(endpoint(Some("nonsense"), Path::new("/data")).is_err_and(|fault| fault.is_usage()));
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused_without_repeating_it() {
        let fault = Credential::parse(Some("sk\nsecret")).err().map(|fault| fault.to_string());
        assert_eq!(fault.as_deref(), Some("the key holds characters that no key has"));
    }

    #[test]
    fn what_the_operator_got_wrong_is_told_from_what_failed() {
        assert!(OperatorError::from(Status::invalid_argument("share: …")).is_usage());
        assert!(!OperatorError::from(Status::failed_precondition("it serves")).is_usage());
        assert_eq!(OperatorError::from(Status::unavailable("")).to_string(), Code::Unavailable.to_string());
    }
}
