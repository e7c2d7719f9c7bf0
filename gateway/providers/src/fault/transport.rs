//! Turns errors of the HTTP client into faults.
//!
//! The connector marks its own errors by step; everything else happened on an established connection.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

use super::{Fault, FaultKind};
use crate::connect::{ConnectError, ConnectStep};

/// The fault of a request that got no response head.
pub(crate) fn from_send_error(error: &legacy::Error) -> Fault {
    if let Some(failed) = find::<ConnectError>(error) {
        let kind = match failed.step {
            ConnectStep::Address => FaultKind::NotSent,
            ConnectStep::Lookup | ConnectStep::Tcp | ConnectStep::Deadline => FaultKind::ConnectFailed,
            ConnectStep::Tls => FaultKind::TlsFailed,
        };
        return Fault::new(kind, failed.to_string());
    }
    if error.is_connect() {
        // The connection came about but the HTTP handshake on it did not.
        return Fault::new(FaultKind::ConnectFailed, format!("connection failed: {}", root(error)));
    }
    match find::<hyper::Error>(error) {
        Some(http) => from_hyper(http, "before the response head").charged(),
        None => Fault::new(FaultKind::Disconnected, "the request was not accepted by the connection"),
    }
}

/// The fault of a body that broke off or was not HTTP.
pub(crate) fn from_body_error(error: &hyper::Error) -> Fault {
    from_hyper(error, "in the response body").charged()
}

fn from_hyper(error: &hyper::Error, place: &str) -> Fault {
    if error.is_parse() {
        return Fault::new(FaultKind::BadAnswer, format!("not HTTP {place}: {}", root(error)));
    }
    Fault::new(FaultKind::Disconnected, format!("connection closed {place}: {}", root(error)))
}

/// The innermost error: what the operating system or the protocol said.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(next) = cause(current) {
        current = next;
    }
    current.to_string()
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut current = Some(error);
    while let Some(candidate) = current {
        if let Some(found) = candidate.downcast_ref() {
            return Some(found);
        }
        current = cause(candidate);
    }
    None
}

/// The next error inwards. An `io::Error` hides the error it wraps from `source`, so it is asked directly.
pub(crate) fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
