//! Turns what went wrong into a gRPC status: the one table of the engine.

use domain::DesiredFault;
use proto::ConvertError;
use registry::{ApplyError, RegistryError, UnknownObject};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};
use tracing::error;

use crate::batcher::{RETRY_AFTER, ScoreFailure};
use crate::scorers::ScorersError;

/// A prompt was not scored.
pub(crate) fn of_scoring(failure: &ScoreFailure) -> Status {
    let message = failure.to_string();
    match failure {
        ScoreFailure::Overloaded { .. } | ScoreFailure::Crowded { .. } => {
            let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
            Status::with_error_details(Code::ResourceExhausted, message, details)
        }
        ScoreFailure::Expired => Status::deadline_exceeded(message),
        ScoreFailure::TooSlow { .. }
        | ScoreFailure::Failed(_)
        | ScoreFailure::Panicked
        | ScoreFailure::Miscounted { .. }
        | ScoreFailure::Stopped => Status::unavailable(message),
    }
}

/// The scorers are as they were.
pub(crate) fn of_scorers(failure: &ScorersError) -> Status {
    let message = failure.to_string();
    match failure {
        ScorersError::Pinned(_)
        | ScorersError::NoStore
        | ScorersError::Serving(_)
        | ScorersError::BuiltIn(_)
        | ScorersError::ShadowOfItself(_)
        | ScorersError::NothingBefore
        | ScorersError::NotPassed { .. }
        | ScorersError::Damaged { .. }
        | ScorersError::Unusable { .. } => Status::failed_precondition(message),
        ScorersError::Unknown { .. } => Status::not_found(message),
        ScorersError::Share(_) | ScorersError::NoReason | ScorersError::Refused(_) => Status::invalid_argument(message),
        ScorersError::Conflict(_) => Status::already_exists(message),
        ScorersError::Full(_) => Status::resource_exhausted(message),
        ScorersError::Late => Status::deadline_exceeded(message),
        ScorersError::Interrupted => Status::aborted(message),
        ScorersError::Write(_) => {
            error!(%failure, "the scorers could not be changed");
            Status::internal(message)
        }
    }
}

/// The registry did not do what it was asked.
pub(crate) fn of_registry(failure: &RegistryError) -> Status {
    let message = failure.to_string();
    match failure {
        RegistryError::Busy { .. } => Status::unavailable(message),
        RegistryError::ChangedElsewhere | RegistryError::Interrupted => Status::aborted(message),
        RegistryError::Open { .. }
        | RegistryError::Newer { .. }
        | RegistryError::Migrate { .. }
        | RegistryError::Seal { .. }
        | RegistryError::Database { .. }
        | RegistryError::Row { .. }
        | RegistryError::Rotation(_)
        | RegistryError::LeftBehind { .. }
        | RegistryError::Incomplete { .. } => {
            error!(%failure, "the registry failed");
            Status::internal(message)
        }
    }
}

/// There is no such object.
pub(crate) fn of_unknown(unknown: &UnknownObject) -> Status {
    Status::not_found(unknown.to_string())
}

/// A change of one object was refused; `within` is the path of that object, left out of the answer.
pub(crate) fn of_apply(failure: &ApplyError, within: &str) -> Status {
    match failure {
        ApplyError::Refused { faults } => of_faults(faults, within),
        ApplyError::Unknown(unknown) => of_unknown(unknown),
        // The caller read the object, and must read it again: that is for it to decide, so no retry is hinted.
        ApplyError::Conflict { .. } => Status::aborted(failure.to_string()),
        ApplyError::Reused { .. } => Status::invalid_argument(format!("idempotency_key: {failure}")),
        ApplyError::Registry(failure) => of_registry(failure),
    }
}

/// Fields of a request are not what they should be.
pub(crate) fn of_fields(faults: &[ConvertError]) -> Status {
    let fault = |it: &ConvertError| DesiredFault { path: it.field.clone(), message: it.message.clone() };
    of_faults(&faults.iter().map(fault).collect::<Vec<_>>(), "")
}

/// What is wrong with an object, field by field; `within` is left out of their paths.
pub(crate) fn of_faults(faults: &[DesiredFault], within: &str) -> Status {
    let field = |fault: &DesiredFault| fault.path.strip_prefix(within).unwrap_or(&fault.path).to_owned();
    let message = faults.iter().map(|fault| format!("{}: {}", field(fault), fault.message));
    let violations = faults.iter().map(|fault| FieldViolation::new(field(fault), fault.message.clone()));
    let details = ErrorDetails::with_bad_request(violations.collect::<Vec<_>>());
    Status::with_error_details(Code::InvalidArgument, message.collect::<Vec<_>>().join("\n"), details)
}
