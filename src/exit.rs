//! How a command ends, as an exit code.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// It failed, or what was asked about is refused.
    Failed,
    /// Done, but something deserves a look.
    Warnings,
    /// Wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Warnings => 2,
            Exit::Usage => 64,
        })
    }
}

/// Marks an error as one of usage or configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// The exit code of an error.
pub(crate) fn of(fault: &anyhow::Error) -> Exit {
    if fault.chain().any(<dyn std::error::Error>::is::<UsageError>) { Exit::Usage } else { Exit::Failed }
}

/// An error with its causes; a cause that repeats what stands before it is left out.
pub(crate) fn explain(fault: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in fault.chain() {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}
