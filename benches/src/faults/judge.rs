//! What is expected of a trial, and whether that is what came: at the caller, in the ledger, at the upstream.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use domain::{Finished, Outcome, RecordFilter, RecordReader};
use ledger::LedgerReader;

use crate::faults::caller::{End, Seen};
use crate::faults::speech::Speech;
use crate::faults::world;

/// A row may take this long to be in the database: the spool is drained beside the requests.
const ROW: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

/// What should come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A good answer of the first candidate.
    Answer,
    /// A good answer of another candidate.
    FailOver,
    /// An error with this status, and nothing else.
    Error(u16),
    /// An honest end of a stream: content, an error event, no marker, an abnormal close.
    Broken,
}

impl Expect {
    /// In the words of the table.
    pub fn words(self) -> String {
        match self {
            Self::Answer => "answer".to_owned(),
            Self::FailOver => "fail-over".to_owned(),
            Self::Error(status) => format!("error {status}"),
            Self::Broken => "error event".to_owned(),
        }
    }

    /// Says what is wrong with what the caller saw; nothing where it is as expected.
    pub fn compare(self, seen: &Seen, speech: Speech, stream: bool) -> Result<(), String> {
        let reading = seen.reading(speech);
        let came = format!("{} {:?} {reading:?}", seen.status, seen.end);
        let is_right = match self {
            Self::Answer | Self::FailOver => {
                seen.status == 200
                    && seen.end == End::Clean
                    && reading.text == Speech::text()
                    && reading.terminal
                    && !reading.error
            }
            Self::Error(status) => {
                seen.status == status && seen.end == End::Clean && reading.error && reading.text.is_empty()
            }
            Self::Broken => {
                let has_begun = !reading.text.is_empty() && Speech::text().starts_with(&reading.text);
                stream
                    && seen.status == 200
                    && seen.end == End::Broken
                    && reading.error
                    && !reading.terminal
                    && has_begun
            }
        };
        if is_right && reading.garbage == 0 { Ok(()) } else { Err(came) }
    }

    /// How the row should say that it ended.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Answer | Self::FailOver => Outcome::Completed,
            Self::Error(_) => Outcome::Failed,
            Self::Broken => Outcome::Interrupted,
        }
    }
}

/// What a trial was, in short: for tables.
pub fn in_short(seen: &Seen, speech: Speech) -> String {
    let reading = seen.reading(speech);
    match (seen.status, seen.end) {
        (0, end) => format!("no answer ({end:?})"),
        (200, End::Clean) if reading.terminal => "answer".to_owned(),
        (200, End::Broken) if reading.error && !reading.terminal => "error event".to_owned(),
        (200, end) => format!("200 {end:?} terminal={} error={}", reading.terminal, reading.error),
        (status, End::Clean) => format!("error {status}"),
        (status, end) => format!("error {status} {end:?}"),
    }
}

/// Waits for the row of a request, and says so when there are none or several.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn row(ledger: &LedgerReader, request: &str) -> Result<Result<Finished, String>> {
    let Ok(id) = request.parse() else { return Ok(Err(format!("`{request}` is no request id"))) };
    let filter = RecordFilter { request: Some(id), limit: 3, ..RecordFilter::default() };
    let until = Instant::now() + ROW;
    loop {
        let mut rows = ledger.list(filter.clone()).await?;
        match rows.len() {
            1 => return Ok(Ok(rows.remove(0).finished)),
            0 if Instant::now() < until => tokio::time::sleep(LOOK).await,
            count => return Ok(Err(format!("{count} rows"))),
        }
    }
}

/// Waits until there are so many rows.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn wait_for_rows(ledger: &LedgerReader, count: u64) -> Result<u64> {
    let until = Instant::now() + ROW;
    loop {
        let rows = ledger.count().await?;
        if rows >= count || Instant::now() > until {
            return Ok(rows);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a row must say of an answer that was delivered whole.
pub fn row_is_of_answer(row: &Finished, trial: u64, bad: bool) -> Result<(), String> {
    let spent = crate::faults::upstream::spent(trial, bad);
    let usage = row.usage.unwrap_or_default();
    if (usage.prompt_tokens, usage.completion_tokens, usage.estimated) != (spent.prompt, spent.completion, false) {
        return Err(format!("usage {usage:?} for {spent:?}"));
    }
    let cost = world::cost(spent, bad);
    if row.cost != Some(cost) {
        return Err(format!("cost {:?} for {cost}", row.cost));
    }
    Ok(())
}

/// Counts what is wrong, and keeps the first few of each kind.
#[derive(Debug, Default)]
pub struct Wrongs {
    kinds: HashMap<String, (u64, String)>,
}

impl Wrongs {
    /// Takes note of one.
    pub fn note(&mut self, kind: &str, detail: impl Into<String>) {
        let entry = self.kinds.entry(kind.to_owned()).or_insert_with(|| (0, detail.into()));
        entry.0 += 1;
    }

    /// How many of a kind.
    pub fn of(&self, kind: &str) -> u64 {
        self.kinds.get(kind).map_or(0, |(count, _)| *count)
    }

    /// The last line of a run, and whether all was right.
    pub fn verdict(&self) -> (String, bool) {
        if self.kinds.is_empty() {
            return ("sound".to_owned(), true);
        }
        let mut lines: Vec<String> =
            self.kinds.iter().map(|(kind, (count, first))| format!("{kind}: {count}, the first: {first}")).collect();
        lines.sort();
        (format!("UNSOUND\n  {}", lines.join("\n  ")), false)
    }
}
