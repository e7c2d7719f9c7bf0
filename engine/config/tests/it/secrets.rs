//! Where secrets come from, and that they never show.

use config::{ConfigFaults, Format, Loaded, Secrets};

use crate::support::{FakeEnv, only_fault, toml};

const KEY: &str = "[[keys]]\nname = \"k\"\n";

fn with(env: &FakeEnv, text: &str) -> Result<Loaded, ConfigFaults> {
    config::parse(text, Format::Toml, "etc/a.toml", Secrets::Resolve(env))
}

fn key_secret(loaded: &Loaded) -> &str {
    loaded.desired.keys[0].secret.as_ref().unwrap().expose()
}

#[test]
fn files_are_looked_up_beside_the_configuration_and_trimmed() {
    let env = FakeEnv {
        files: [("etc/k", " 0123456789abcdef0123456789abcdef\n"), ("/abs/k", "abcdef0123456789abcdef0123456789ab")]
            .into(),
        ..FakeEnv::default()
    };
    let loaded = with(&env, &format!("{KEY}secret_file = \"k\"\n")).unwrap();
    assert_eq!(key_secret(&loaded), "0123456789abcdef0123456789abcdef");
    let loaded = with(&env, &format!("{KEY}secret_file = \"/abs/k\"\n")).unwrap();
    assert_eq!(key_secret(&loaded), "abcdef0123456789abcdef0123456789ab");
}

#[test]
fn what_is_wrong_with_a_secret_names_its_source_and_cure() {
    let env = FakeEnv {
        variables: [("EMPTY", " \n"), ("SHORT", "abc"), ("BROKEN", "0123456789abcdef\n0123456789abcdef")].into(),
        files: [("etc/empty", "")].into(),
    };
    let cases = [
        (
            "secret_env = \"ABSENT\"",
            "keys[0].secret_env: environment variable `ABSENT` is not set: run `export ABSENT=…` first, or use secret_file",
        ),
        ("secret_env = \"EMPTY\"", "keys[0].secret_env: environment variable `EMPTY` is empty: put the secret into it"),
        ("secret_file = \"empty\"", "keys[0].secret_file: `empty` is empty: put the secret into it"),
        (
            "secret_file = \"none\"",
            "keys[0].secret_file: `none` cannot be read (no such file): check the path and its permissions",
        ),
        (
            "secret_env = \"BROKEN\"",
            "keys[0].secret_env: the secret has a line break or a character outside ASCII: check that it was copied whole",
        ),
        (
            "secret_env = \"SHORT\"",
            "keys[0].secret_env: the key has 3 characters: use at least 32 random ones, or leave the secret out and one is made",
        ),
    ];
    for (line, expected) in cases {
        let faults = with(&env, &format!("{KEY}{line}\n")).expect_err("refused");
        assert_eq!(faults.faults.len(), 1, "{faults}");
        let shown = faults.to_string();
        assert!(shown.starts_with("etc/a.toml:"), "{shown}");
        assert!(shown.ends_with(expected), "{shown}");
    }
}

#[test]
fn secrets_never_show_in_faults_or_debug() {
    const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
    for line in [
        format!("secret_env = \"{SECRET}\""),
        format!("secret = [\"{SECRET}\"]"),
        format!("secret = \"{SECRET}\u{e9}\""),
        format!("secret = \"sk-sb-{SECRET}\""),
    ] {
        let shown = only_fault(&format!("{KEY}{line}\n"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let shown =
        only_fault(&format!("[[providers]]\nslug = \"a\"\nbase_url = \"https://a.example\"\nauth = \"{SECRET}\""));
    assert!(!shown.contains("hunter2"), "{shown}");
    let loaded = toml(&format!("{KEY}secret = \"{SECRET}\"\n")).unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn literal_secrets_are_accepted_with_a_warning() {
    let loaded = toml(&format!("{KEY}secret = \"0123456789abcdef0123456789abcdef\"\n")).unwrap();
    assert_eq!(key_secret(&loaded), "0123456789abcdef0123456789abcdef");
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["3:10: keys[0].secret: a secret in the file is read by whoever reads the file: use secret_env or secret_file"]
    );
}

#[test]
fn placeholders_differ_and_nothing_is_read() {
    let text = format!("{KEY}secret_env = \"ABSENT\"\n[[keys]]\nname = \"l\"\nsecret_file = \"/no/such/file\"\n");
    let keys = toml(&text).unwrap().desired.keys;
    assert_ne!(keys[0].secret, keys[1].secret);
    assert!(keys.iter().all(|key| key.secret.as_ref().unwrap().expose().len() >= 32));
}

#[test]
fn keys_may_not_share_a_secret() {
    let env = FakeEnv { variables: [("K", "0123456789abcdef0123456789abcdef")].into(), ..FakeEnv::default() };
    let text = format!("{KEY}secret_env = \"K\"\n[[keys]]\nname = \"l\"\nsecret_env = \"K\"\n");
    let faults = with(&env, &text).expect_err("refused").to_string();
    assert_eq!(faults, "etc/a.toml:4:1: keys[1]: has the same secret as the key `k`: give each its own");
}

#[test]
fn process_environment_reads_files_of_bounded_size() {
    use config::{Env, ProcessEnv};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "abc\n").unwrap();
    assert_eq!(ProcessEnv.read_file(&path).unwrap(), "abc\n");
    std::fs::write(&path, vec![b'a'; 70_000]).unwrap();
    assert!(ProcessEnv.read_file(&path).unwrap_err().to_string().contains("64 KiB"));
    assert_eq!(ProcessEnv.variable("SIGNALBOX_CONFIG_TEST_THAT_NOBODY_SETS"), None);
}
