//! The upstream: serves every dialect over plain sockets, breaks as the prompt's marker says, and keeps a journal.
//!
//! The marker `[[t=17 f=reset_mid s=5]]` in a prompt names the trial, the fault and the seed. Below `/bad` the fault is
//! played, below `/good` the answer is always good.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem};

use memchr::memmem;
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::play::{Act, Fault, Scene, acts};
use crate::faults::random::Random;
use crate::faults::speech::{Speech, Spent};

/// What a prompt asks of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whose request it is.
    pub trial: u64,
    /// What happens below `/bad`.
    pub fault: Fault,
    /// Where it happens.
    pub seed: u64,
}

impl Marker {
    /// A prompt with this marker.
    pub fn prompt(self) -> String {
        format!("Say the alphabet. [[t={} f={} s={}]]", self.trial, self.fault.name(), self.seed)
    }

    fn find(body: &[u8]) -> Option<Self> {
        let start = memmem::find(body, b"[[t=")?;
        let end = start + memmem::find(&body[start..], b"]]")?;
        let text = std::str::from_utf8(&body[start + 2..end]).ok()?;
        let mut values = text.split(' ').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
        let trial = values.next()?.parse().ok()?;
        let fault = Fault::named(values.next()?)?;
        Some(Self { trial, fault, seed: values.next()?.parse().ok()? })
    }
}

/// One call, as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The model's name there.
    pub model: String,
    /// The side on which faults are played.
    pub bad: bool,
    /// In which dialect it was called.
    pub speech: Speech,
    /// What it has said, or would have said, it consumed.
    pub spent: Spent,
    /// All that was to be sent has been sent.
    pub done: bool,
    /// When the call was over.
    pub ended: Option<Instant>,
    /// The other side left before all was sent.
    pub left: bool,
}

/// What an upstream of this trial and side says it has consumed.
pub fn spent(trial: u64, bad: bool) -> Spent {
    let mut random = Random::of(trial, u64::from(bad));
    let base = if bad { 1_000 } else { 100 };
    Spent { prompt: base + random.number() % 90, completion: base + 5 + random.number() % 90 }
}

/// A running upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    journal: Mutex<HashMap<u64, Vec<Entry>>>,
    open: AtomicUsize,
    calls: AtomicUsize,
    flooded: AtomicUsize,
}

impl Upstream {
    /// Starts one on the runtime at hand.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let upstream = Self { address, shared: shared.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    shared.open.fetch_add(1, SeqCst);
                    // A gateway that has gone is no failure of the upstream.
                    let _ = converse(stream, &shared).await;
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Ok(upstream)
    }

    /// The calls of a trial so far.
    pub fn calls_of(&self, trial: u64) -> Vec<Entry> {
        let journal = self.shared.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.get(&trial).cloned().unwrap_or_default()
    }

    /// Everything since the last time.
    pub fn take_journal(&self) -> HashMap<u64, Vec<Entry>> {
        mem::take(&mut *self.shared.journal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.shared.calls.load(SeqCst)
    }

    /// Bytes that floods have got rid of.
    pub fn flooded(&self) -> usize {
        self.shared.flooded.load(SeqCst)
    }

    /// Waits until every call of a trial is over; `false` when one is not in time.
    pub async fn is_over(&self, trial: u64, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            if self.calls_of(trial).iter().all(|call| call.ended.is_some()) {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut used) = (Vec::new(), false);
    while let Some((head, body)) = read_request(&mut stream, &mut buffer).await? {
        shared.calls.fetch_add(1, SeqCst);
        let Some((marker, bad, scene)) = understand(&head, &body) else {
            stream.write_all(b"HTTP/1.1 418 No marker\r\ncontent-length: 0\r\n\r\n").await?;
            continue;
        };
        let call = shared.begin(marker, bad, &scene);
        let fault = if bad { marker.fault } else { Fault::None };
        let played = play(&mut stream, &acts(fault, &scene), used, shared).await;
        shared.end(marker.trial, call, &played);
        if !matches!(played, Ok(Played::All)) {
            return Ok(());
        }
        used = true;
    }
    Ok(())
}

/// How a play ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Played {
    /// As it should, and the connection can be used again.
    All,
    /// As it should, with the connection.
    Over,
    /// The other side left.
    Left,
}

impl Shared {
    fn begin(&self, marker: Marker, bad: bool, scene: &Scene) -> usize {
        let entry = Entry {
            model: scene.model.clone(),
            bad,
            speech: scene.speech,
            spent: scene.spent,
            done: false,
            ended: None,
            left: false,
        };
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = journal.entry(marker.trial).or_default();
        calls.push(entry);
        calls.len() - 1
    }

    fn end(&self, trial: u64, call: usize, played: &io::Result<Played>) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = journal.get_mut(&trial).and_then(|calls| calls.get_mut(call)) {
            entry.ended = Some(Instant::now());
            entry.left = !matches!(played, Ok(Played::All | Played::Over));
            entry.done = !entry.left;
        }
    }
}

async fn play(stream: &mut TcpStream, acts: &[Act], used: bool, shared: &Shared) -> io::Result<Played> {
    for act in acts {
        match act {
            Act::Send(bytes) => stream.write_all(bytes).await?,
            Act::Pause(wait) => {
                if tokio::time::timeout(*wait, is_left(stream)).await.is_ok() {
                    return Ok(Played::Left);
                }
            }
            Act::Hold => {
                is_left(stream).await;
                return Ok(Played::Left);
            }
            Act::Flood(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes).await?;
                    shared.flooded.fetch_add(bytes.len(), SeqCst);
                }
            }
            Act::Close => {
                stream.shutdown().await?;
                return Ok(Played::Over);
            }
            Act::ResetIfUsed if !used => {}
            Act::Reset | Act::ResetIfUsed => {
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
                return Ok(Played::Over);
            }
        }
    }
    Ok(Played::All)
}

/// Waits until the other side closes; what it sends meanwhile is not for us.
async fn is_left(stream: &mut TcpStream) {
    let mut scrap = [0; 256];
    while let Ok(1..) = stream.read(&mut scrap).await {}
}

/// Reads one request; `None` = the other side has closed.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>)>> {
    loop {
        if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = end + 4 + content_length(&head);
            if buffer.len() >= length {
                let rest = buffer.split_off(length);
                let body = mem::replace(buffer, rest).split_off(end + 4);
                return Ok(Some((head, body)));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn content_length(head: &str) -> usize {
    let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// Whose request it is, on which side, and what is asked.
fn understand(head: &str, body: &[u8]) -> Option<(Marker, bool, Scene)> {
    let marker = Marker::find(body)?;
    let path = head.split(' ').nth(1)?;
    let bad = path.starts_with("/bad");
    let path = path.split('?').next()?;
    let value: Value = serde_json::from_slice(body).ok()?;
    let (speech, stream, model) = if let Some((before, method)) = path.rsplit_once(':') {
        let model = before.rsplit_once("/models/")?.1.to_owned();
        (Speech::Gemini, method == "streamGenerateContent", model)
    } else {
        let speech = match path.rsplit('/').next()? {
            "completions" => Speech::Openai,
            "responses" => Speech::Responses,
            "messages" => Speech::Anthropic,
            _ => return None,
        };
        (speech, value["stream"] == true, value["model"].as_str()?.to_owned())
    };
    let scene = Scene { speech, stream, model, spent: spent(marker.trial, bad), seed: marker.seed };
    Some((marker, bad, scene))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_in_any_body() {
        let marker = Marker { trial: 17, fault: Fault::ResetMid, seed: 5 };
        let body = Speech::Anthropic.ask(&marker.prompt(), true, &["a/b".to_owned()]);
        assert_eq!(Marker::find(body.as_bytes()), Some(marker));
        assert_eq!(Marker::find(b"[[t=1 f=nothing s=1]]"), None);
    }

    #[test]
    fn a_path_says_dialect_and_side() {
        let body = br#"{"model":"m","stream":true,"x":"[[t=1 f=none s=0]]"}"#;
        let scene = |path: &str| understand(&format!("POST {path} HTTP/1.1"), body).expect("understood");
        let (_, bad, openai) = scene("/bad/v1/chat/completions");
        assert!(bad && openai.stream && openai.speech == Speech::Openai);
        let (_, bad, gemini) = scene("/good/v1beta/models/g:generateContent?x=1");
        assert!(!bad && !gemini.stream && gemini.speech == Speech::Gemini && gemini.model == "g");
    }
}
