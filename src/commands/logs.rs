//! `signalbox logs`: request records from a running server, or straight from the data folder when none runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use domain::{RecordFilter, RecordReader, RequestRecord, Timestamp};
use ledger::Ledger;
use proto::pb::admin::v1 as pb;

use crate::cli::LogsArgs;
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::ServerLink;

/// The most that one call of the server gives.
const PAGE: u32 = 1_000;

/// Prints records, oldest first, so that the newest stand next to the prompt.
pub(crate) async fn run(args: LogsArgs) -> anyhow::Result<Exit> {
    let since = args.since.as_deref().map(moment).transpose()?;
    if args.limit == 0 || args.limit > PAGE {
        return Err(UsageError(format!("--limit: from 1 to {PAGE}")).into());
    }
    let filter = pb::RecordFilter {
        organisation: None,
        key: args.of_key.clone(),
        model: args.model.clone(),
        since_micros: since.map(Timestamp::unix_micros),
        request: None,
    };
    let mut records = match ServerLink::connect(&args.server).await {
        Ok(mut server) => {
            let records = server.records(filter.clone(), None, args.limit).await?;
            if args.follow {
                print_all(&args, records.iter().rev())?;
                let after = records.first().map(|record| record.sequence);
                server.tail(filter, after, |record| print_all(&args, std::iter::once(record))).await?;
                return Ok(Exit::Done);
            }
            records
        }
        Err(fault) if args.server.server.is_some() || args.follow => return Err(fault),
        Err(_) => offline(&args, since).await?,
    };
    records.reverse();
    if records.is_empty() && !args.json {
        output::line("no requests yet")?;
    }
    print_all(&args, records.iter())?;
    Ok(Exit::Done)
}

async fn offline(args: &LogsArgs, since: Option<Timestamp>) -> anyhow::Result<Vec<RequestRecord>> {
    let folder = data_dir::ledger(&args.server.data_dir);
    if !folder.is_dir() {
        bail!(
            "no server answers and {} holds no ledger: start one with `signalbox up`, or name the folder with --data-dir",
            args.server.data_dir.display()
        );
    }
    let parse = |text: &str| {
        text.parse().map_err(|_| UsageError(format!("--of-key: without a server, name the key by id, not `{text}`")))
    };
    let filter = RecordFilter {
        key: args.of_key.as_deref().map(parse).transpose()?,
        model: args
            .model
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|fault| UsageError(format!("--model: {fault}")))?,
        since,
        limit: args.limit,
        ..RecordFilter::default()
    };
    Ok(Ledger::open_reader(&folder)?.list(filter).await?)
}

fn print_all<'a>(args: &LogsArgs, records: impl Iterator<Item = &'a RequestRecord>) -> anyhow::Result<()> {
    for record in records {
        if args.json { output::json(record)? } else { output::line(line(record))? }
    }
    Ok(())
}

fn line(record: &RequestRecord) -> String {
    let finished = &record.finished;
    let started = &finished.started;
    let usage = finished.usage.map_or_else(
        || "-".to_owned(),
        |usage| {
            format!("{}{}+{}", if usage.estimated { "~" } else { "" }, usage.prompt_tokens, usage.completion_tokens)
        },
    );
    let reason = finished.error.clone().or_else(|| finished.decision.as_ref().map(|decision| decision.reason.clone()));
    format!(
        "{}  {}  {:<3} {:<16} {:<28} {:>11} tokens  ${:<12} {:>8.1} ms  {}",
        started.at,
        started.id,
        finished.status,
        finished.outcome.as_str(),
        or_dash(finished.model.as_ref()),
        usage,
        or_dash(finished.cost),
        finished.total_micros as f64 / 1e3,
        or_dash(reason),
    )
}

/// A time, or an age such as `15m`, `2h`, `7d`.
pub(crate) fn moment(text: &str) -> anyhow::Result<Timestamp> {
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Ok(time);
    }
    let wrong = || {
        UsageError(format!(
            "--since: `{text}` is neither a time such as 2026-11-22T10:00:00Z nor an age such as 15m, 2h or 7d"
        ))
    };
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong().into()),
    };
    let age = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(wrong)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let then = now.checked_sub(Duration::from_secs(age)).ok_or_else(wrong)?;
    Ok(Timestamp(i64::try_from(then.as_micros())?))
}
