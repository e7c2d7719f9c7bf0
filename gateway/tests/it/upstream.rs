//! A scripted upstream: plain TCP, so that it can do what no HTTP server would.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One thing that the upstream does with a connection once a request has come.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time.
    Drip(Vec<u8>),
    /// Says nothing until the test opens the gate.
    Gate,
    /// Ends the connection in an orderly way.
    Close,
    /// Breaks the connection.
    Reset,
    /// Says nothing until the other side leaves, and notes when it did.
    Hold,
    /// Sends these bytes again and again until the other side takes no more, and counts them.
    Flood(Vec<u8>),
}

/// A running upstream. Its scripts are used one per request; the last one again and again.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    left: Receiver<Instant>,
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    connections: AtomicUsize,
    flooded: AtomicUsize,
    requests: Mutex<Vec<String>>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Upstream {
    pub(crate) fn start(scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (leave, left) = channel();
        let for_threads = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (scripts, leave, shared) = (scripts.clone(), leave.clone(), for_threads.clone());
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream.unwrap(), &scripts, &shared, &leave));
            }
        });
        Self { address, shared, left }
    }

    /// An upstream that answers every request with these acts.
    pub(crate) fn acting(acts: Vec<Act>) -> Self {
        Self::start(vec![acts])
    }

    /// An upstream that answers every request with these bytes.
    pub(crate) fn answering(bytes: Vec<u8>) -> Self {
        Self::acting(vec![Act::Send(bytes)])
    }

    /// An upstream that answers every request well.
    pub(crate) fn good() -> Self {
        Self::answering(whole("200 OK", "", ANSWER))
    }

    /// An address at which nobody listens.
    pub(crate) fn nobody() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes that a flood has got rid of so far.
    pub(crate) fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::SeqCst)
    }

    /// Waits until a request has come.
    pub(crate) fn wait_for_call(&self) {
        let until = Instant::now() + Duration::from_secs(5);
        while self.calls() == 0 {
            assert!(Instant::now() < until, "no request came");
            thread::yield_now();
        }
    }

    /// The last request: head and body as text.
    pub(crate) fn last_request(&self) -> String {
        self.shared.requests.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// The body of the last request.
    pub(crate) fn last_body(&self) -> String {
        self.last_request().split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub(crate) fn open_gate(&self) {
        *self.shared.open.lock().unwrap() = true;
        self.shared.opened.notify_all();
    }

    /// When the other side left a held connection.
    pub(crate) fn left(&self) -> Instant {
        self.left.recv_timeout(Duration::from_secs(5)).expect("the gateway closes the connection")
    }

    /// Nobody has left a held connection.
    pub(crate) fn is_held(&self) -> bool {
        self.left.try_recv().is_err()
    }
}

fn serve(mut stream: TcpStream, scripts: &[Vec<Act>], shared: &Shared, leave: &Sender<Instant>) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream) {
        shared.requests.lock().unwrap().push(request);
        let call = shared.calls.fetch_add(1, Ordering::SeqCst);
        for act in &scripts[call.min(scripts.len() - 1)] {
            if !perform(act, &mut stream, shared) {
                let _ = leave.send(Instant::now());
                return;
            }
        }
    }
}

/// Does one thing; false = the connection is over.
fn perform(act: &Act, stream: &mut TcpStream, shared: &Shared) -> bool {
    match act {
        Act::Send(bytes) => stream.write_all(bytes).is_ok(),
        Act::Drip(bytes) => bytes.iter().all(|byte| stream.write_all(&[*byte]).is_ok()),
        Act::Gate => {
            let open = shared.open.lock().unwrap();
            drop(shared.opened.wait_while(open, |open| !*open).unwrap());
            true
        }
        Act::Close => {
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Act::Reset => {
            socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
            false
        }
        Act::Hold => {
            let _ = stream.read(&mut [0; 1]);
            false
        }
        Act::Flood(bytes) => {
            while stream.write_all(bytes).is_ok() {
                shared.flooded.fetch_add(bytes.len(), Ordering::SeqCst);
            }
            false
        }
    }
}

/// Reads one request and returns its head and body as text.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    let mut whole_length = None;
    loop {
        if whole_length.is_none()
            && let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n")
        {
            whole_length = Some(end + 4 + content_length(&bytes[..end]));
        }
        if whole_length.is_some_and(|length| bytes.len() >= length) {
            return Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}

// === Answers ===

/// A whole answer with a length.
pub(crate) fn whole(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A refusal in OpenAI's shape.
pub(crate) fn refusal(status: &str, headers: &str, kind: &str, code: &str, message: &str) -> Vec<u8> {
    let error = serde_json::json!({"error": {"message": message, "type": kind, "param": "seed", "code": code}});
    whole(status, headers, &error.to_string())
}

pub(crate) const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"native-small","choices":[{"index":0,"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15},"system_fingerprint":"fp_1"}"#;

/// The head of a stream.
pub(crate) fn stream_head() -> Act {
    Act::Send(STREAM_HEAD.to_vec())
}

pub(crate) const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Events as one transfer chunk.
pub(crate) fn chunk(events: &str) -> Act {
    Act::Send(framed(events))
}

pub(crate) fn framed(events: &str) -> Vec<u8> {
    format!("{:x}\r\n{events}\r\n", events.len()).into_bytes()
}

/// The end of a chunked body.
pub(crate) fn last_chunk() -> Act {
    Act::Send(b"0\r\n\r\n".to_vec())
}

/// An event with these choices and other members.
pub(crate) fn event(choices: &str, more: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"native-small\",\"choices\":[{choices}]{more}}}\n\n"
    )
}

pub(crate) fn role() -> String {
    event(r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#, "")
}

pub(crate) fn word(text: &str) -> String {
    event(&format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}"#), "")
}

pub(crate) fn finish() -> String {
    event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "")
}

pub(crate) fn usage(prompt: u64, completion: u64) -> String {
    let total = prompt + completion;
    let usage =
        format!(r#","usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}}}"#);
    event("", &usage)
}

pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// The events of a whole, well-behaved stream.
pub(crate) fn good_events() -> Vec<String> {
    vec![role(), word("Paris"), word(", of course."), finish(), usage(10, 5), DONE.to_owned()]
}

/// A stream of these events, each in a transfer chunk of its own.
pub(crate) fn stream_of(events: &[String]) -> Vec<Act> {
    let mut acts = vec![stream_head()];
    acts.extend(events.iter().map(|event| chunk(event)));
    acts.push(last_chunk());
    acts
}

/// A whole, well-behaved stream.
pub(crate) fn good_stream() -> Vec<Act> {
    stream_of(&good_events())
}

/// The begin of a stream, and then something else.
pub(crate) fn begun(events: &[&str], then: Act) -> Vec<Act> {
    let mut acts = vec![stream_head()];
    acts.extend(events.iter().map(|event| chunk(event)));
    acts.push(then);
    acts
}
