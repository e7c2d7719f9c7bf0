//! `admin.v1.Records`: lists, tails and sums the ledger, where one is mounted on this engine.

mod filter;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::record::RecordFuture;
use domain::{Money, Outcome, RecordFilter, RecordReader, RequestRecord};
use proto::ConvertError;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::records_server::Records;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::auth::Caller;
use crate::shared::Shared;
use crate::stream::{self, Gone};

/// How long the ledger may take for one page.
const READ: Duration = Duration::from_secs(10);
/// Rows of a page whose caller does not say, and at most.
const PAGE: (u32, u32) = (100, 1000);
/// How often a tail looks for new rows.
const TAIL_INTERVAL: Duration = Duration::from_millis(250);
/// Rows that may wait for whoever tails.
const TAIL_BUFFER: usize = 64;
/// Rows summed in one call.
const USAGE_ROWS: usize = 200_000;

pub(crate) struct RecordsService {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Records for RecordsService {
    type TailStream = ReceiverStream<Result<pb::Record, Status>>;

    async fn list(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut filter = filter::read(&self.shared, request.filter, &caller)?;
        filter.before_sequence = request.before_sequence;
        filter.limit = if request.limit == 0 { PAGE.0 } else { request.limit.min(PAGE.1) };
        let rows = read(reader(&self.shared)?.list(filter)).await?;
        let records = rows.iter().map(message).collect::<Result<_, _>>()?;
        Ok(Response::new(pb::ListRecordsResponse { records }))
    }

    async fn tail(&self, request: Request<pb::TailRecordsRequest>) -> Result<Response<Self::TailStream>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let filter = filter::read(&self.shared, request.filter, &caller)?;
        let reader = reader(&self.shared)?.clone();
        let after = match request.after_sequence {
            Some(sequence) => sequence,
            None => read(reader.last_sequence()).await?,
        };
        let (sender, receiver) = mpsc::channel(TAIL_BUFFER);
        let tail = Tail { shared: self.shared.clone(), reader, filter, after, sender };
        tokio::spawn(tail.run());
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn usage(&self, request: Request<pb::UsageRequest>) -> Result<Response<pb::UsageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut filter = filter::read(&self.shared, request.into_inner().filter, &caller)?;
        filter.limit = PAGE.1;
        let reader = reader(&self.shared)?;
        let (mut lines, mut total) = (BTreeMap::<String, Sum>::new(), Sum::default());
        let (mut rows, mut truncated) = (0, false);
        loop {
            let page = read(reader.list(filter.clone())).await?;
            for row in &page {
                let model = row.finished.model.as_ref().map(ToString::to_string).unwrap_or_default();
                lines.entry(model).or_default().add(row);
                total.add(row);
            }
            rows += page.len();
            filter.before_sequence = page.last().map(|row| row.sequence);
            if page.len() < PAGE.1 as usize {
                break;
            }
            if rows >= USAGE_ROWS {
                truncated = true;
                break;
            }
        }
        let by_model = lines.into_iter().map(|(model, sum)| sum.message(model)).collect();
        Ok(Response::new(pb::UsageResponse { total: Some(total.message(String::new())), by_model, truncated }))
    }
}

/// The ledger, where one is mounted.
pub(crate) fn reader(shared: &Shared) -> Result<&Arc<dyn RecordReader>, Status> {
    shared.records.as_ref().ok_or_else(|| {
        Status::unimplemented("no ledger is mounted on this engine: start it with --ledger URL, or use `signalbox up`")
    })
}

/// Waits for rows, for a while.
pub(crate) async fn read<T>(rows: RecordFuture<'_, T>) -> Result<T, Status> {
    match timeout(READ, rows).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(error)) => Err(Status::unavailable(error.to_string())),
        Err(_) => Err(Status::deadline_exceeded("the ledger did not answer within 10 s: narrow the filter")),
    }
}

fn message(row: &RequestRecord) -> Result<pb::Record, Status> {
    pb::Record::try_from(row).map_err(|error: ConvertError| Status::internal(error.to_string()))
}

// === Tail ===

struct Tail {
    shared: Arc<Shared>,
    reader: Arc<dyn RecordReader>,
    filter: RecordFilter,
    after: u64,
    sender: mpsc::Sender<Result<pb::Record, Status>>,
}

impl Tail {
    async fn run(mut self) {
        let stopped = self.shared.stopped();
        tokio::pin!(stopped);
        loop {
            match self.send_new().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Gone) => return,
            }
            tokio::select! {
                () = self.sender.closed() => return,
                () = &mut stopped => {
                    let _left = self.sender.try_send(Err(Status::unavailable("the engine is stopping: connect again")));
                    return;
                }
                () = tokio::time::sleep(TAIL_INTERVAL) => {}
            }
        }
    }

    /// Sends the next page; whether there was one.
    async fn send_new(&mut self) -> Result<bool, Gone> {
        let filter = RecordFilter { after_sequence: Some(self.after), ..self.filter.clone() };
        let rows = match read(self.reader.list(filter)).await {
            Ok(rows) => rows,
            Err(status) => {
                self.send(Err(status)).await?;
                return Err(Gone);
            }
        };
        for row in &rows {
            self.send(message(row)).await?;
            self.after = row.sequence;
        }
        Ok(!rows.is_empty())
    }

    async fn send(&self, record: Result<pb::Record, Status>) -> Result<(), Gone> {
        stream::send(&self.sender, record, self.shared.limits.stall, "tail").await
    }
}

// === Sum ===

#[derive(Default)]
struct Sum {
    requests: u64,
    completed: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost: Money,
    saved: Money,
    unpriced: u64,
}

impl Sum {
    fn add(&mut self, row: &RequestRecord) {
        let row = &row.finished;
        self.requests += 1;
        self.completed += u64::from(row.outcome == Outcome::Completed);
        if let Some(usage) = &row.usage {
            self.prompt_tokens += usage.prompt_tokens;
            self.completion_tokens += usage.completion_tokens;
            self.unpriced += u64::from(row.cost.is_none());
        }
        self.cost += row.cost.unwrap_or_default();
        self.saved += row.saved.unwrap_or_default();
    }

    fn message(&self, model: String) -> pb::UsageLine {
        pb::UsageLine {
            model,
            requests: self.requests,
            completed: self.completed,
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            cost: self.cost.to_string(),
            saved: self.saved.to_string(),
            unpriced: self.unpriced,
        }
    }
}
