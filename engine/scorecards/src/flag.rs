//! What should be known about scores that can be used.

use std::fmt;

/// A kind of reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagKind {
    /// Fewer than 100 samples, or a 95 % interval wider than a tenth of the scale.
    LowEvidence,
    /// Neither interval, standard error nor number of samples.
    NoInterval,
    /// Older than it may be.
    Stale,
    /// Bounds and unit were told from the scores.
    UnitGuessed,
    /// The published name is no known model; its score is kept under the id that the flag names.
    Unmatched,
    /// Something of the file that a scorecard does not hold, or that another row replaces.
    LeftOut,
}

impl FlagKind {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::LowEvidence, Self::NoInterval, Self::Stale, Self::UnitGuessed, Self::Unmatched, Self::LeftOut];

    /// The kind's name: `low_evidence`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowEvidence => "low_evidence",
            Self::NoInterval => "no_interval",
            Self::Stale => "stale",
            Self::UnitGuessed => "unit_guessed",
            Self::Unmatched => "unmatched",
            Self::LeftOut => "left_out",
        }
    }
}

/// A reservation about a scorecard or one of its scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its kind.
    pub kind: FlagKind,
    /// The scorecard's label; empty = the file.
    pub scorecard: String,
    /// The published name of the model, where it is about one score.
    pub model: Option<String>,
    /// What, and where it helps what to do.
    pub message: String,
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind.as_str())?;
        if !self.scorecard.is_empty() {
            write!(f, "{}: ", self.scorecard)?;
        }
        if let Some(model) = &self.model {
            write!(f, "`{model}`: ")?;
        }
        f.write_str(&self.message)
    }
}
