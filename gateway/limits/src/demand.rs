//! What a request asks of the limits, and what it has consumed in the end.

use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

use domain::{Budget, KeyId, Limits, Money, OrganisationId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// The two times of a request: windows go by the one that never goes back, budgets by the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall time.
    pub wall: Timestamp,
    /// Time since the process's start.
    pub monotonic: Duration,
}

/// A request and the limits and budgets that it falls under.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Whose request it is.
    pub organisation: OrganisationId,
    /// The key it came with.
    pub key: KeyId,
    /// The limits of the key.
    pub limits: Limits,
    /// The user within the key, where the key limits its users.
    pub user: Option<User>,
    /// Every budget that it spends from.
    pub caps: Vec<Cap>,
    /// What it may consume.
    pub estimate: Estimate,
}

impl Demand {
    /// Whether anything limits it.
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty() || self.user.is_some() || !self.caps.is_empty()
    }
}

/// A user within a key.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// Which.
    pub digest: UserDigest,
    /// The limits of each user.
    pub limits: Limits,
}

/// A user's name as a digest: names are personal, and of any length.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserDigest(pub [u8; 16]);

impl fmt::Debug for UserDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserDigest(…)")
    }
}

impl fmt::Display for UserDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A budget and whose it is.
#[derive(Clone, Debug)]
pub struct Cap {
    /// Whose.
    pub spender: Spender,
    /// How much, in which period, and what happens then.
    pub budget: Budget,
}

/// Who has a budget.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spender {
    /// A key.
    Key(KeyId),
    /// A project.
    Project(ProjectId),
    /// An organisation.
    Organisation(OrganisationId),
}

impl Spender {
    /// The kind: `key`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Project(_) => "project",
            Self::Organisation(_) => "organisation",
        }
    }

    /// The id.
    pub fn id(&self) -> &str {
        match self {
            Self::Key(id) => id.as_str(),
            Self::Project(id) => id.as_str(),
            Self::Organisation(id) => id.as_str(),
        }
    }
}

/// What a request may consume at most, as far as can be told before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens that it reads.
    pub input_tokens: u64,
    /// Tokens that it may write.
    pub output_tokens: u64,
    /// What it may cost; `None` where no price is known at all.
    pub cost: Option<Money>,
}

/// What a request has consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Tokens that it read.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
    /// What it cost.
    pub cost: Money,
}

impl Estimate {
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens { input: self.input_tokens, output: self.output_tokens }
    }
}

impl Consumed {
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens { input: self.input_tokens, output: self.output_tokens }
    }
}

/// Tokens read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Tokens {
    pub(crate) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

impl SubAssign for Tokens {
    fn sub_assign(&mut self, other: Self) {
        self.input = self.input.saturating_sub(other.input);
        self.output = self.output.saturating_sub(other.output);
    }
}
