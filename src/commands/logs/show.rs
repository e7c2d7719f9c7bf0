//! `signalbox logs show`: everything that is known of one request.

use anyhow::bail;
use domain::{Attempt, RecordFilter, RecordReader, RequestId, RequestRecord};
use ledger::{BodyStore, KeptBodies, KeptBody};
use proto::pb::admin::v1 as pb;
use serde_json::json;

use super::offline;
use crate::cli::{ServerArgs, ShowLogArgs};
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output::{self, escaped, or_dash, set_in};
use crate::server_link::ServerLink;

/// Prints one record.
pub(super) async fn run(args: ShowLogArgs) -> anyhow::Result<Exit> {
    let request: RequestId = args
        .request
        .parse()
        .map_err(|_| UsageError(format!("`{}` is no request id: it begins with req_", args.request)))?;
    let Some(record) = find(&args.server, request).await? else {
        bail!("there is no record of {request}");
    };
    let bodies = bodies(&args.server, request).await?;
    if args.json {
        let mut document = serde_json::to_value(&record)?;
        if let Some(bodies) = &bodies {
            document["bodies"] = json!({"request": body_json(&bodies.request), "answer": body_json(&bodies.answer)});
        }
        output::json(&document)?;
        return Ok(Exit::Done);
    }
    lines(&record).iter().try_for_each(|line| output::line(escaped(line)))?;
    if let Some(bodies) = &bodies {
        for (name, body) in [("request", &bodies.request), ("answer", &bodies.answer)] {
            let cut = if body.is_cut() { format!(", of which {} were kept", body.begin.len()) } else { String::new() };
            output::line(format!("\n--- {name}: {} bytes{cut} ---", body.bytes))?;
            output::line(set_in(&String::from_utf8_lossy(&body.begin)))?;
        }
    }
    Ok(Exit::Done)
}

/// The request's bodies, where they were kept: they never leave the data folder by another way than this.
async fn bodies(server: &ServerArgs, request: RequestId) -> anyhow::Result<Option<KeptBodies>> {
    if server.server.is_some() {
        return Ok(None);
    }
    let Some(mut store) = BodyStore::open(&data_dir::ledger(&server.data_dir)).await? else { return Ok(None) };
    let bodies = store.get(request).await?;
    store.close().await;
    Ok(bodies)
}

fn body_json(body: &KeptBody) -> serde_json::Value {
    json!({"text": String::from_utf8_lossy(&body.begin), "bytes": body.bytes, "cut": body.is_cut()})
}

async fn find(server: &ServerArgs, request: RequestId) -> anyhow::Result<Option<RequestRecord>> {
    let mut rows = match ServerLink::connect(server).await {
        Ok(mut link) => {
            let filter = pb::RecordFilter { request: Some(request.to_string()), ..pb::RecordFilter::default() };
            link.records(filter, None, 1).await?
        }
        Err(fault) if server.server.is_some() => return Err(fault),
        Err(_) => {
            let filter = RecordFilter { request: Some(request), limit: 1, ..RecordFilter::default() };
            offline(server)?.list(filter).await?
        }
    };
    Ok(rows.pop())
}

fn lines(record: &RequestRecord) -> Vec<String> {
    let finished = &record.finished;
    let started = &finished.started;
    let field = |name: &str, value: String| format!("{name:<16} {value}");
    let millis = |micros: Option<u64>| micros.map_or("-".to_owned(), |it| format!("{:.3} ms", it as f64 / 1e3));
    let served = or_dash(finished.served_model.as_ref());
    let served = if finished.served_mismatch { format!("{served}   (not what was asked for)") } else { served };
    let tags = finished.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>();
    let mut lines = vec![
        field("request", started.id.to_string()),
        field("at", started.at.to_string()),
        field("endpoint", started.endpoint.as_str().to_owned()),
        field("key", started.key.to_string()),
        field("project", or_dash(started.project.as_ref())),
        field("user", or_dash(started.user.as_ref())),
        field("tags", or_dash((!tags.is_empty()).then(|| tags.join(", ")))),
        field("asked for", or_dash(started.requested_model.as_ref())),
        field("model", or_dash(finished.model.as_ref())),
        field("served", served),
        field("policy", or_dash(finished.policy.as_ref())),
        field("outcome", format!("{} ({})", finished.outcome.as_str(), finished.status)),
        field("error", or_dash(finished.error.as_ref())),
        field("total", millis(Some(finished.total_micros))),
        field("first token", millis(finished.first_token_micros)),
        field("queue", millis(finished.queue_micros)),
        field("decision", millis(finished.decision_micros)),
        field("upstream", millis(finished.upstream_micros)),
        field("overhead", millis(finished.overhead_micros)),
        field("cost $", or_dash(finished.cost)),
        field("saved $", or_dash(finished.saved)),
    ];
    if let Some(usage) = &finished.usage {
        lines.push(field(
            "tokens",
            format!(
                "{} in ({} cached, {} written to the cache), {} out ({} reasoning){}",
                usage.prompt_tokens,
                usage.cached_tokens,
                usage.cache_write_tokens,
                usage.completion_tokens,
                usage.reasoning_tokens,
                if usage.estimated { ", estimated" } else { "" }
            ),
        ));
    }
    if !finished.loss.is_empty() {
        lines.push(field("left out", finished.loss.join(", ")));
    }
    lines.extend(
        finished.attempts.iter().enumerate().map(|(place, it)| field(&format!("attempt {}", place + 1), attempt(it))),
    );
    lines.extend(finished.decision.as_ref().map(|decision| field("reason", decision.reason.clone())));
    lines
}

fn attempt(attempt: &Attempt) -> String {
    // The name that the wire format uses, without its quotes.
    let outcome = serde_json::to_value(attempt.outcome).ok().and_then(|it| it.as_str().map(str::to_owned));
    format!(
        "{} {} status {} after {} ms, {} ms, secret {}, upstream's id {}",
        attempt.model,
        or_dash(outcome),
        or_dash(attempt.status),
        or_dash(attempt.began_micros.map(|it| it as f64 / 1e3)),
        or_dash(attempt.millis),
        or_dash(attempt.credential.as_ref()),
        or_dash(attempt.upstream_request.as_ref()),
    )
}
