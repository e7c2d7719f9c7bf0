//! `kill -9` under load: every answer that was complete has its row, once, and the next start needs no help.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::server::{Scratch, post, run, text};

const CALLERS: usize = 8;
const ROUNDS: usize = 3;

#[test]
fn kill_9_under_load_loses_no_row_of_a_complete_answer() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&[]);
    let key = server.key();
    let mut complete: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let address = server.gateway();
        // Each round is killed at another point of the load.
        let (stop, done, enough) = (AtomicBool::new(false), AtomicUsize::new(0), 20 + 17 * round);
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| {
                    let (key, address, stop, done) = (&key, &address, &stop, &done);
                    scope.spawn(move || {
                        let stream = caller % 2 == 0;
                        let body = format!(r#"{{"model": "demo/small", "stream": {stream}, "messages": [{{"role": "user", "content": "hi"}}]}}"#);
                        let mut ids = Vec::new();
                        while !stop.load(Ordering::Relaxed) {
                            let Some(answer) = post(address, "/v1/chat/completions", key, &body) else { continue };
                            assert_eq!(answer.status, 200, "{}", answer.body);
                            ids.push(answer.request_id);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        ids
                    })
                })
                .collect();
            while done.load(Ordering::Relaxed) < enough {
                thread::yield_now();
            }
            server.kill();
            stop.store(true, Ordering::Relaxed);
            complete.extend(callers.into_iter().flat_map(|caller| caller.join().unwrap()));
        });
        server = scratch.start(&[]);
    }
    server.stop();

    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let output = run(&["logs", "--json", "--limit", "1000", "--data-dir", scratch.data_dir().to_str().unwrap()]);
    for line in text(&output.stdout).lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let outcome = row["outcome"].as_str().unwrap().to_owned();
        outcomes.entry(row["id"].as_str().unwrap().to_owned()).or_default().push(outcome);
    }
    assert!(complete.len() >= 20 + 37 + 54);
    for id in &complete {
        assert_eq!(outcomes.get(id).map(Vec::as_slice), Some(&["completed".to_owned()][..]), "{id}");
    }
}
