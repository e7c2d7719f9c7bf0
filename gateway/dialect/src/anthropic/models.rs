//! What models of this dialect take differs by generation, and the API tells it nowhere but in refusals.
//!
//! Told by the model's native name, so that a request made for another dialect is not refused for a field that it never
//! named. Names that are not Claude's belong to compatible servers, which take what the API took first.

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Thought is bounded by tokens; sampling can be set.
    Budget,
    /// Thought is steered by an effort; sampling can be set.
    Effort,
    /// Thought is steered by an effort; sampling is refused.
    EffortOnly,
}

/// Parts of the names of Claude models that think by a budget.
const BY_BUDGET: [&str; 8] = ["claude-1", "claude-2", "claude-instant", "claude-3", "-4-0", "-4-1", "-4-5", "-4-2025"];

impl Generation {
    /// Tells it by the native name.
    pub(super) fn of(native_model: &str) -> Self {
        // Some servers write the version with a dot.
        let name = native_model.to_ascii_lowercase().replace('.', "-");
        if !name.contains("claude") || BY_BUDGET.iter().any(|part| name.contains(part)) {
            Self::Budget
        } else if name.contains("-4-6") {
            Self::Effort
        } else {
            Self::EffortOnly
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_is_told_by_the_name() {
        let check = |name, expected| assert_eq!(Generation::of(name), expected, "{name}");
        for name in
            ["claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-haiku-4-5", "glm-5", "claude-2.1"]
        {
            check(name, Generation::Budget);
        }
        for name in ["claude-opus-4-6", "anthropic.claude-sonnet-4.6"] {
            check(name, Generation::Effort);
        }
        for name in ["claude-opus-4-7", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5"] {
            check(name, Generation::EffortOnly);
        }
    }
}
