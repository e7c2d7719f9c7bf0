//! What a new user meets: one command, an endpoint, a key, an answer.

use std::os::unix::fs::PermissionsExt;

use crate::server::{Scratch, get};

const HI: &str = r#"{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}"#;
const PROOF: &str = r#"{"model": "auto", "messages": [{"role": "user", "content": "Prove that every finite integral domain is a field, then prove that every finite division ring is commutative, and discuss where finiteness is used in each step."}]}"#;

#[test]
fn first_start_makes_a_private_folder_and_shows_a_key_that_works() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let mode = |name: &str| std::fs::metadata(scratch.data_dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("sealing.key"), mode("admin.sock")), (0o700, 0o600, 0o600));
    let answer = server.chat(&server.key(), HI);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.json()["choices"][0]["message"]["content"].as_str().unwrap().contains("demo"));
}

#[test]
fn easy_and_hard_prompts_go_to_different_models() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let chosen =
        |body| server.chat(&server.key(), body).json()["routing"]["selected_model"].as_str().unwrap().to_owned();
    assert_eq!((chosen(HI).as_str(), chosen(PROOF).as_str()), ("demo/small", "demo/large"));
}

#[test]
fn second_start_keeps_the_key_and_shows_none() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&[]);
    let key = server.key();
    assert_eq!(server.stop(), Some(0));
    let again = scratch.start(&[]);
    assert!(again.ready["api_key"].is_null());
    assert_eq!(again.chat(&key, HI).status, 200);
}

#[test]
fn keys_of_a_first_start_that_fails_late_are_shown_all_the_same() {
    let scratch = Scratch::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data_dir = scratch.data_dir();
    let file = scratch.write("keys.toml", "[[keys]]\nname = \"auto\"\n");
    let mut arguments = vec!["up", "--engine", "127.0.0.1:0", "--gateway", &address];
    arguments.extend(["--data-dir", data_dir.to_str().unwrap(), "--config", file.to_str().unwrap()]);
    let output = crate::server::run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = crate::server::text(&output.stderr);
    let keys: Vec<&str> = said.split_whitespace().filter(|word| word.starts_with("sk-sb-")).collect();
    assert_eq!(keys.len(), 2, "the first one and the file's: {said}");
    let server = scratch.start(&[]);
    for key in keys {
        assert_eq!(server.chat(key, HI).status, 200);
    }
}

#[test]
fn keys_that_the_file_has_made_are_shown_once_at_the_start_that_makes_them() {
    let scratch = Scratch::new();
    let file = scratch.write("keys.toml", "[[keys]]\nname = \"auto\"\n");
    let more = ["--config", file.to_str().unwrap()];
    let mut server = scratch.start(&more);
    let made = &server.ready["created_keys"][0];
    assert_eq!(made["name"], "auto");
    assert_eq!(server.chat(made["key"].as_str().unwrap(), HI).status, 200);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(scratch.start(&more).ready["created_keys"], serde_json::json!([]));
}

#[test]
fn people_see_the_keys_of_the_file_in_the_greeting_and_those_of_a_changed_file_after_it() {
    let scratch = Scratch::new();
    let file = scratch.write("keys.toml", "[[keys]]\nname = \"auto\"\n");
    let mut command = crate::server::signalbox();
    command.arg("up").args(crate::server::FREE_PORTS).arg("--data-dir").arg(scratch.data_dir());
    command.arg("--config").arg(file).stdout(std::process::Stdio::piped());
    let mut server = Killed(command.spawn().unwrap());
    let (send, lines) = std::sync::mpsc::channel();
    let said = std::io::BufReader::new(server.0.stdout.take().unwrap());
    std::thread::spawn(move || {
        std::io::BufRead::lines(said).map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    let shown = |mark: &str| {
        let next = || lines.recv_timeout(std::time::Duration::from_secs(30)).expect("a line with the key");
        let line = std::iter::repeat_with(next).find(|line| line.contains(mark)).unwrap();
        let key = line.split_whitespace().find(|word| word.starts_with("sk-sb-")).unwrap_or_else(|| panic!("{line}"));
        assert!(!domain::KeyText::is_malformed(key), "{line}");
        key.to_owned()
    };
    let of_greeting = shown("(`auto` of the file;");
    scratch.write("keys.toml", "[[keys]]\nname = \"auto\"\n[[keys]]\nname = \"later\"\n");
    assert_ne!(shown("key later: "), of_greeting);
}

#[test]
fn router_over_demo_models_survives_a_restart_with_a_real_provider() {
    let scratch = Scratch::new();
    let file = scratch.write(
        "try.toml",
        "[[routers]]\nname = \"try\"\nmodels = [\"demo/small\", \"demo/large\"]\n\n[[providers]]\nslug = \"acme\"\n\
         base_url = \"http://127.0.0.1:9/v1\"\nallow_private_network = true\nallow_anonymous = true\n\n[[models]]\nid = \"acme/m\"\n",
    );
    let more = ["--config", file.to_str().unwrap()];
    scratch.start(&more).stop();
    scratch.start(&more).stop();
    // Even without the demo: what was accepted is no reason to refuse a start.
    scratch.start(&["--no-demo"]).stop();
}

#[test]
fn operators_port_serves_health_and_metrics() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    server.chat(&server.key(), HI);
    assert_eq!(get(&server.console(), "/healthz").body, "ok\n");
    let metrics = get(&server.console(), "/metrics").body;
    assert!(metrics.contains("signalbox_requests_total{outcome=\"completed\"} 1"), "{metrics}");
    assert_eq!(get(&server.gateway(), "/metrics").status, 404, "metrics are not for applications");
}

#[test]
fn provider_key_of_the_environment_replaces_the_demo() {
    let scratch = Scratch::new();
    let output = {
        let _server = {
            // The key is not a real one and nobody is called: what counts is what is configured.
            let mut command = crate::server::signalbox();
            command.env("OPENAI_API_KEY", "sk-not-a-real-key-but-long-enough-to-be-one");
            command.arg("up").arg("--json").args(crate::server::FREE_PORTS).arg("--data-dir").arg(scratch.data_dir());
            let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
            assert!(line.contains("gateway"), "{line}");
            Killed(child)
        };
        crate::server::run(&["models", "list", "--json", "--data-dir", scratch.data_dir().to_str().unwrap()])
    };
    let models: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let id = |model: &serde_json::Value| model["id"].as_str().unwrap().to_owned();
    assert!(models.iter().any(|model| id(model).starts_with("openai/")));
    assert!(!models.iter().any(|model| id(model).starts_with("demo/")), "the demo is not configured");
    let files =
        std::process::Command::new("grep").args(["-rl", "sk-not-a-real-key"]).arg(scratch.data_dir()).output().unwrap();
    assert!(files.stdout.is_empty(), "the key lies in clear in {}", String::from_utf8_lossy(&files.stdout));
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
