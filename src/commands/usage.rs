//! `signalbox usage`: what requests have consumed, cost and saved, by model.

use proto::pb::admin::v1 as pb;
use serde_json::{Value, json};

use crate::cli::UsageArgs;
use crate::exit::Exit;
use crate::output;
use crate::server_link::ServerLink;

/// Prints the sums. Saved is what the most capable candidate of each request would have cost more.
pub(crate) async fn run(args: UsageArgs) -> anyhow::Result<Exit> {
    let filter = args.filter.message()?;
    let usage = ServerLink::connect(&args.server).await?.usage(filter).await?;
    let total = usage.total.unwrap_or_default();
    if args.json {
        let models: Vec<_> = usage.by_model.iter().map(document).collect();
        output::json(&json!({"total": document(&total), "models": models, "truncated": usage.truncated}))?;
        return Ok(Exit::Done);
    }
    let total = pb::UsageLine { model: "total".to_owned(), ..total };
    let rows = usage.by_model.iter().chain(std::iter::once(&total)).map(row).collect();
    output::table(
        ["MODEL", "REQUESTS", "COMPLETED", "PROMPT", "COMPLETION", "COST $", "SAVED $"],
        rows,
        "no requests",
    )?;
    if total.unpriced > 0 {
        output::line(format!("{} of them have no known price and are in neither sum", total.unpriced))?;
    }
    if usage.truncated {
        output::line("there are more requests than are summed at once: narrow them with --since")?;
    }
    Ok(Exit::Done)
}

fn row(line: &pb::UsageLine) -> [String; 7] {
    let model = if line.model.is_empty() { "-".to_owned() } else { line.model.clone() };
    let counts = [line.requests, line.completed, line.prompt_tokens, line.completion_tokens];
    let [requests, completed, prompt, completion] = counts.map(|count| count.to_string());
    [model, requests, completed, prompt, completion, line.cost.clone(), line.saved.clone()]
}

fn document(line: &pb::UsageLine) -> Value {
    json!({
        "model": Some(&line.model).filter(|it| !it.is_empty()),
        "requests": line.requests,
        "completed": line.completed,
        "prompt_tokens": line.prompt_tokens,
        "completion_tokens": line.completion_tokens,
        "cost_usd": line.cost,
        "saved_usd": line.saved,
        "unpriced": line.unpriced,
    })
}
