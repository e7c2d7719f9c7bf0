//! What operators rely on: stopping, changes under load, certificates, and outputs that give nothing away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};

use crate::server::{Scratch, Server, get, post, run, text};

const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::yield_now();
    }
}

/// An upstream that answers each request by its body; `None` = never.
struct Upstream {
    port: u16,
    calls: Arc<AtomicUsize>,
}

impl Upstream {
    fn start(answer: impl Fn(&str, &str) -> Option<String> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::<AtomicUsize>::default();
        let count = calls.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, count) = (answer.clone(), count.clone());
                thread::spawn(move || serve(&stream.unwrap(), &answer, &count));
            }
        });
        Self { port, calls }
    }

    /// A configuration with this upstream as its only provider.
    fn config(&self, more: &str) -> String {
        format!(
            "[[providers]]\nslug = \"acme\"\nbase_url = \"http://127.0.0.1:{}/v1\"\nallow_private_network = true\n\
             credentials = [{{ name = \"main\", secret_env = \"ACME_SECRET\" }}]\n\n[[models]]\nid = \"acme/m\"\n{more}",
            self.port
        )
    }
}

fn serve(stream: &TcpStream, answer: &impl Fn(&str, &str) -> Option<String>, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut line) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            head.push_str(&line.to_ascii_lowercase().replace("authorization: bearer ", "AUTHORIZATION "));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        count.fetch_add(1, Ordering::SeqCst);
        let Some(answer) = answer(&head, &text(&body)) else {
            let _ = reader.read(&mut [0]);
            return;
        };
        (&*stream).write_all(answer.as_bytes()).unwrap();
        // Without a length, the end of the connection is the end of the answer.
        if !answer.contains("content-length") {
            return;
        }
    }
}

fn answered(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn ask(more: &str) -> String {
    format!(r#"{{"model":"acme/m","messages":[{{"role":"user","content":"{PROMPT}"}}]{more}}}"#)
}

const PROMPT: &str = "prompt-canary-8a6f";
const SECRET: &str = "secret-canary-51c3";

// === Stopping ===

#[test]
fn asked_to_stop_a_second_time_it_ends_at_once_and_the_request_leaves_a_row() {
    let upstream = Upstream::start(|_, _| None);
    let scratch = Scratch::new();
    let file = scratch.write("config.toml", &upstream.config(""));
    let arguments = ["--no-demo", "--drain-seconds", "600", "--config", file.to_str().unwrap()];
    let mut server = Server::start_with(&scratch.data_dir(), &arguments, &[("ACME_SECRET", SECRET)]);
    let (address, key) = (server.gateway(), server.key());
    let caller = thread::spawn({
        let address = address.clone();
        move || post(&address, "/v1/chat/completions", &key, &ask(""))
    });
    wait_until("the request has not gone out", || upstream.calls.load(Ordering::SeqCst) == 1);
    server.signal("-TERM");
    wait_until("it still takes connections", || TcpStream::connect(&address).is_err());
    assert!(!caller.is_finished(), "the first time, running requests may finish");
    let asked = Instant::now();
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(asked.elapsed() < PATIENCE);
    assert!(caller.join().unwrap().is_none(), "the caller is not told that all is well");

    let _server = Server::start_with(&scratch.data_dir(), &arguments, &[("ACME_SECRET", SECRET)]);
    let data_dir = scratch.data_dir();
    let logs = || text(&run(&["logs", "--json", "--data-dir", data_dir.to_str().unwrap()]).stdout);
    wait_until("the request has left no row", || logs().contains("unknown_outcome"));
}

#[test]
fn behind_a_balancer_readiness_ends_before_requests_are_refused() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo", "--readiness-grace-seconds", "600"]);
    let (address, key) = (server.gateway(), server.key());
    let mut kept = BufReader::new(TcpStream::connect(&address).unwrap());
    assert_eq!(ask_kept(&mut kept, "/readyz").0, 200);
    server.signal("-TERM");
    wait_until("it is still ready", || get(&address, "/readyz").status == 503);
    let body = r#"{"model":"demo/small","messages":[{"role":"user","content":"hello"}]}"#;
    assert_eq!(server.chat(&key, body).status, 200, "new connections are taken");
    for _ in 0..2 {
        let (status, head) = ask_kept(&mut kept, "/healthz");
        assert!(status == 200 && !head.contains("connection: close"), "{head}");
    }
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0), "who asks twice does not wait");
}

#[test]
fn after_the_grace_it_stops_and_ctrl_c_does_not_wait_for_it() {
    let scratch = Scratch::new();
    for (signal, grace) in [("-TERM", "1"), ("-INT", "600")] {
        let mut server = scratch.start(&["--demo", "--readiness-grace-seconds", grace]);
        let asked = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait(), Some(0));
        assert_eq!(asked.elapsed() >= Duration::from_secs(1), signal == "-TERM");
        assert!(asked.elapsed() < PATIENCE);
    }
}

/// Asks for a path over a connection that is kept; returns status and head.
fn ask_kept(connection: &mut BufReader<TcpStream>, path: &str) -> (u16, String) {
    write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        assert!(connection.read_line(&mut line).unwrap() > 0, "the connection was closed after {head}");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    connection.read_exact(&mut vec![0; length]).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

// === A configuration file ===

#[test]
fn what_is_odd_in_a_configuration_file_is_said_at_every_start() {
    let scratch = Scratch::new();
    let provider = "[[providers]]\nslug = \"acme\"\nbase_url = \"http://api.example.com/v1\"\n\
        credentials = [{ name = \"main\", secret_env = \"ACME_SECRET\" }]\n";
    let file = scratch.write("config.toml", provider);
    for _ in 0..2 {
        let arguments = ["--no-demo", "--config", file.to_str().unwrap()];
        let mut server = Server::start_with(&scratch.data_dir(), &arguments, &[("ACME_SECRET", SECRET)]);
        wait_until("it is not said", || server.log().contains("the secret travels unencrypted: use https"));
        assert_eq!(server.stop(), Some(0));
    }
}

// === Changes under load ===

#[test]
fn twenty_changes_of_the_configuration_under_load_refuse_and_cut_nothing() {
    let scratch = Scratch::new();
    let config = |number: usize| {
        format!(
            "[[providers]]\nslug = \"local\"\nbase_url = \"http://127.0.0.1:9/v1\"\nallow_private_network = true\n\
             allow_anonymous = true\n\n[[models]]\nid = \"local/m\"\nname = \"change {number}\"\n"
        )
    };
    let file = scratch.write("config.toml", &config(0));
    let mut server = scratch.start(&["--demo", "--config", file.to_str().unwrap()]);
    let (address, key) = (server.gateway(), server.key());
    let revision = || {
        let metrics = get(&server.console(), "/metrics").body;
        let line = metrics.lines().find_map(|line| line.strip_prefix("signalbox_snapshot_revision "));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_default()
    };
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for caller in 0..4 {
            let (stop, done, address, key) = (&stop, &done, &address, &key);
            scope.spawn(move || {
                let stream = caller % 2 == 0;
                let body = format!(
                    r#"{{"model":"demo/small","stream":{stream},"messages":[{{"role":"user","content":"Hello"}}]}}"#
                );
                while !stop.load(Ordering::Relaxed) {
                    let answer = post(address, "/v1/chat/completions", key, &body).expect("nothing is cut");
                    assert_eq!(answer.status, 200, "nothing is refused: {}", answer.body);
                    assert!(!stream || answer.body.contains("[DONE]"), "{}", answer.body);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 1..=20 {
            let (before, answered) = (revision(), done.load(Ordering::Relaxed));
            // As editors do: written beside, then renamed.
            let next = scratch.write("config.next", &config(number));
            std::fs::rename(next, &file).unwrap();
            wait_until("the change is not in force", || revision() > before);
            wait_until("no request gets through", || done.load(Ordering::Relaxed) > answered);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(server.stop(), Some(0));
}

// === Certificates ===

/// Writes a new certificate with its key over these files.
fn certify(scratch: &Scratch) -> CertificateDer<'static> {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    scratch.write("tls.key", &signed.signing_key.serialize_pem());
    scratch.write("tls.crt", &signed.cert.pem());
    signed.cert.der().clone()
}

/// The status of `/healthz` over TLS, if this certificate is shown.
fn health_over_tls(address: &str, trusted: &CertificateDer<'static>) -> Option<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let mut session = rustls::ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    tls.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    BufReader::new(tls).read_line(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let scratch = Scratch::new();
    let first = certify(&scratch);
    let (certificate, key) = (scratch.path("tls.crt"), scratch.path("tls.key"));
    let tls = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut server = scratch.start(&tls);
    assert!(server.ready["gateway"].as_str().unwrap().starts_with("https://"));
    let address = server.gateway();
    assert_eq!(health_over_tls(&address, &first).as_deref(), Some("HTTP/1.1 200 OK\r\n"));
    let second = certify(&scratch);
    wait_until("the new certificate is not shown", || health_over_tls(&address, &second).is_some());
    assert_eq!(health_over_tls(&address, &first), None);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_check_of_a_provider_trusts_whom_it_is_told_to() {
    let scratch = Scratch::new();
    certify(&scratch);
    let (certificate, key) = (scratch.path("tls.crt"), scratch.path("tls.key"));
    let certificate = certificate.to_str().unwrap();
    let mut server = scratch.start(&["--demo", "--tls-cert", certificate, "--tls-key", key.to_str().unwrap()]);
    let (_, port) = server.ready["gateway"].as_str().unwrap().rsplit_once(':').unwrap();
    let gateway = format!("https://localhost:{port}");
    let folder = scratch.data_dir();
    let check = |more: &[&str]| {
        let arguments = ["providers", "check", "demo", "--gateway", &gateway, "--data-dir", folder.to_str().unwrap()];
        let ended = run(&[&arguments[..], more].concat());
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    let (code, seen, said) = check(&["--extra-ca", certificate]);
    assert!(code == Some(0) && seen.contains("works"), "{seen}{said}");
    let (code, _, said) = check(&[]);
    assert!(code == Some(1) && said.contains("no gateway answers"), "{said}");
    let (code, _, said) = check(&["--extra-ca", "absent.pem"]);
    assert!(code == Some(1) && said.contains("absent.pem"), "{said}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start() {
    let scratch = Scratch::new();
    certify(&scratch);
    let (certificate, key) = (scratch.path("tls.crt"), scratch.path("tls.key"));
    scratch.write("tls.crt", "none");
    let folder = scratch.data_dir();
    let start = ["up", "--gateway", "127.0.0.1:0", "--console", "127.0.0.1:0", "--engine", "127.0.0.1:0", "--data-dir"];
    let tls =
        [folder.to_str().unwrap(), "--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let ended = run(&[&start[..], &tls[..]].concat());
    let said = text(&ended.stderr);
    assert!(!ended.status.success() && said.contains("holds no certificate"), "{said}");
}

// === What outputs give away ===

/// Answers well, badly, and with the caller's words and our secret in the error.
fn indiscreet(head: &str, body: &str) -> Option<String> {
    let secret = head.lines().find_map(|line| line.strip_prefix("AUTHORIZATION ")).unwrap_or_default();
    let said = format!(r#"{{"error":{{"message":"{PROMPT} and {secret} are odd","type":"x","code":"odd"}}}}"#);
    let good = format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{PROMPT}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}}}"#
    );
    let events = |end: &str| {
        let event = format!(r#"data: {{"choices":[{{"index":0,"delta":{{"content":"{PROMPT}"}}}}]}}"#);
        Some(format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{event}\n\n{end}"))
    };
    let seed: u32 = body.split_once(r#""seed":"#).and_then(|(_, rest)| rest[..1].parse().ok()).unwrap_or_default();
    match seed {
        0 => Some(answered("200 OK", &good)),
        1 => Some(answered("400 Bad Request", &said)),
        2 => Some(answered("500 Internal Server Error", &said)),
        3 => Some(answered("200 OK", &said)),
        4 => Some(answered("200 OK", &format!("{PROMPT} is no JSON {secret}"))),
        5 => events(&format!("data: {said}\n\n")),
        6 => Some(answered("401 Unauthorized", &said)),
        _ => Some(String::new()),
    }
}

#[test]
fn prompts_keys_and_secrets_reach_no_log_no_metric_and_no_error() {
    for (format, level) in [("json", "info"), ("text", "debug,signalbox=trace")] {
        let upstream = Upstream::start(indiscreet);
        let scratch = Scratch::new();
        let file = scratch.write("config.toml", &upstream.config(""));
        let arguments = ["--no-demo", "--log-format", format, "--config", file.to_str().unwrap()];
        let variables = [("ACME_SECRET", SECRET), ("SIGNALBOX_LOG", level)];
        let mut server = Server::start_with(&scratch.data_dir(), &arguments, &variables);
        let (address, key) = (server.gateway(), server.key());
        let mut answers = String::new();
        for seed in 0..8 {
            for stream in [false, true] {
                let body = ask(&format!(r#","stream":{stream},"seed":{seed}"#));
                let answer = post(&address, "/v1/chat/completions", &key, &body);
                answers.extend(answer.map(|answer| answer.body));
            }
        }
        let broken = format!(r#"{{"model":"acme/m","messages":"{PROMPT}"}}"#);
        answers.extend(post(&address, "/v1/chat/completions", &key, &broken).map(|answer| answer.body));
        let unknown = post(&address, "/v1/chat/completions", &format!("sk-{PROMPT}"), &ask(""));
        answers.extend(unknown.map(|answer| answer.body));
        let metrics = get(&server.console(), "/metrics").body;
        assert!(upstream.calls.load(Ordering::SeqCst) >= 8 && metrics.contains("signalbox_upstream_faults_total"));
        assert_eq!(server.stop(), Some(0));
        let log = server.log();
        assert!(log.contains("an upstream attempt failed"), "{log}");
        let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object());
        assert!(format != "json" || log.lines().all(is_json), "{log}");
        for (where_to, text) in [("answers", &answers), ("metrics", &metrics), ("log", &log)] {
            assert!(!text.contains(SECRET), "the provider's secret is in the {where_to} at {level}: {text}");
            assert!(!text.contains(&key), "the caller's key is in the {where_to} at {level}");
        }
        assert!(!metrics.contains(PROMPT), "{metrics}");
        // At `debug` a provider's own words are logged, and this one repeats the prompt.
        let quoted = |line: &&str| line.contains(PROMPT) && !line.contains("what the upstream said");
        let leaked: Vec<_> = log.lines().filter(quoted).collect();
        assert!(leaked.is_empty(), "the prompt is in the log at {level}: {leaked:#?}");
        assert!(level != "info" || !log.contains(PROMPT), "{log}");
    }
}
