//! Addresses that must not be called on behalf of a tenant, and names that lie.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Timeouts;
use providers::{Blame, FaultKind, Lookup, ProviderClient, TrustRoots, tls_config};

use crate::scripted::{Scripted, Step, call, client, fetch, provider, status};

#[tokio::test]
async fn targets_of_our_own_network_are_refused_before_anything_is_sent() {
    let upstream = Scripted::start([]).await;
    let port = upstream.port;
    for base_url in [
        format!("https://127.0.0.1:{port}/v1"),
        format!("https://localhost:{port}/v1"),
        format!("https://[::1]:{port}/v1"),
        format!("https://[::ffff:127.0.0.1]:{port}/v1"),
        format!("https://[::]:{port}/v1"),
        format!("https://0.0.0.0:{port}/v1"),
        // Other spellings of 127.0.0.1, which only the system's lookup understands.
        format!("https://2130706433:{port}/v1"),
        format!("https://0x7f.1:{port}/v1"),
        format!("https://127.1:{port}/v1"),
        "https://169.254.169.254/latest".to_owned(),
        "https://10.0.0.1/v1".to_owned(),
        "https://100.64.0.1/v1".to_owned(),
        "https://[fd00:ec2::254]/v1".to_owned(),
    ] {
        let mut guarded = provider(&base_url);
        guarded.allow_private_network = false;
        let fault = call(&client(), &Arc::new(guarded), false).await.unwrap_err();
        assert_eq!((fault.kind, fault.blame), (FaultKind::NotSent, Blame::Operator), "{base_url}: {fault}");
        assert!(fault.message.contains("allow_private_network"), "{base_url}: {fault}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn base_urls_that_are_none_are_refused_with_the_cure() {
    for (base_url, words) in [
        ("http://api.example.com/v1", "not https"),
        ("ftp://api.example.com/v1", "https://"),
        ("api.example.com/v1", "https://"),
        ("https://user:pass@api.example.com/v1", "user name"),
        ("https://api.example.com/v1?key=1", "query"),
        ("/v1", "lacks a scheme"),
        ("not a url", "not a URL"),
        ("", "not a URL"),
    ] {
        let mut guarded = provider(base_url);
        guarded.allow_private_network = false;
        let fault = call(&client(), &Arc::new(guarded), false).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotSent, "{base_url}: {fault}");
        assert!(fault.message.contains(words) && fault.message.contains("acme"), "{base_url}: {fault}");
    }
}

#[tokio::test]
async fn a_provider_without_a_secret_is_not_called() {
    let upstream = Scripted::start([]).await;
    let provider = Arc::new(provider(&upstream.base_url()));
    let call = providers::Call {
        model: "model",
        headers: &http::HeaderMap::new(),
        provider: &provider,
        path: "/models",
        body: bytes::Bytes::new(),
        secret: None,
        stream: false,
        waits: crate::scripted::waits(),
    };
    let fault = client().send(call).await.unwrap_err();
    assert_eq!((fault.kind, upstream.connections()), (FaultKind::NotSent, 0), "{fault}");
}

/// A lookup that gives the answers in turn, the last one for ever, and counts.
fn answering(answers: Vec<Result<Vec<&'static str>, &'static str>>) -> (ProviderClient, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let answer = match &answers[turn] {
            Ok(addresses) => Ok(addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect()),
            Err(reason) => Err(io::Error::other(*reason)),
        };
        Box::pin(async move { answer })
    });
    (ProviderClient::with_lookup(tls_config(TrustRoots::WebPki, None).unwrap(), lookup), asked)
}

#[tokio::test]
async fn one_forbidden_address_among_public_ones_is_enough_to_refuse() {
    let (client, _) = answering(vec![Ok(vec!["1.1.1.1", "192.168.0.1"])]);
    let mut guarded = provider("https://mixed.example/v1");
    guarded.allow_private_network = false;
    let fault = call(&client, &Arc::new(guarded), false).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotSent, "{fault}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_a_connection_and_that_answer_is_used() {
    // The second answer would lead nowhere: whoever asked twice would fail.
    let upstream = Scripted::start([vec![Step::Read, crate::scripted::ok("{}")]]).await;
    let (client, asked) = answering(vec![Ok(vec!["127.0.0.1"]), Ok(vec!["127.0.0.2"])]);
    let provider = Arc::new(provider(&format!("http://rebinding.example:{}/v1", upstream.port)));
    fetch(&client, &provider).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_last_known_address_serves_while_names_cannot_be_looked_up() {
    let closing = || vec![Step::Read, status("200 OK", "connection: close\r\n", "{}"), Step::Fin];
    let upstream = Scripted::start([closing(), closing()]).await;
    let (client, asked) = answering(vec![Ok(vec!["127.0.0.1"]), Err("name service is away")]);
    let provider = Arc::new(provider(&format!("http://known.example:{}/v1", upstream.port)));
    fetch(&client, &provider).await.unwrap();
    fetch(&client, &provider).await.unwrap();
    assert_eq!((asked.load(Ordering::Relaxed), upstream.connections()), (2, 2));
}

#[tokio::test]
async fn an_address_that_was_learnt_without_the_guard_does_not_serve_behind_it() {
    let upstream = Scripted::start([vec![Step::Read, crate::scripted::ok("{}")]]).await;
    let (client, asked) = answering(vec![Ok(vec!["127.0.0.1"]), Err("name service is away"), Ok(vec!["127.0.0.1"])]);
    let open = provider(&format!("http://rebinding.example:{}/v1", upstream.port));
    fetch(&client, &Arc::new(open.clone())).await.unwrap();
    let mut guarded = open;
    guarded.base_url = format!("https://rebinding.example:{}/v1", upstream.port);
    guarded.allow_private_network = false;
    let guarded = Arc::new(guarded);
    // Out of memory the first time, looked up the second: every attempt is checked.
    for _ in 0..2 {
        let fault = call(&client, &guarded, false).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotSent, "{fault}");
    }
    assert_eq!((asked.load(Ordering::Relaxed), upstream.connections()), (3, 1));
}

#[tokio::test]
async fn an_unknown_name_is_a_connect_fault() {
    let (client, _) = answering(vec![Err("no such name")]);
    let fault = call(&client, &Arc::new(provider("http://absent.example/v1")), false).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConnectFailed, "{fault}");
    assert!(fault.message.contains("absent.example") && fault.message.contains("no such name"), "{fault}");
}

#[tokio::test]
async fn a_lookup_without_an_answer_is_given_up() {
    let silent: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let client = ProviderClient::with_lookup(tls_config(TrustRoots::WebPki, None).unwrap(), silent);
    let mut slow = provider("http://slow.example/v1");
    slow.timeouts = Timeouts { connect_ms: Some(30), ..Timeouts::default() };
    let started = std::time::Instant::now();
    let fault = call(&client, &Arc::new(slow), false).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConnectFailed, "{fault}");
    assert!(started.elapsed() < Duration::from_secs(2));
}
