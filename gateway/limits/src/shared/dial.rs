//! How the shared store is reached: over TCP or a Unix socket as the library does it, over TLS with the certificates
//! that the gateway trusts anyway.
//!
//! The library could speak TLS by itself, with roots and a provider of its own; then an authority that an operator has
//! named would count for providers and not here.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, RedisError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::shared::SharedError;
use crate::shared::fault::Fault;

/// Connecting, TLS included, may take this long.
const CONNECT: Duration = Duration::from_secs(1);

/// Where the store is, and how it is spoken to.
pub(crate) struct Address {
    client: Client,
    /// Gone where the connection is in the clear.
    tls: Option<Arc<ClientConfig>>,
}

impl Address {
    /// Reads `redis://`, `rediss://` (TLS) or `redis+unix://`, or the same of Valkey.
    pub(crate) fn parse(url: &str, tls: &Arc<ClientConfig>) -> Result<Self, SharedError> {
        let open = |url: &str| Client::open(url).map_err(|_| SharedError);
        let Some(rest) = url.strip_prefix("rediss://").or_else(|| url.strip_prefix("valkeys://")) else {
            return Ok(Self { client: open(url)?, tls: None });
        };
        // What the library would take for leave not to look at the certificate.
        if rest.contains('#') {
            return Err(SharedError);
        }
        let mut tls = ClientConfig::clone(tls);
        tls.alpn_protocols.clear();
        Ok(Self { client: open(&format!("redis://{rest}"))?, tls: Some(Arc::new(tls)) })
    }

    /// Connects; an answer must come within `wait`.
    pub(crate) async fn connect(&self, wait: Duration) -> Result<MultiplexedConnection, Fault> {
        let settings =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(wait));
        let Some(tls) = &self.tls else {
            return Ok(self.client.get_multiplexed_async_connection_with_config(&settings).await?);
        };
        let secured = timeout(CONNECT, self.secure(tls)).await.map_err(|_| late())??;
        let greeted = MultiplexedConnection::new_with_config(
            self.client.get_connection_info().redis_settings(),
            secured,
            settings,
        );
        let (connection, driver) = timeout(CONNECT, greeted).await.map_err(|_| late())??;
        // Ends with the last handle of the connection.
        tokio::spawn(driver);
        Ok(connection)
    }

    async fn secure(&self, tls: &Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Fault> {
        let ConnectionAddr::Tcp(host, port) = self.client.get_connection_info().addr() else {
            return Err(Fault::Redis((ErrorKind::InvalidClientConfig, "not an address of TCP").into()));
        };
        let name = ServerName::try_from(host.clone()).map_err(|fault| Fault::Tls(std::io::Error::other(fault)))?;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(RedisError::from)?;
        stream.set_nodelay(true).map_err(RedisError::from)?;
        TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(Fault::Tls)
    }
}

fn late() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::tests::server::RedisServer;
    use crate::shared::tests::trusting;

    #[test]
    fn addresses_that_would_skip_the_certificate_are_refused() {
        let is_secured = |url: &str| Address::parse(url, &trusting(None)).map(|it| it.tls.is_some()).ok();
        assert_eq!(is_secured("rediss://user:word@redis.example:6380/2"), Some(true));
        assert_eq!(is_secured("valkeys://redis.example"), Some(true));
        assert_eq!(is_secured("redis://redis.example"), Some(false));
        assert_eq!(is_secured("rediss://redis.example/#insecure"), None);
        assert_eq!(is_secured("rediss://"), None);
    }

    #[test]
    fn a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to() {
        let Some(server) = RedisServer::start_secured() else { return };
        let connect = |trusted| {
            let address = Address::parse(&server.secured_url(), &trusting(trusted)).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { address.connect(Duration::from_secs(5)).await.map(drop) })
        };
        connect(Some(server.certificate())).unwrap();
        let refused = connect(None).unwrap_err();
        assert!(matches!(refused, Fault::Tls(_)), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("word-of-the-store"));
    }
}
