//! How provider secrets do, as an operator sees it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Scratch, run, text};

/// A provider that knows no key.
fn refusing() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 8192]);
            let head = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
            let _ = stream.write_all(head.as_bytes());
        }
    });
    port
}

fn states(scratch: &Scratch) -> Vec<String> {
    let data_dir = scratch.data_dir();
    let output = run(&["credentials", "list", "--json", "--data-dir", data_dir.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    listed.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_secret_that_the_provider_refused_is_listed_as_unavailable() {
    let scratch = Scratch::new();
    let configuration = format!(
        "[[providers]]\nslug = \"acme\"\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n\
         allow_private_network = true\ncredentials = [{{ name = \"a\", secret = \"acme-secret-0123456789\" }}]\n\
         [[models]]\nid = \"acme/small\"\n",
        refusing()
    );
    let file = scratch.write("acme.toml", &configuration);
    let server = scratch.start(&["--no-demo", "--config", file.to_str().unwrap()]);
    assert_eq!(states(&scratch), ["healthy"]);
    let ask = r#"{"model":"acme/small","messages":[{"role":"user","content":"hello"}]}"#;
    assert_ne!(server.chat(&server.key(), ask).status, 200);
    let until = Instant::now() + Duration::from_secs(15);
    while states(&scratch) != ["unavailable"] {
        assert!(Instant::now() < until, "{:?}", states(&scratch));
    }
}
