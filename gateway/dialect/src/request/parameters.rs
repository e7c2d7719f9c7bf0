//! Sampling and output parameters whose support differs between models.

/// Parameters that eligibility looks at, sorted. Limits, tools and the output format have their own features; fields
/// that change nothing about the answer (`user`, `metadata`, `store`) are not parameters.
const NAMES: [&str; 20] = [
    "frequency_penalty",
    "include_reasoning",
    "logit_bias",
    "logprobs",
    "min_p",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "seed",
    "stop",
    "temperature",
    "top_a",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
];

/// Which parameters a request sets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ParameterSet(u32);

impl ParameterSet {
    /// Notes a top-level member with its JSON text. What merely states the default is not a demand.
    pub(crate) fn note(&mut self, name: &str, value: &str) {
        let is_default = match name {
            "n" => value == "1",
            "logprobs" | "include_reasoning" => value == "false",
            _ => false,
        };
        if let (Ok(index), false) = (NAMES.binary_search(&name), is_default || value == "null") {
            self.0 |= 1 << index;
        }
    }

    /// The names, sorted.
    pub(crate) fn names(self) -> Vec<String> {
        if self.0 == 0 {
            return Vec::new();
        }
        let set = NAMES.iter().enumerate().filter(|(index, _)| self.0 >> index & 1 == 1);
        set.map(|(_, name)| (*name).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_they_can_be_searched() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn defaults_and_nulls_are_not_demands() {
        let mut set = ParameterSet::default();
        let given =
            [("top_p", "0.5"), ("seed", "null"), ("n", "1"), ("logprobs", "false"), ("user", "\"x\""), ("stop", "[]")];
        for (name, value) in given {
            set.note(name, value);
        }
        assert_eq!(set.names(), ["stop", "top_p"]);
    }
}
