//! What `explain` shows of a decision, to people and as JSON.

use anyhow::Context;
use domain::{Decision, Score};
use proto::pb::admin::v1 as pb;
use serde_json::json;

use crate::output::{self, or_dash};

/// The record as the engine wrote it, and beside its members `scoring`: what the scorer said and what moved it.
pub(super) fn with_scoring(
    record: &[u8],
    score: Option<Score>,
    influences: &[pb::Influence],
) -> anyhow::Result<String> {
    let record = std::str::from_utf8(record).context("the server sent a record that cannot be read")?;
    let Some((score, open)) = score.zip(record.trim_end().strip_suffix('}')) else { return Ok(record.to_owned()) };
    let influences = influences
        .iter()
        .map(|it| json!({ "piece": it.piece, "complexity": it.complexity, "difficulty": it.difficulty }));
    let tags: serde_json::Map<_, _> =
        score.capabilities.iter().map(|(tag, probability)| (tag.to_string(), json!(probability))).collect();
    let scoring = json!({
        "complexity": score.complexity,
        "uncertainty": score.uncertainty,
        "difficulty": score.difficulty,
        "capabilities": tags,
        "expected_output_tokens": score.expected_output_tokens,
        "truncated": score.truncated,
        "version": score.version,
        "micros": score.micros,
        "influences": influences.collect::<Vec<_>>(),
    });
    Ok(format!("{open},\"scoring\":{scoring}}}"))
}

/// Prints a decision for people.
pub(super) fn print(decision: &Decision, score: Option<&Score>, influences: &[pb::Influence]) -> anyhow::Result<()> {
    output::line(format!("{}\n", decision.reason))?;
    let complexity = match (decision.complexity, score) {
        (Some(complexity), Some(score)) if score.uncertainty > 0.0 => {
            format!("{complexity:.3} ± {:.3}", score.uncertainty)
        }
        (complexity, _) => or_dash(complexity.map(|it| format!("{it:.3}"))),
    };
    let strategy = match decision.axis {
        Some(axis) => format!("{} / {}", decision.strategy, axis.as_str()),
        None => decision.strategy.clone(),
    };
    let mut facts = vec![
        ("policy", or_dash(decision.policy.as_ref())),
        ("strategy", strategy),
        ("complexity", complexity),
        ("adjusted", or_dash(decision.adjusted.map(|it| format!("{it:.3}")))),
        ("scorer", or_dash(decision.scorer.as_ref())),
    ];
    if let Some(rule) = &decision.rule {
        facts.insert(1, ("rule", rule.clone()));
    }
    let tags: Vec<_> =
        decision.capabilities.iter().filter(|(_, p)| *p >= 0.1).map(|(tag, p)| format!("{tag} {p:.2}")).collect();
    facts.push(("tags", if tags.is_empty() { "-".to_owned() } else { tags.join(", ") }));
    if let Some(score) = score {
        let tokens = score.expected_output_tokens;
        facts.push(("difficulty", format!("{:+.2}", score.difficulty)));
        facts.push(("answer", format!("about {} tokens, rarely more than {}", tokens.p50, tokens.p90)));
    }
    if let Some(degraded) = decision.degraded {
        facts.push(("degraded", degraded.as_str().to_owned()));
    }
    for it in decision.instructions.iter().flat_map(|it| &it.understood) {
        let condition = it.condition.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        facts.push(("understood", format!("{}{condition}: {}", it.intent, it.effect)));
    }
    if let Some(why) = decision.instructions.as_ref().and_then(|it| it.no_effect.as_ref()) {
        facts.push(("no effect", why.clone()));
    }
    if let Some(affinity) = &decision.affinity {
        let kept = if affinity.kept { "kept" } else { "left" };
        facts.push(("affinity", format!("{} {kept}: {}", affinity.previous, affinity.why)));
        if let Some(cost) = affinity.switch_cost_usd {
            facts.push(("switch", format!("${cost} for a cold prompt cache")));
        }
    }
    if decision.truncated {
        facts.push(("read", "the beginning and the end of the prompt only".to_owned()));
    }
    for (name, value) in facts {
        output::line(format!("  {name:<11} {value}"))?;
    }
    // What would be shown as 0.00 moved nothing that anybody would notice.
    for (place, it) in influences.iter().filter(|it| it.complexity.abs() >= 0.005).enumerate() {
        let name = if place == 0 { "moved by" } else { "" };
        output::line(format!("  {name:<11} {:+.2} \"{}\"", it.complexity, it.piece))?;
    }
    output::line("")?;
    let rows = decision.candidates.iter().enumerate().map(|(place, candidate)| {
        let position = or_dash(candidate.position.map(|it| format!("{it:.2}")));
        [
            (place + 1).to_string(),
            candidate.model.to_string(),
            position,
            or_dash(candidate.expected_cost_usd),
            or_dash(candidate.why.as_ref()),
        ]
    });
    output::table(["#", "MODEL", "POSITION", "EXPECTED $", "WHY"], rows.collect(), "no candidates")?;
    for removed in &decision.removed {
        output::line(format!("  removed: {} ({})", removed.model, removed.reason.as_str()))?;
    }
    Ok(())
}
