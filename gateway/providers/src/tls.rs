//! TLS towards providers: which authorities are trusted, and the one configuration that all threads share.
//!
//! Verification is never weakened: a certificate that does not fit is a fault, whatever the configuration says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// Whose certificates are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustRoots {
    /// The operating system's, which honours authorities that an operator has added.
    #[default]
    Platform,
    /// Mozilla's, compiled in: for containers without any certificates.
    WebPki,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system has no usable authorities.
    #[error("no trusted certificates found on this system: install `ca-certificates`, or choose the `webpki` roots")]
    NoRoots(#[source] rustls::Error),
    /// The extra file cannot be read.
    #[error("cannot read certificates from {}: expected a PEM file", path.display())]
    ExtraFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The extra file holds no certificate, or one that cannot be an authority.
    #[error("{} holds no certificate that can be trusted: expected PEM blocks of certificate authorities", path.display())]
    NotAnAuthority {
        /// Which file.
        path: PathBuf,
    },
    /// The library refused the configuration.
    #[error("TLS cannot be configured")]
    Config(#[source] rustls::Error),
}

/// Makes the configuration that every thread's client shares: trusted roots and, beside them, those of a PEM file.
pub fn tls_config(roots: TrustRoots, extra: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let crypto = Arc::new(aws_lc_rs::default_provider());
    let extra = extra.map_or_else(|| Ok(Vec::new()), read_authorities)?;
    let builder = ClientConfig::builder_with_provider(crypto.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Config)?;
    let mut config = match roots {
        TrustRoots::Platform => {
            let verifier = platform_verifier(extra, crypto)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        TrustRoots::WebPki => builder.with_root_certificates(compiled_in(extra)).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn platform_verifier(extra: Vec<CertificateDer<'static>>, crypto: Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    Verifier::new_with_extra_roots(extra, crypto).map_err(TlsError::NoRoots)
}

fn compiled_in(extra: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    store.add_parsable_certificates(extra);
    store
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::ExtraFile { path: path.to_owned(), source };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)?;
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.iter().cloned());
    if usable == 0 || usable < found.len() {
        return Err(TlsError::NotAnAuthority { path: path.to_owned() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_is_offered_before_http1() {
        let config = tls_config(TrustRoots::WebPki, None).expect("compiled-in roots");
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let refused = tls_config(TrustRoots::WebPki, Some(file.path())).expect_err("empty");
        assert!(refused.to_string().contains(&file.path().display().to_string()), "{refused}");
        assert!(tls_config(TrustRoots::WebPki, Some(Path::new("absent.pem"))).is_err());
    }
}
