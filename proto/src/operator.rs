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
