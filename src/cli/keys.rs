//! What can be typed about API keys, and about what is spent.

use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;

use clap::{Args, Subcommand};
use domain::Budget;

use super::{ActArgs, AnswerArgs, NameArgs, ObjectCommand, Wish};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Lists all keys; the keys themselves are never shown again.
    List(AnswerArgs),
    /// Shows one with all its fields.
    Show(NameArgs),
    /// Makes a key and shows it once.
    Create(CreateKeyArgs),
    /// Changes what a key may do: its policy, limits, budget, models, end.
    Update(UpdateKeyArgs),
    /// Ends a key at once.
    Revoke(RevokeKeyArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateKeyArgs {
    /// Its name.
    #[arg(long)]
    pub(crate) name: String,
    /// The project its requests belong to, by name or id.
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
    /// The policy of its requests, by id, name or slug.
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// Keeps the policy without enforcing it.
    #[arg(long, requires = "policy")]
    pub(crate) inactive: bool,
    /// A model it may use; may be repeated; none = all.
    #[arg(long, value_name = "MODEL")]
    pub(crate) allow_model: Vec<String>,
    /// When it ends, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<String>,
    /// Lets it administer the platform too.
    #[arg(long)]
    pub(crate) platform: bool,
    /// Gives each user, named by the `user` of requests, the same limits besides.
    #[arg(long)]
    pub(crate) per_user: bool,
    #[command(flatten)]
    pub(crate) spending: SpendingArgs,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct UpdateKeyArgs {
    /// The key, by id or name.
    pub(crate) key_ref: String,
    /// Enforces its policy.
    #[arg(long, conflicts_with = "inactive")]
    pub(crate) active: bool,
    /// Keeps its policy without enforcing it.
    #[arg(long)]
    pub(crate) inactive: bool,
    /// Gives it another policy; `none` = as its requests say.
    #[arg(long, value_name = "POLICY|none")]
    pub(crate) policy: Option<Wish<String>>,
    /// A model it may use instead of those before; may be repeated.
    #[arg(long, value_name = "MODEL", conflicts_with = "allow_all_models")]
    pub(crate) allow_model: Vec<String>,
    /// Lets it use all models.
    #[arg(long)]
    pub(crate) allow_all_models: bool,
    /// When it ends, such as `2027-01-31T00:00:00Z`; `none` = never.
    #[arg(long, value_name = "TIME|none")]
    pub(crate) expires_at: Option<Wish<String>>,
    /// Gives each user the limits of the key besides, as they are then.
    #[arg(long, conflicts_with = "no_per_user")]
    pub(crate) per_user: bool,
    /// Takes the limits of each user away.
    #[arg(long)]
    pub(crate) no_per_user: bool,
    #[command(flatten)]
    pub(crate) spending: SpendingArgs,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
}

/// What a key may consume and spend. `none` takes away what is there.
#[derive(Args, Debug)]
pub(crate) struct SpendingArgs {
    /// Input and output tokens in an hour.
    #[arg(long, value_name = "N|none")]
    pub(crate) limit_total_tokens_per_hour: Option<Wish<NonZeroU64>>,
    /// Input tokens in an hour.
    #[arg(long, value_name = "N|none")]
    pub(crate) limit_input_tokens_per_hour: Option<Wish<NonZeroU64>>,
    /// Output tokens in an hour.
    #[arg(long, value_name = "N|none")]
    pub(crate) limit_output_tokens_per_hour: Option<Wish<NonZeroU64>>,
    /// Requests in a minute.
    #[arg(long, value_name = "N|none")]
    pub(crate) limit_requests_per_minute: Option<Wish<NonZeroU64>>,
    /// Requests that run at once.
    #[arg(long, value_name = "N|none")]
    pub(crate) limit_concurrent_requests: Option<Wish<NonZeroU64>>,
    /// What its requests together may cost, such as `50/month`: USD per day, week, month or lifetime.
    #[arg(long, value_name = "USD/PERIOD|none")]
    pub(crate) budget: Option<Wish<Budget>>,
    /// Lets requests pass when the budget is spent, and raises an alert.
    #[arg(long, requires = "budget")]
    pub(crate) soft_budget: bool,
    /// Keeps the bodies of its requests and answers for so many days; `off` = keeps none, whatever the organisation says;
    /// `inherit` (or `none`) = as the organisation says.
    #[arg(long, value_name = "DAYS|off|inherit")]
    pub(crate) body_logging: Option<KeyBodies>,
    /// The user it belongs to, whose provider secrets it may use.
    #[arg(long, value_name = "USER|none")]
    pub(crate) user: Option<Wish<String>>,
}

/// What becomes of the bodies of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyBodies {
    /// As the organisation says.
    Inherit,
    /// None are kept.
    Off,
    /// They are kept for so many days.
    Days(NonZeroU32),
}

impl FromStr for KeyBodies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "inherit" | "none" => Ok(Self::Inherit),
            "off" => Ok(Self::Off),
            days => {
                days.parse().map(Self::Days).map_err(|_| "expected a number of days, `off` or `inherit`".to_owned())
            }
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct RevokeKeyArgs {
    /// The key, by id or name.
    pub(crate) key_ref: String,
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    #[command(flatten)]
    Object(ObjectCommand),
    /// Says what its requests together may cost.
    Budget(BudgetArgs),
}

#[derive(Args, Debug)]
pub(crate) struct BudgetArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
    /// Such as `50/month`: USD per day, week, month or lifetime; `none` takes it away.
    #[arg(value_name = "USD/PERIOD|none")]
    pub(crate) budget: Wish<Budget>,
    /// Lets requests pass when it is spent, and raises an alert.
    #[arg(long)]
    pub(crate) soft: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BodyLoggingArgs {
    #[command(flatten)]
    pub(crate) act: ActArgs,
    /// Days after which the bodies are deleted; `none` = they are not kept.
    #[arg(value_name = "DAYS|none")]
    pub(crate) days: Wish<NonZeroU32>,
}
