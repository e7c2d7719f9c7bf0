//! Limits, budgets, and how long bodies are kept.

use schemars::JsonSchema;

/// Limits; each that is absent is off. Windows of tokens count the preceding hour and the request itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyLimits {
    /// Input and output tokens together in an hour.
    #[schemars(range(min = 1), extend("examples" = [2_000_000]))]
    pub total_tokens_per_hour: Option<u64>,
    /// Input tokens in an hour.
    #[schemars(range(min = 1), extend("examples" = [1_500_000]))]
    pub input_tokens_per_hour: Option<u64>,
    /// Output tokens in an hour.
    #[schemars(range(min = 1), extend("examples" = [500_000]))]
    pub output_tokens_per_hour: Option<u64>,
    /// Requests in a minute.
    #[schemars(range(min = 1), extend("examples" = [600]))]
    pub requests_per_minute: Option<u64>,
    /// Requests that run at once.
    #[schemars(range(min = 1), extend("examples" = [32]))]
    pub concurrent_requests: Option<u64>,
}

/// The limits of each user of a key: true = those of the key, or others.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum KeyPerUser {
    AsTheKey(bool),
    Own(KeyLimits),
}

/// What may be spent in a period.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SpendingBudget {
    /// How much, in USD, as a decimal string above 0.
    #[schemars(extend("examples" = ["50"]))]
    pub amount_usd: String,
    /// After which it begins anew, by the UTC calendar.
    pub period: SpendingPeriod,
    /// What happens when it is spent; absent = hard.
    pub mode: Option<SpendingMode>,
}

/// How long a budget lasts: weeks begin on Monday, `lifetime` never begins anew.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SpendingPeriod {
    Day,
    Week,
    Month,
    Lifetime,
}

/// What happens when a budget is spent: `hard` refuses requests with status 402, `soft` lets them pass with an alert.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SpendingMode {
    Hard,
    Soft,
}

/// Bodies of requests and answers are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BodyLogging {
    /// Days after which they are deleted.
    #[schemars(range(min = 1, max = 3650), extend("examples" = [7]))]
    pub retention_days: u32,
}

/// Bodies of a key's requests and answers are kept, or are not.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyBodyLogging {
    /// Days after which they are deleted; 0 = they are not kept, whatever the organisation says.
    #[schemars(range(min = 0, max = 3650), extend("examples" = [7]))]
    pub retention_days: u32,
}
