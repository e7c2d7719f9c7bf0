//! TLS towards callers, where it is wanted: one certificate, read from files and read again without dropping anybody.
//!
//! Connections keep what they were made with; new ones get what was read last. Files that do not fit together change
//! nothing. Towards providers TLS is the `providers` crate's business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Where the certificate chain and its key lie, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those that lead to the authority.
    pub certificate: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
}

/// Why TLS cannot be offered to callers.
#[derive(Debug, thiserror::Error)]
pub enum ServerTlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {}: expected a PEM file with {expected}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file holds none.
    #[error("{} holds no certificate: expected PEM blocks that begin with `BEGIN CERTIFICATE`", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The two do not belong together, or the key is of a kind that is not known.
    #[error("the key {} does not fit the certificate {}", files.key.display(), files.certificate.display())]
    Unfit {
        /// Which files.
        files: TlsFiles,
        /// What the library says.
        source: rustls::Error,
    },
    /// The library refused the configuration.
    #[error("TLS cannot be configured")]
    Config(#[source] rustls::Error),
}

/// Accepts TLS connections with the certificate that was read last.
#[derive(Clone)]
pub(crate) struct ServerTls {
    files: TlsFiles,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ServerTls {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, ServerTlsError> {
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(ArcSwap::from_pointee(read(&files, &crypto)?)));
        let builder = ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions();
        let mut config =
            builder.map_err(ServerTlsError::Config)?.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Reads the files again; whatever is wrong with them leaves in force what was.
    pub(crate) fn reload(&self) -> Result<(), ServerTlsError> {
        let crypto = aws_lc_rs::default_provider();
        self.current.0.store(Arc::new(read(&self.files, &crypto)?));
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn read(files: &TlsFiles, crypto: &CryptoProvider) -> Result<CertifiedKey, ServerTlsError> {
    let file = |path: &Path, expected, source| ServerTlsError::File { path: path.to_owned(), expected, source };
    let unreadable = |source| file(&files.certificate, "certificates", source);
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if chain.is_empty() {
        return Err(ServerTlsError::NoCertificate { path: files.certificate.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| file(&files.key, "a private key", source))?;
    let unfit = |source| ServerTlsError::Unfit { files: files.clone(), source };
    let key = CertifiedKey::new(chain, crypto.key_provider.load_private_key(key).map_err(unfit)?);
    match key.keys_match() {
        // A kind of key whose public half cannot be had is taken on trust, as the library does.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(key),
        Err(source) => Err(unfit(source)),
    }
}
