//! Hostile files are refused soon and with a reason.

use std::fmt::Write;
use std::time::{Duration, Instant};

use config::{ConfigFaults, Format, Secrets};

use crate::support::{toml, yaml};

/// A parser without bounds would take minutes or all memory here.
const SOON: Duration = Duration::from_secs(20);

#[track_caller]
fn refused_soon(read: impl FnOnce() -> Result<config::Loaded, ConfigFaults>) -> String {
    let start = Instant::now();
    let faults = read().expect_err("refused");
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    faults.to_string()
}

#[test]
fn deep_toml_arrays_are_refused() {
    for depth in [200, 100_000] {
        assert!(refused_soon(|| toml(&format!("a = {}", "[".repeat(depth)))).starts_with("a.toml:1:"));
    }
}

#[test]
fn deep_toml_tables_are_refused() {
    for depth in [200, 100_000] {
        assert!(refused_soon(|| toml(&format!("a = {}", "{a = ".repeat(depth)))).starts_with("a.toml:1:"));
    }
}

#[test]
fn deep_toml_keys_are_refused() {
    for depth in [200, 100_000] {
        assert!(refused_soon(|| toml(&format!("{}a = 1", "a.".repeat(depth)))).starts_with("a.toml:1:"));
        assert!(refused_soon(|| toml(&format!("[{}a]", "a.".repeat(depth)))).starts_with("a.toml:1:"));
    }
    // Each key is short enough, together they are not.
    let level = "a.".repeat(60);
    let text = format!("[{level}a]\n{level}a = {{ {level}a = {{ {level}a = 1 }} }}");
    assert!(refused_soon(|| toml(&text)).starts_with("a.toml:"));
}

#[test]
fn deep_yaml_is_refused() {
    for depth in [200, 100_000] {
        for open in ["[", "{a: ", "- ", "? "] {
            let text = format!("a:\n  {}1", open.repeat(depth));
            assert!(refused_soon(|| yaml(&text)).starts_with("a.yaml:"), "{open}");
        }
    }
    let text = (0..2000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    assert!(refused_soon(|| yaml(&text)).starts_with("a.yaml:"));
}

#[test]
fn alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
    }
    refused_soon(|| yaml(&bomb));
}

#[test]
fn enormous_files_are_refused() {
    let text = "#".repeat(17 * 1024 * 1024);
    let told = refused_soon(|| config::parse(&text, Format::Toml, "a.toml", Secrets::Placeholder));
    assert_eq!(told, "a.toml: is larger than 16 MiB: split it");
}

#[test]
fn thousands_of_faults_are_counted_and_the_first_shown() {
    let text = "[[projects]]\ncolour = 1\n".repeat(3000);
    let faults = toml(&text).expect_err("refused");
    assert_eq!((faults.faults.len(), faults.omitted), (100, 5900));
    assert!(faults.to_string().ends_with("a.toml: and 5900 more faults"));
}

#[test]
fn ten_thousand_models_on_one_line_are_read_soon() {
    let models: Vec<String> = (0..10_000).map(|n| format!("{{ id = \"acme/ü{n}\" }}").replace('ü', "u")).collect();
    let text = format!("models = [ {} ] # ü", models.join(", "));
    let start = Instant::now();
    assert_eq!(toml(&text).unwrap().desired.models.len(), 10_000);
    assert!(start.elapsed() < SOON);
}

#[test]
fn files_that_cannot_be_read_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        let faults = config::load(&path, Secrets::Placeholder).expect_err("refused");
        faults.to_string().replace(&format!("{}: ", path.display()), "")
    };
    assert_eq!(told("a.toml", Some(b"x = 1\n\xff\n")), "line 2 is not UTF-8: save the file as UTF-8");
    assert!(told("absent.toml", None).starts_with("cannot be read: "));
    assert_eq!(
        told("a.ini", None),
        "cannot tell the format by the name: use a file ending in .toml, .yaml, .yml or .json"
    );
}
