//! Who vouches for those that are called over TLS: the same two options wherever something is called.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use providers::TrustRoots;

/// Whose certificates are trusted.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrustArgs {
    /// Which certificate authorities vouch for those that are called over TLS.
    #[arg(long, value_enum, default_value = "platform")]
    pub(crate) trust_roots: TrustChoice,
    /// A PEM file of further certificate authorities.
    #[arg(long, value_name = "FILE")]
    pub(crate) extra_ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrustChoice {
    /// The operating system's.
    Platform,
    /// Mozilla's, compiled in.
    Webpki,
}

impl TrustArgs {
    /// The roots that were chosen.
    pub(crate) const fn roots(&self) -> TrustRoots {
        match self.trust_roots {
            TrustChoice::Platform => TrustRoots::Platform,
            TrustChoice::Webpki => TrustRoots::WebPki,
        }
    }
}
