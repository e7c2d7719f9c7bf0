//! `signalbox logs`: request records from a running server, or straight from the data folder when none runs.

mod show;

use anyhow::bail;
use domain::{RecordFilter, RecordReader, RequestRecord};
use ledger::{Ledger, LedgerReader};
use proto::pb::admin::v1 as pb;

use crate::cli::{ListLogsArgs, LogsArgs, LogsCommand, ServerArgs};
use crate::data_dir;
use crate::exit::{Exit, UsageError};
use crate::output::{self, escaped, or_dash};
use crate::server_link::ServerLink;

/// The most that one call of the server gives.
const PAGE: u32 = 1_000;
/// Records that are held at once, to print the oldest first: some hundred MiB.
const MOST: u32 = 100_000;

/// Prints records, oldest first, so that the newest stand next to the prompt; or all of one.
pub(crate) async fn run(args: LogsArgs) -> anyhow::Result<Exit> {
    match args.command {
        Some(LogsCommand::Show(args)) => show::run(args).await,
        None => list(args.list).await,
    }
}

async fn list(args: ListLogsArgs) -> anyhow::Result<Exit> {
    if args.limit == 0 || args.limit > MOST {
        let cure = "`signalbox export` writes as many as there are";
        return Err(UsageError(format!("--limit: from 1 to {MOST}; {cure}")).into());
    }
    let filter = args.filter.message()?;
    let mut records = match ServerLink::connect(&args.server).await {
        Ok(mut server) => {
            let records = newest(&mut server, &filter, args.limit).await?;
            if args.follow {
                print_all(&args, records.iter().rev())?;
                // The newest did not have to be the last to end.
                let after = records.iter().map(|record| record.sequence).max();
                server.tail(filter, after, |record| print_all(&args, std::iter::once(record))).await?;
                return Ok(Exit::Done);
            }
            records
        }
        Err(fault) if args.server.server.is_some() || args.follow => return Err(fault),
        Err(_) => {
            let wanted = RecordFilter { limit: args.limit, ..args.filter.offline()? };
            offline(&args.server)?.list(wanted).await?
        }
    };
    records.reverse();
    if records.is_empty() && !args.json {
        let is_narrowed = filter != pb::RecordFilter::default();
        output::line(if is_narrowed { "no request matches" } else { "no requests yet" })?;
    }
    print_all(&args, records.iter())?;
    Ok(Exit::Done)
}

/// The newest records, page by page.
async fn newest(server: &mut ServerLink, filter: &pb::RecordFilter, limit: u32) -> anyhow::Result<Vec<RequestRecord>> {
    let mut records = Vec::new();
    loop {
        let before = records.last().map(|record: &RequestRecord| record.sequence);
        let missing = limit.saturating_sub(u32::try_from(records.len())?);
        let page = server.records(filter.clone(), before, missing.min(PAGE)).await?;
        let is_last = page.len() < PAGE as usize || missing <= PAGE;
        records.extend(page);
        if is_last {
            return Ok(records);
        }
    }
}

/// The ledger of the data folder.
pub(crate) fn offline(server: &ServerArgs) -> anyhow::Result<LedgerReader> {
    let folder = data_dir::ledger(&server.data_dir);
    if !folder.is_dir() {
        bail!(
            "no server answers and {} holds no ledger: start one with `signalbox up`, or name the folder with --data-dir",
            server.data_dir.display()
        );
    }
    Ok(Ledger::open_reader(&folder)?)
}

fn print_all<'a>(args: &ListLogsArgs, records: impl Iterator<Item = &'a RequestRecord>) -> anyhow::Result<()> {
    for record in records {
        if args.json { output::json(record)? } else { output::line(escaped(&line(record)))? }
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
