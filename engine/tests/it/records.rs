//! The ledger through the engine.

use std::sync::{Arc, Mutex};

use domain::record::RecordFuture;
use domain::{
    Finished, KeyId, ModelId, Money, OrganisationId, Outcome, RecordFilter, RecordReader, RequestId, RequestRecord,
    Started, Timestamp, Usage,
};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::records_client::RecordsClient;
use tonic::Code;

use crate::harness::{Setup, Stack, soon};

/// A ledger in memory.
#[derive(Default)]
struct Rows(Mutex<Vec<RequestRecord>>);

impl Rows {
    fn add(&self, model: &str, cost: Option<i128>) {
        let mut rows = self.0.lock().unwrap();
        let sequence = rows.len() as u64 + 1;
        rows.push(row(sequence, model, cost));
    }
}

fn row(sequence: u64, model: &str, cost: Option<i128>) -> RequestRecord {
    let (organisation, key) = (OrganisationId::from_random([1; 20]), KeyId::from_random([1; 20]));
    let started = Started::new(RequestId::from_value(sequence.into()), Timestamp(0), organisation, key);
    let usage = Usage { prompt_tokens: 10, completion_tokens: 5, ..Usage::default() };
    let finished = Finished {
        model: Some(ModelId::parse(model).unwrap()),
        usage: Some(usage),
        cost: cost.map(Money::from_pico),
        saved: cost.map(|_| Money::from_pico(3)),
        total_micros: 1,
        ..Finished::new(started, Outcome::Completed, 200)
    };
    RequestRecord { sequence, finished }
}

impl RecordReader for Rows {
    fn list(&self, filter: RecordFilter) -> RecordFuture<'_, Vec<RequestRecord>> {
        let rows = self.0.lock().unwrap().clone();
        let limit = filter.limit as usize;
        let wanted = rows.into_iter().filter(move |row| {
            filter.after_sequence.is_none_or(|after| row.sequence > after)
                && filter.before_sequence.is_none_or(|before| row.sequence < before)
                && filter.model.as_ref().is_none_or(|model| row.finished.model.as_ref() == Some(model))
        });
        let mut rows: Vec<_> = wanted.collect();
        if filter.after_sequence.is_none() {
            rows.reverse();
        }
        rows.truncate(limit);
        Box::pin(async move { Ok(rows) })
    }

    fn count(&self) -> RecordFuture<'_, u64> {
        let count = self.0.lock().unwrap().len() as u64;
        Box::pin(async move { Ok(count) })
    }

    fn last_sequence(&self) -> RecordFuture<'_, u64> {
        let last = self.0.lock().unwrap().last().map_or(0, |row| row.sequence);
        Box::pin(async move { Ok(last) })
    }
}

async fn start() -> (Stack, Arc<Rows>) {
    let rows = Arc::new(Rows::default());
    let setup = Setup { records: Some(rows.clone()), ..Setup::default() };
    (Stack::start_with(setup).await, rows)
}

fn sequences(records: &[pb::Record]) -> Vec<u64> {
    records.iter().map(|record| record.sequence).collect()
}

#[tokio::test]
async fn records_are_listed_newest_first_page_by_page() {
    let (stack, rows) = start().await;
    for _ in 0..5 {
        rows.add("acme/small", Some(1));
    }
    let mut client = RecordsClient::new(stack.in_process().await);
    let request = pb::ListRecordsRequest { limit: 3, ..Default::default() };
    let first = soon(client.list(request.clone())).await.unwrap().into_inner().records;
    assert_eq!(sequences(&first), [5, 4, 3]);
    let request = pb::ListRecordsRequest { before_sequence: Some(3), ..request };
    let second = soon(client.list(request)).await.unwrap().into_inner().records;
    assert_eq!(sequences(&second), [2, 1]);
    assert_eq!(RequestRecord::try_from(second[1].clone()).unwrap(), row(1, "acme/small", Some(1)));
}

#[tokio::test]
async fn a_tail_gives_what_comes_after_it_began() {
    let (stack, rows) = start().await;
    rows.add("acme/small", None);
    let mut client = RecordsClient::new(stack.over_unix().await);
    let mut new = soon(client.tail(pb::TailRecordsRequest::default())).await.unwrap().into_inner();
    let from_start = pb::TailRecordsRequest { after_sequence: Some(0), ..Default::default() };
    let mut all = soon(client.tail(from_start)).await.unwrap().into_inner();
    rows.add("acme/large", None);
    assert_eq!(soon(new.message()).await.unwrap().unwrap().sequence, 2);
    assert_eq!(soon(all.message()).await.unwrap().unwrap().sequence, 1);
    assert_eq!(soon(all.message()).await.unwrap().unwrap().sequence, 2);
    stack.stop().await.unwrap();
    assert_eq!(soon(all.message()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn usage_sums_exactly_over_all_pages() {
    let (stack, rows) = start().await;
    for number in 0..2500 {
        rows.add(if number % 5 == 0 { "acme/large" } else { "acme/small" }, (number % 100 != 0).then_some(7));
    }
    let mut client = RecordsClient::new(stack.in_process().await);
    let usage = soon(client.usage(pb::UsageRequest::default())).await.unwrap().into_inner();
    let total = usage.total.unwrap();
    assert_eq!((total.requests, total.prompt_tokens, total.unpriced), (2500, 25_000, 25));
    assert_eq!(total.cost, Money::from_pico(2475 * 7).to_string());
    assert_eq!(total.saved, Money::from_pico(2475 * 3).to_string());
    let lines: Vec<_> = usage.by_model.iter().map(|line| (line.model.as_str(), line.requests)).collect();
    assert_eq!(lines, [("acme/large", 500), ("acme/small", 2000)]);
    assert!(!usage.truncated);
}

#[tokio::test]
async fn an_engine_without_a_ledger_names_the_flag() {
    let stack = Stack::start().await;
    let mut client = RecordsClient::new(stack.in_process().await);
    let status = soon(client.list(pb::ListRecordsRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("--ledger"), "{status}");
}
