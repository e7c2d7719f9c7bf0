//! Starts that cannot work: each says what is wrong and how to mend it, with its exit code, and leaves nothing behind.

use std::net::TcpListener;
use std::path::Path;

use crate::server::{FREE_PORTS, Scratch, run, text};

/// Starts, expects it to end with this code, and returns what it said.
#[track_caller]
fn refused(data_dir: &Path, more: &[&str], code: i32) -> String {
    let mut arguments = vec!["up", "--data-dir", data_dir.to_str().unwrap()];
    arguments.extend(FREE_PORTS);
    arguments.retain(|argument| !more.contains(argument) || !argument.starts_with("--"));
    arguments.extend(more);
    let output = run(&arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}{}", text(&output.stdout));
    said
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
}

#[test]
fn occupied_port_is_named_with_the_flag_to_change_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let scratch = Scratch::new();
    for flag in ["--gateway", "--console", "--engine"] {
        let mut arguments: Vec<&str> = vec!["up", "--data-dir"];
        let data_dir = scratch.data_dir();
        arguments.push(data_dir.to_str().unwrap());
        for pair in FREE_PORTS.chunks(2) {
            arguments.extend([pair[0], if pair[0] == flag { &address } else { pair[1] }]);
        }
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1));
        assert_says(&text(&output.stderr), &[&address, flag]);
    }
}

#[test]
fn data_folder_that_is_a_file_or_cannot_be_made_is_refused() {
    let scratch = Scratch::new();
    let file = scratch.write("file", "");
    assert_says(&refused(&file, &[], 1), &["is a file", "--data-dir"]);
    assert_says(&refused(Path::new("/proc/signalbox"), &[], 1), &["/proc/signalbox", "--data-dir"]);
}

#[test]
fn data_folder_open_to_others_is_refused_with_the_chmod() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.data_dir()).unwrap();
    std::fs::set_permissions(scratch.data_dir(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_says(&refused(&scratch.data_dir(), &[], 1), &["chmod 700"]);
}

#[test]
fn second_server_on_one_data_folder_is_refused() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let pid = server.ready["pid"].to_string();
    assert_says(&refused(&scratch.data_dir(), &[], 1), &["in use", &pid]);
}

#[test]
fn wrong_sealing_key_is_refused_and_the_right_one_still_works() {
    let scratch = Scratch::new();
    scratch.start(&[]).stop();
    let path = scratch.data_dir().join("sealing.key");
    let right = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_says(&refused(&scratch.data_dir(), &[], 1), &["sealing.key is missing", "backup"]);
    // Another installation's key: well formed, but it opens nothing here.
    let other = Scratch::new();
    other.start(&[]).stop();
    std::fs::copy(other.data_dir().join("sealing.key"), &path).unwrap();
    assert_says(&refused(&scratch.data_dir(), &[], 1), &["sealed with sealing key", "put back"]);
    std::fs::write(&path, right).unwrap();
    scratch.start(&[]);
}

#[test]
fn unknown_configuration_key_is_refused_with_its_line_and_nearest_name() {
    let scratch = Scratch::new();
    let file = scratch.write(
        "bad.toml",
        "[[providers]]\nslug = \"acme\"\ndialect = \"openai\"\nbase_ulr = \"https://x.example/v1\"\n",
    );
    let said = refused(&scratch.data_dir(), &["--config", file.to_str().unwrap()], 64);
    assert_says(&said, &["bad.toml:4", "base_ulr", "base_url"]);
}

#[test]
fn corrupt_weights_are_refused_by_name() {
    let scratch = Scratch::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scorer-models");
    let version = std::fs::read_to_string(source.join("default")).unwrap();
    // The folder of a scorer is named after its version.
    let model = scratch.data_dir().with_file_name(version.trim());
    std::fs::create_dir(&model).unwrap();
    for entry in std::fs::read_dir(source.join(version.trim())).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let weights = std::fs::read_dir(&model)
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "safetensors"))
        .unwrap();
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let said = refused(&scratch.data_dir(), &["--scorer-model", model.to_str().unwrap()], 1);
    assert_says(&said, &[weights.file_name().unwrap().to_str().unwrap()]);
    assert!(!said.contains("API key"), "no key is made before the scorer is known to work: {said}");
    assert!(scratch.start(&[]).key().starts_with("sk-"), "the first start that works shows it");
}

#[test]
fn corrupt_stored_snapshot_is_replaced() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&[]);
    let key = server.key();
    server.stop();
    let path = scratch.data_dir().join("gateway.snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let again = scratch.start(&[]);
    let body = r#"{"messages": [{"role": "user", "content": "hi"}]}"#;
    assert_eq!(again.chat(&key, body).status, 200);
}

#[test]
fn engine_that_others_could_reach_is_refused_before_anything_starts() {
    let scratch = Scratch::new();
    let data_dir = scratch.data_dir();
    let output = run(&["up", "--data-dir", data_dir.to_str().unwrap(), "--engine", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(64));
    assert_says(&text(&output.stderr), &["--engine", "loopback"]);
    assert!(!data_dir.exists());
}

#[test]
fn wrong_usage_ends_with_64() {
    assert_eq!(run(&["--no-such-flag"]).status.code(), Some(64));
    assert_eq!(run(&["keys", "create"]).status.code(), Some(64));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
