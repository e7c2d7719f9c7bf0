//! What a bulk run promises, with a scorer that is quick and sometimes refuses.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::{CapabilityTag, OutputTokens, Score, ScorerInput};
use proptest::prelude::*;
use scorer::{Scorer, ScorerError};

use super::bulk::{FAULTS_TOLD, Told};
use super::intake::{BYTES_AHEAD, LINES_AHEAD};
use super::row::Row;
use super::*;

/// Says how long a prompt is; refuses those that say so.
struct Lengths(Arc<str>);

impl Lengths {
    fn named(version: &str) -> Self {
        Self(Arc::from(version))
    }
}

impl Scorer for Lengths {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        batch
            .iter()
            .map(|input| {
                if input.text.contains("refuse") {
                    return Err(ScorerError::UnknownToken { token: 7 });
                }
                Ok(Score {
                    complexity: 0.5,
                    difficulty: input.text.len() as f64,
                    capabilities: vec![(CapabilityTag::Chat, 1.0)],
                    expected_output_tokens: OutputTokens { p50: 1, p90: 2 },
                    uncertainty: 0.1,
                    truncated: input.text.len() > 100,
                    micros: 1,
                    version: self.0.clone(),
                })
            })
            .collect()
    }

    fn version(&self) -> &Arc<str> {
        &self.0
    }
}

fn settings(output: &Path, threads: usize) -> Settings {
    let threads = NonZeroUsize::new(threads).unwrap();
    Settings { output: output.to_owned(), threads, keep: false, resume: false }
}

fn rows(ids: std::ops::Range<usize>) -> String {
    ids.map(|id| format!("{{\"id\":{id},\"prompt\":\"{}\"}}\n", "x".repeat(id % 50))).collect::<Vec<_>>().concat()
}

fn scored(input: impl Read + Send + 'static, settings: &Settings) -> anyhow::Result<(Summary, usize)> {
    let mut told = 0;
    let intake = Intake::start(Box::new(input)).unwrap();
    let summary = run(&Lengths::named("1"), &intake, settings, &mut |it| {
        told += usize::from(matches!(it, Told::Fault(_)));
    })?;
    Ok((summary, told))
}

fn ids(path: &Path) -> Vec<u64> {
    let mut text = String::new();
    datasets::rows::open(path).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap()).collect()
}

#[test]
fn order_is_that_of_the_input_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for threads in [1, 2, 7] {
        let path = folder.path().join(format!("{threads}.jsonl"));
        let (summary, _) = scored(io::Cursor::new(rows(0..20_000)), &settings(&path, threads)).unwrap();
        assert_eq!((summary.rows, summary.scored, summary.bad), (20_000, 20_000, 0));
        assert_eq!(ids(&path), (0..20_000).collect::<Vec<_>>());
        written.push(std::fs::read(&path).unwrap());
    }
    assert!(written.windows(2).all(|pair| pair[0] == pair[1]));
}

/// Says how many prompts are being scored at a time, at most.
#[derive(Default)]
struct Crowded {
    lengths: Option<Lengths>,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Scorer for Crowded {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.lengths.as_ref().unwrap().score(batch)
    }

    fn version(&self) -> &Arc<str> {
        self.lengths.as_ref().unwrap().version()
    }
}

#[test]
fn few_long_lines_keep_every_thread_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let line = |id: usize| format!("{{\"id\":{id},\"prompt\":\"{}\"}}\n", "x".repeat(1 << 20));
    let input = (0..20).map(line).collect::<Vec<_>>().concat();
    let scorer = Crowded { lengths: Some(Lengths::named("1")), ..Crowded::default() };
    let intake = Intake::start(Box::new(io::Cursor::new(input))).unwrap();
    let path = folder.path().join("out.jsonl");
    run(&scorer, &intake, &settings(&path, 2), &mut |_| {}).unwrap();
    assert_eq!(scorer.most.load(Ordering::SeqCst), 2);
    assert_eq!(ids(&path), (0..20).collect::<Vec<_>>());
}

#[test]
fn id_that_was_scored_before_is_bad_whatever_the_threads_and_in_a_resumed_run() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{}{}", rows(0..60), rows(20..70));
    for threads in [1, 3] {
        let path = folder.path().join("out.jsonl");
        let (summary, _) = scored(io::Cursor::new(input.clone()), &settings(&path, threads)).unwrap();
        assert_eq!((summary.scored, summary.bad, summary.bad_rows[0].line), (70, 40, 61));
        assert_eq!(ids(&path), (0..70).collect::<Vec<_>>());
        std::fs::remove_file(&path).unwrap();
    }
    for share in [0.3, 0.9] {
        let settings = interrupted(folder.path(), "out.jsonl", &input, share);
        let (summary, _) = scored(io::Cursor::new(input.clone()), &settings).unwrap();
        assert_eq!((summary.scored + summary.resumed, summary.bad), (70, 40), "{share}");
        assert_eq!(ids(&settings.output), (0..70).collect::<Vec<_>>());
    }
}

#[test]
fn many_bad_rows_are_counted_and_the_first_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let input = format!("{}{{\"id\":1,\"prompt\":\"refuse\"}}\n{}", rows(0..3), "{}\n".repeat(99));
    let (summary, told) = scored(io::Cursor::new(input), &settings(&path, 1)).unwrap();
    assert_eq!((summary.rows, summary.scored, summary.bad, told), (103, 3, 100, FAULTS_TOLD));
    assert_eq!(summary.bad_rows[0].line, 4);
    assert!(summary.bad_rows[0].reason.contains("it cannot be scored"), "{:?}", summary.bad_rows[0]);
}

/// An endless input that counts what has been asked of it.
struct Endless {
    read: Arc<AtomicUsize>,
    rows: usize,
    left: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            self.left = format!("{{\"id\":{},\"prompt\":\"{}\"}}\n", self.rows, "y".repeat(9_000)).into_bytes();
            self.rows += 1;
        }
        let count = buffer.len().min(self.left.len());
        buffer[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        self.read.fetch_add(count, Ordering::SeqCst);
        Ok(count)
    }
}

#[test]
fn input_is_never_read_further_ahead_than_the_bound() {
    let read = Arc::new(AtomicUsize::new(0));
    let intake = Intake::start(Box::new(Endless { read: Arc::clone(&read), rows: 0, left: Vec::new() })).unwrap();
    let mut taken = 0;
    let begun = std::time::Instant::now();
    while taken < 2 * BYTES_AHEAD {
        // Until the reader has all it may have: only then could it go too far.
        while read.load(Ordering::SeqCst) - taken < BYTES_AHEAD {
            assert!(begun.elapsed() < Duration::from_mins(2), "the reader stands still");
            std::thread::yield_now();
        }
        let ahead = read.load(Ordering::SeqCst) - taken;
        // The bound, the buffer, and the line at hand.
        assert!(ahead <= BYTES_AHEAD + (256 << 10) + 20_000, "{ahead} bytes ahead");
        let lines = intake.take(1_000).unwrap();
        assert!(!lines.is_empty() && lines.len() <= 1_000.min(LINES_AHEAD));
        taken += lines.iter().map(|line| line.content.as_ref().unwrap().len() + 1).sum::<usize>();
    }
}

#[test]
fn lines_read_before_a_failure_are_taken_first() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("torn"));
            }
            buffer[..2].copy_from_slice(b"x\n");
            Ok(2)
        }
    }
    let intake = Intake::start(Box::new(Failing(false))).unwrap();
    assert_eq!(intake.take(10).unwrap().len(), 1);
    assert_eq!(intake.take(10).unwrap_err().to_string(), "torn");
    assert!(intake.take(10).unwrap().is_empty());
}

/// Leaves a part file with the first bytes of a run over `rows`.
fn interrupted(folder: &Path, name: &str, rows: &str, share: f64) -> Settings {
    let path = folder.join(name);
    scored(io::Cursor::new(rows.to_owned()), &settings(&path, 2)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let cut = (whole.len() as f64 * share) as usize;
    std::fs::write(sink::part_of(&path), &whole[..cut]).unwrap();
    Settings { resume: true, ..settings(&path, 2) }
}

#[test]
fn run_is_resumed_after_any_byte_and_nothing_is_scored_twice() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!("{}nonsense\n{}{}", rows(0..40), "{\"id\":9,\"prompt\":\"refuse\"}\n", rows(40..90));
    for percent in (0..=100).step_by(3) {
        let settings = interrupted(folder.path(), "out.jsonl", &input, f64::from(percent) / 100.0);
        let (summary, _) = scored(io::Cursor::new(input.clone()), &settings).unwrap();
        assert_eq!(ids(&settings.output), (0..90).collect::<Vec<_>>());
        assert_eq!((summary.scored + summary.resumed, summary.bad), (90, 2));
        assert!(summary.resumed + 2 >= 90 * percent as u64 / 100, "{percent} %: {}", summary.resumed);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something is left behind");
    }
}

#[test]
fn packed_output_is_resumed_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out.jsonl.zst", "out.jsonl.gz"] {
        for percent in [0, 30, 70, 100] {
            let settings = interrupted(folder.path(), name, &rows(0..9_000), f64::from(percent) / 100.0);
            let (summary, _) = scored(io::Cursor::new(rows(0..9_000)), &settings).unwrap();
            assert_eq!(ids(&settings.output), (0..9_000).collect::<Vec<_>>());
            assert!(percent < 100 || summary.resumed == 9_000, "{}", summary.resumed);
        }
    }
}

#[test]
fn part_file_is_not_overwritten_nor_continued_with_another_input_or_scorer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = interrupted(folder.path(), "out.jsonl", &rows(0..50), 0.5);
    let anew = Settings { resume: false, ..settings.clone() };
    let error = scored(io::Cursor::new(rows(0..50)), &anew).unwrap_err().to_string();
    assert!(error.contains("is left of an earlier run: continue it with --resume, or delete it"), "{error}");
    let error = scored(io::Cursor::new(rows(7..50)), &settings).unwrap_err().to_string();
    assert!(error.contains("line 1 has id 7, but") && error.contains("goes on with 0"), "{error}");
    let error = scored(io::Cursor::new(rows(0..5)), &settings).unwrap_err().to_string();
    assert!(error.contains("beyond the end of the input"), "{error}");
    let intake = Intake::start(Box::new(io::Cursor::new(rows(0..50)))).unwrap();
    let error = run(&Lengths::named("2"), &intake, &settings, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("was scored by 1, this is 2"), "{error}");
    // After all these refusals, what was there is still there.
    let (summary, _) = scored(io::Cursor::new(rows(0..50)), &settings).unwrap();
    assert_eq!(summary.scored + summary.resumed, 50);
    assert!((23..=25).contains(&summary.resumed), "{}", summary.resumed);
}

#[test]
fn kept_fields_stand_as_they_were_and_never_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let input = r#"{"z":[1, 2],"id":"é","complexity":9,"prompt":"p","a":1.50,"b":null}"#;
    scored(io::Cursor::new(input), &Settings { keep: true, ..settings(&path, 1) }).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = concat!(
        r#"{"id":"é","complexity":0.5,"difficulty":1.0,"capabilities":{"chat":1.0},"#,
        r#""expected_output_tokens":{"p50":1,"p90":2},"uncertainty":0.1,"truncated":false,"micros":1,"version":"1","#,
        r#""z":[1, 2],"a":1.50,"b":null}"#,
        "\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn ids_come_out_as_they_went_in() {
    for id in ["123456789012345678901234567890", "-1.0", r#""a\u0041""#, "\"\"", "1e400"] {
        let line = format!("{{\"prompt\":\"p\",\"id\":{id}}}");
        assert_eq!(Row::parse(line.as_bytes()).unwrap().id.get(), id);
    }
}

#[test]
fn bad_lines_are_told_what_is_wrong() {
    for (line, reason) in [
        (&b"nonsense"[..], "expected"),
        (b"[1]", "expected an object"),
        (b"{\"prompt\":\"p\"}", "it has no `id`; expected {\"id\": text or number, \"prompt\": text}"),
        (b"{\"id\":1}", "it has no `prompt`"),
        (b"{\"id\":null,\"prompt\":\"p\"}", "`id` is null, expected text or a number"),
        (b"{\"id\":[1],\"prompt\":\"p\"}", "`id` is a list"),
        (b"{\"id\":1,\"prompt\":{}}", "`prompt` is an object, expected text"),
        (b"{\"id\":1,\"prompt\":true}", "`prompt` is true or false, expected text"),
        (b"{\"id\":1,\"id\":2,\"prompt\":\"p\"}", "`id` stands in it twice"),
        (b"{\"id\":1,\"prompt\":\"\\ud800\"}", "`prompt`: "),
        (b"{\"id\":1,\"prompt\":\"\xff\"}", "it is not UTF-8 from byte 19 on"),
        (b"{\"id\":1,\"prompt\":\"p\"} x", "trailing"),
    ] {
        let error = Row::parse(line).unwrap_err();
        assert!(error.contains(reason), "{}: {error}", String::from_utf8_lossy(line));
    }
}

proptest! {
    #[test]
    fn any_line_is_a_row_or_a_fault(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Row::parse(&line);
    }

    #[test]
    fn any_prompt_arrives_as_it_was(prompt in ".*") {
        let line = serde_json::json!({"id": 1, "prompt": prompt}).to_string();
        prop_assert_eq!(Row::parse(line.as_bytes()).unwrap().prompt, prompt);
    }
}
