//! Tag rules.

use schemars::JsonSchema;

use super::policies::Strategy;

/// When something else than the policy's strategy decides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyRule {
    /// Lower ones are asked first; equals in the order in which they are written.
    #[schemars(extend("examples" = [10]))]
    pub priority: i32,
    /// What decisions call it, unique in the policy; absent = `rules[2]`.
    #[schemars(extend("examples" = ["EU premium"]))]
    pub name: Option<String>,
    /// When it holds.
    #[schemars(extend("examples" = [{"field": "tag.tier", "op": "eq", "value": "premium"}]))]
    pub when: RuleCondition,
    /// What decides then.
    #[schemars(extend("examples" = [{"policy": "premium"}, {"strategy": {"type": "intelligent", "axis": "cost"}}]))]
    pub r#use: RuleUse,
}

/// A test of one field, or several conditions joined.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub enum RuleCondition {
    All {
        all: Vec<RuleCondition>,
    },
    Any {
        any: Vec<RuleCondition>,
    },
    Not {
        not: Box<RuleCondition>,
    },
    Test {
        /// `tag.KEY`, `header.NAME`, `metadata.KEY`, `model`, `project`, `key.name`, `user`, `stream`, `has_tools`,
        /// `has_images`, `has_schema`, `input_tokens`, `max_output_tokens`, `complexity` or `capability.TAG`.
        field: String,
        /// How it is compared.
        op: RuleOperator,
        /// With what; nothing for `exists` and `not_exists`.
        value: Option<RuleValue>,
    },
}

/// How a field is compared.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum RuleOperator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Exists,
    NotExists,
}

/// What a field is compared with.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum RuleValue {
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<RuleValue>),
}

/// What decides where a rule holds.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleUse {
    /// Another policy: its name, slug or id.
    Policy(String),
    /// Another strategy over the policy's own models.
    Strategy(Strategy),
}
