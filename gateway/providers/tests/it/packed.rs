//! Bodies that come packed although they were asked for plain.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use providers::{Fault, FaultKind};

use crate::scripted::{Scripted, Step, call, client, fetch, provider};

/// What the upstream sends, packed, each piece so that it can be unpacked at once.
fn packed(pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut packed: Vec<_> = pieces
        .iter()
        .map(|piece| {
            encoder.write_all(piece.as_bytes()).unwrap();
            encoder.flush().unwrap();
            std::mem::take(encoder.get_mut())
        })
        .collect();
    packed.push(encoder.finish().unwrap());
    packed
}

fn framed(bytes: &[u8]) -> Step {
    Step::Send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

fn head(status: &str) -> Step {
    let text = format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n");
    Step::Send(text.into_bytes())
}

fn answer(status: &str, pieces: &[Vec<u8>]) -> Vec<Step> {
    let mut steps = vec![Step::Read, head(status)];
    steps.extend(pieces.iter().map(|piece| framed(piece)));
    steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
    steps
}

async fn fault_of(steps: Vec<Step>) -> Fault {
    let upstream = Scripted::start([steps]).await;
    fetch(&client(), &Arc::new(provider(&upstream.base_url()))).await.unwrap_err()
}

#[tokio::test]
async fn plain_bodies_are_asked_for_and_packed_ones_are_read() {
    let upstream = Scripted::start([answer("200 OK", &packed(&["{\"a\":", "1}"]))]).await;
    let body = fetch(&client(), &Arc::new(provider(&upstream.base_url()))).await.unwrap();
    assert_eq!(body, "{\"a\":1}");
    assert!(upstream.requests.lock().unwrap()[0].contains("accept-encoding: identity\r\n"));
}

#[tokio::test]
async fn events_of_a_packed_stream_come_when_they_come() {
    let pieces = packed(&["data: 1\n\n", "data: 2\n\n"]);
    let steps = vec![Step::Read, head("200 OK"), framed(&pieces[0]), Step::Hold];
    let upstream = Scripted::start([steps]).await;
    let mut answer = call(&client(), &Arc::new(provider(&upstream.base_url())), true).await.unwrap();
    let first = answer.next_chunk_within(Duration::from_secs(5)).await.unwrap();
    assert_eq!(first.as_deref(), Some(&b"data: 1\n\n"[..]));
}

#[tokio::test]
async fn a_bomb_and_a_packing_that_breaks_off_are_bad_answers() {
    let bomb = "0".repeat(32 << 20);
    let fault = fault_of(answer("200 OK", &packed(&[&bomb]))).await;
    assert_eq!(fault.kind, FaultKind::BadAnswer, "{fault}");
    assert!(fault.message.contains("100 times"), "{fault}");
    let fault = fault_of(answer("200 OK", &packed(&["{}"])[..1])).await;
    assert_eq!((fault.kind, fault.possibly_charged), (FaultKind::BadAnswer, true), "{fault}");
    assert!(fault.message.contains("damaged"), "{fault}");
}

#[tokio::test]
async fn the_words_of_a_packed_refusal_are_read() {
    let fault = fault_of(answer("400 Bad Request", &packed(&[r#"{"error":{"message":"too odd"}}"#]))).await;
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Refused, "too odd"));
}
