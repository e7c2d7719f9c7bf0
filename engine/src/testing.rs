//! What the tests of this crate share: a scorer that does as it is told, a clock that stands still, a registry.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use domain::{Clock, OutputTokens, Score, ScorerInput, Timestamp};
use registry::Registry;
use scorer::{Scorer, ScorerError};
use seal::{Keyring, SealingKey};

use crate::scorers::Scorers;
use crate::shared::Shared;
use crate::{EngineParts, Limits, StartingScorers};

/// Moves only when told to.
#[derive(Default)]
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn wall(&self) -> Timestamp {
        Timestamp(i64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Scores a prompt with the number that it is; `panic` and `fail` do so. May be held by its gate.
pub(crate) struct ScriptedScorer {
    version: Arc<str>,
    open: Mutex<bool>,
    opened: Condvar,
    entered: mpsc::Sender<Vec<String>>,
}

impl ScriptedScorer {
    /// A scorer and the batches that it was given, each told before it is scored.
    pub(crate) fn new(open: bool) -> (Arc<Self>, mpsc::Receiver<Vec<String>>) {
        let (entered, batches) = mpsc::channel();
        let scorer = Self { version: "scripted".into(), open: Mutex::new(open), opened: Condvar::new(), entered };
        (Arc::new(scorer), batches)
    }

    pub(crate) fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    pub(crate) fn close(&self) {
        *self.open.lock().unwrap() = false;
    }
}

impl Scorer for ScriptedScorer {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        // A test that has seen enough no longer listens.
        let _unheard = self.entered.send(batch.iter().map(|input| input.text.clone()).collect());
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        batch.iter().map(|input| self.score_one(&input.text)).collect()
    }

    fn version(&self) -> &Arc<str> {
        &self.version
    }
}

impl ScriptedScorer {
    fn score_one(&self, text: &str) -> Result<Score, ScorerError> {
        assert!(text != "panic", "as told");
        let complexity = text.parse().map_err(|_| ScorerError::Refused(text.to_owned()))?;
        Ok(Score {
            complexity,
            difficulty: 0.0,
            capabilities: vec![],
            expected_output_tokens: OutputTokens { p50: 100, p90: 200 },
            uncertainty: 0.0,
            truncated: false,
            micros: 1,
            version: self.version.clone(),
        })
    }
}

pub(crate) fn prompt(text: &str) -> ScorerInput {
    ScorerInput { text: text.to_owned(), ..ScorerInput::default() }
}

/// A holder of one scorer.
pub(crate) fn fixed(scorer: Arc<dyn Scorer>) -> Arc<Scorers> {
    Arc::new(Scorers::new(StartingScorers::fixed(scorer), Arc::new(StillClock::default())).unwrap())
}

/// An engine's inside over a new registry with one organisation.
pub(crate) async fn shared(limits: Limits) -> (Arc<Shared>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::new(SealingKey::from_bytes([7; 32]));
    let registry = Registry::open(&folder.path().join("registry.db"), keyring).await.unwrap();
    registry.bootstrap().await.unwrap().unwrap();
    let (scorer, _) = ScriptedScorer::new(true);
    let scorers = StartingScorers::fixed(scorer);
    let parts = EngineParts { registry, scorers, records: None, clock: Arc::new(StillClock::default()), limits };
    (Arc::new(Shared::new(parts).unwrap()), folder)
}
