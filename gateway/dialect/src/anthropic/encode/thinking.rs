//! How much is thought: efforts and budgets, as the model's generation takes them, and room for both in the limit.

use serde::Serialize;

use super::super::models::Generation;
use super::super::proof;
use crate::canonical::{Loss, Reasoning, Request, ToolChoice};

/// The dialect demands a limit of the answer; whoever names none gets this one, which every model can write.
const DEFAULT_MAX_TOKENS: u64 = 4096;
/// The least that can be thought where a budget bounds it.
const LEAST_BUDGET: u64 = 1024;

/// The `thinking` object.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Adaptive {
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Disabled {},
}

/// What is said of thought, and the limit that holds with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Thought<'a> {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'a str>,
    pub(super) max_tokens: u64,
}

impl Thought<'_> {
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.thinking, None | Some(Thinking::Disabled {}))
    }
}

/// Says how much is thought.
pub(super) fn of<'a>(request: &'a Request, generation: Generation, loss: &mut Loss) -> Thought<'a> {
    let max_tokens = request.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    let silent = || Thought { thinking: None, effort: None, max_tokens };
    let Some(asked) = &request.reasoning else { return silent() };
    let effort = asked.effort.as_deref();
    if effort == Some("none") || asked.budget_tokens == Some(0) {
        let effort = effort.filter(|effort| *effort != "none" && generation != Generation::Budget);
        return Thought { thinking: Some(Thinking::Disabled {}), effort, max_tokens };
    }
    if matches!(
        request.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Among { required: true, .. })
    ) {
        loss.note("reasoning", "this dialect does not think before a call that it must make");
        return silent();
    }
    match generation {
        Generation::Budget => by_budget(request, asked, loss).unwrap_or_else(silent),
        Generation::Effort | Generation::EffortOnly => by_effort(asked, max_tokens, loss),
    }
}

fn by_effort<'a>(asked: &'a Reasoning, max_tokens: u64, loss: &mut Loss) -> Thought<'a> {
    let effort = match (asked.effort.as_deref(), asked.budget_tokens) {
        (Some("minimal"), _) => {
            loss.note("reasoning.effort", "the least effort of this dialect is `low`");
            Some("low")
        }
        (Some(effort), _) => Some(effort),
        (None, Some(budget)) => {
            loss.note("reasoning.budget_tokens", "this model takes an effort, no budget: the nearest is asked for");
            Some(match budget {
                0..=2_048 => "low",
                2_049..=12_288 => "medium",
                12_289.. => "high",
            })
        }
        (None, None) => None,
    };
    Thought { thinking: Some(Thinking::Adaptive { display: display(asked) }), effort, max_tokens }
}

/// The budget of an effort, where budgets are all there is.
const fn budget_of(effort: Option<&str>) -> u64 {
    match effort {
        Some(word) => match word.as_bytes() {
            b"minimal" => LEAST_BUDGET,
            b"low" => 2_048,
            b"high" => 16_384,
            b"xhigh" | b"max" => 32_768,
            _ => 8_192,
        },
        None => 8_192,
    }
}

/// A budget must be below the limit of the answer: a limit that was asked for holds, one that was not makes room.
fn by_budget<'a>(request: &Request, asked: &Reasoning, loss: &mut Loss) -> Option<Thought<'a>> {
    if proof::is_loop_without_thought(&request.messages) {
        loss.note("reasoning", proof::LOOP_WITHOUT_THOUGHT);
        return None;
    }
    let budget = asked.budget_tokens.unwrap_or_else(|| budget_of(asked.effort.as_deref())).max(LEAST_BUDGET);
    let (budget_tokens, max_tokens) = match request.max_output_tokens {
        None => (budget, budget.saturating_add(DEFAULT_MAX_TOKENS)),
        Some(most) if most > budget => (budget, most),
        Some(most) if most > LEAST_BUDGET => (most - 1, most),
        Some(_) => {
            loss.note("reasoning", "the limit of the answer leaves no room for thought");
            return None;
        }
    };
    if asked.budget_tokens.is_some_and(|asked| asked != budget_tokens) {
        loss.note("reasoning.budget_tokens", "is between 1024 and the limit of the answer in this dialect");
    }
    let thinking = Thinking::Enabled { budget_tokens, display: display(asked) };
    Some(Thought { thinking: Some(thinking), effort: None, max_tokens })
}

fn display(asked: &Reasoning) -> Option<&'static str> {
    asked.summary.as_ref().map(|_| "summarized")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Message, Part, Role};

    #[track_caller]
    fn check(
        (effort, budget, most): (Option<&str>, Option<u64>, Option<u64>),
        generation: Generation,
        expected: &(Option<Thinking>, Option<&str>, u64),
        lost: &[&str],
    ) {
        let reasoning = Reasoning { effort: effort.map(str::to_owned), budget_tokens: budget, summary: None };
        let request = Request { reasoning: Some(reasoning), max_output_tokens: most, ..Request::default() };
        let mut loss = Loss::default();
        let said = of(&request, generation, &mut loss);
        assert_eq!(&(said.thinking, said.effort, said.max_tokens), expected);
        assert_eq!(loss.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), lost);
    }

    const fn enabled(budget_tokens: u64) -> Thinking {
        Thinking::Enabled { budget_tokens, display: None }
    }

    const ADAPTIVE: Option<Thinking> = Some(Thinking::Adaptive { display: None });

    #[test]
    fn older_models_think_by_a_budget_below_the_limit() {
        check((Some("high"), None, None), Generation::Budget, &(Some(enabled(16_384)), None, 20_480), &[]);
        check((None, Some(5_000), Some(9_000)), Generation::Budget, &(Some(enabled(5_000)), None, 9_000), &[]);
        let lowered = &["reasoning.budget_tokens"];
        check((None, Some(9_000), Some(3_000)), Generation::Budget, &(Some(enabled(2_999)), None, 3_000), lowered);
        check((None, Some(100), None), Generation::Budget, &(Some(enabled(1_024)), None, 5_120), lowered);
        check((Some("low"), None, Some(500)), Generation::Budget, &(None, None, 500), &["reasoning"]);
    }

    #[test]
    fn newer_models_think_by_an_effort() {
        check((Some("max"), None, Some(900)), Generation::EffortOnly, &(ADAPTIVE, Some("max"), 900), &[]);
        check((None, None, None), Generation::Effort, &(ADAPTIVE, None, 4_096), &[]);
        let (low, medium) = ((ADAPTIVE, Some("low"), 4_096), (ADAPTIVE, Some("medium"), 4_096));
        check((Some("minimal"), None, None), Generation::Effort, &low, &["reasoning.effort"]);
        check((None, Some(9_000), None), Generation::Effort, &medium, &["reasoning.budget_tokens"]);
    }

    #[test]
    fn no_thought_is_said_so() {
        for generation in [Generation::Budget, Generation::Effort, Generation::EffortOnly] {
            check((Some("none"), None, None), generation, &(Some(Thinking::Disabled {}), None, 4_096), &[]);
            check((None, Some(0), None), generation, &(Some(Thinking::Disabled {}), None, 4_096), &[]);
        }
    }

    #[test]
    fn older_models_think_about_results_only_with_their_own_thought_before_the_calls() {
        let call = Part::ToolCall { id: "a".into(), name: "n".into(), arguments: "{}".into(), signature: None };
        let result = Part::ToolResult { call: "a".into(), name: None, content: vec![], is_error: false, cache: None };
        let thought = Part::Reasoning { text: "t".into(), signature: Some("EqQB".into()), redacted: false };
        let asked = |parts: Vec<Part>, generation| {
            let messages = vec![Message::new(Role::Assistant, parts), Message::new(Role::Tool, vec![result.clone()])];
            let request = Request { messages, reasoning: Some(Reasoning::default()), ..Request::default() };
            let mut loss = Loss::default();
            (of(&request, generation, &mut loss).is_on(), loss.is_empty())
        };
        assert_eq!(asked(vec![call.clone()], Generation::Budget), (false, false));
        assert_eq!(asked(vec![thought, call.clone()], Generation::Budget), (true, true));
        assert_eq!(asked(vec![call], Generation::EffortOnly), (true, true));
    }

    #[test]
    fn forced_calls_go_before_thought() {
        let request = Request {
            reasoning: Some(Reasoning::default()),
            tool_choice: Some(ToolChoice::Required),
            ..Request::default()
        };
        let mut loss = Loss::default();
        assert!(!of(&request, Generation::Effort, &mut loss).is_on());
        assert!(!loss.is_empty());
    }
}
