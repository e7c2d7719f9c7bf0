//! Why traces were not sent, in words for a log.
//!
//! The exporter's library tells a failed call as a text with the name of its type and of a gRPC code in it. What a
//! collector itself says is not in there, and stays out: it might repeat a secret.

use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;
use tonic::Code;

/// What stands before the code in the library's text.
const BEFORE_CODE: &str = "export failed with gRPC code: ";

/// Why a batch was not sent.
#[derive(Debug)]
pub(super) enum Fault {
    /// The collector was waited for as long as it is.
    Late(Duration),
    /// The library has failed.
    Export(OTelSdkError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(wait) | Self::Export(OTelSdkError::Timeout(wait)) => {
                write!(f, "the collector gave no answer within {} s", wait.as_secs_f64())
            }
            Self::Export(OTelSdkError::AlreadyShutdown) => f.write_str("sending has ended already"),
            Self::Export(OTelSdkError::InternalFailure(text)) => write_failure(text, f),
        }
    }
}

/// The cause where the call did not get through, else what the collector's code means.
fn write_failure(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some((_, coded)) = text.split_once(BEFORE_CODE) else { return f.write_str(text) };
    if let Some((_, cause)) = coded.split_once(": ") {
        return write!(f, "the collector cannot be reached: {cause}");
    }
    match meaning(coded) {
        Some(meaning) => write!(f, "the collector answered with an error: {meaning}"),
        None => write!(f, "the collector answered with the code {coded}"),
    }
}

fn meaning(code: &str) -> Option<&'static str> {
    // All codes of gRPC.
    (0..=16).map(Code::from_i32).find(|known| format!("{known:?}") == code).map(|known| known.description())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(failure: &str, expected: &str) {
        let fault = Fault::Export(OTelSdkError::InternalFailure(failure.to_owned()));
        assert_eq!(fault.to_string(), expected);
    }

    #[test]
    fn a_fault_is_told_in_words() {
        says(
            "TonicTracesClient export failed with gRPC code: Unavailable: transport error: tcp connect error",
            "the collector cannot be reached: transport error: tcp connect error",
        );
        says(
            "TonicTracesClient export failed with gRPC code: Unauthenticated",
            "the collector answered with an error: The request does not have valid authentication credentials",
        );
        says("TonicTracesClient export failed with gRPC code: Odd", "the collector answered with the code Odd");
        says("Failed to acquire lock", "Failed to acquire lock");
        assert_eq!(Fault::Late(Duration::from_secs(5)).to_string(), "the collector gave no answer within 5 s");
    }
}
