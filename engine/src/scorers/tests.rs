//! Swapping between batches, shadows of scripted scorers, and the file that outlives a restart.

#![allow(clippy::unwrap_used, reason = "tests")]

use domain::{OutputTokens, Score, ScorerInput, Timestamp};
use scorer::ScorerError;

use super::state::{Choice, Event, ShadowChoice, State};
use super::*;
use crate::Limits;
use crate::batcher::Batcher;
use crate::testing::{ScriptedScorer, StillClock, fixed, prompt};

const HOUR: Duration = Duration::from_hours(1);

/// Says what a formula makes of the number that a prompt is.
struct Formula {
    version: Arc<str>,
    complexity: fn(f64) -> f64,
}

fn formula(version: &str, complexity: fn(f64) -> f64) -> Arc<dyn Scorer> {
    Arc::new(Formula { version: version.into(), complexity })
}

impl Scorer for Formula {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        let score = |input: &ScorerInput| {
            let number = input.text.parse().map_err(|_| ScorerError::Refused(input.text.clone()))?;
            Ok(Score {
                complexity: (self.complexity)(number),
                difficulty: 0.0,
                capabilities: vec![],
                expected_output_tokens: OutputTokens::default(),
                uncertainty: 0.0,
                truncated: false,
                micros: 0,
                version: self.version.clone(),
            })
        };
        batch.iter().map(score).collect()
    }

    fn version(&self) -> &Arc<str> {
        &self.version
    }
}

/// Holds a scorer and one in shadow that is to score every prompt.
fn beside(serving: Arc<dyn Scorer>, shadow: Arc<dyn Scorer>) -> Arc<Scorers> {
    let starting = StartingScorers { shadow: Some((shadow, 1.0)), ..StartingScorers::fixed(serving) };
    Arc::new(Scorers::new(starting, Arc::new(StillClock::default())).unwrap())
}

fn batcher(scorers: &Arc<Scorers>) -> Batcher {
    Batcher::start(scorers.clone(), Arc::new(StillClock::default()), Limits::default()).unwrap()
}

/// Waits for what another thread is about to do.
fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(10), "it does not come about");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_batch_that_has_begun_is_scored_wholly_by_the_scorer_it_began_with() {
    let (slow, batches) = ScriptedScorer::new(false);
    let scorers = fixed(slow.clone());
    let batcher = batcher(&scorers);
    let scoring = batcher.score_all(["0.1", "0.2"].map(prompt).into(), HOUR);
    let swapping = async {
        // The batch is with the old scorer when the new one comes.
        assert!(!batches.recv().unwrap().is_empty());
        scorers.install(formula("new", |_| 0.9));
        slow.open();
    };
    let scoring = async {
        // Enqueued at the first poll; the swap follows on the same thread.
        let mut scoring = std::pin::pin!(scoring);
        std::future::poll_fn(|context| std::task::Poll::Ready(scoring.as_mut().poll(context).is_ready())).await;
        swapping.await;
        scoring.await.unwrap()
    };
    let begun = scoring.await;
    assert!(begun.iter().all(|score| *score.version == *"scripted"), "{begun:?}");
    let next = batcher.score(prompt("0.1"), HOUR).await.unwrap();
    assert_eq!((&*next.version, next.complexity), ("new", 0.9));
}

#[tokio::test]
async fn a_shadow_that_hangs_delays_no_answer_and_what_it_misses_is_counted() {
    const PROMPTS: u64 = 400;
    let (hung, entered) = ScriptedScorer::new(false);
    let scorers = beside(formula("serving", |x| x), hung.clone());
    let batcher = batcher(&scorers);
    for _ in 0..PROMPTS {
        batcher.score(prompt("0.5"), HOUR).await.unwrap();
    }
    // The first is with the shadow, a queue of others waits for it.
    entered.recv().unwrap();
    let shadow = scorers.shadow().unwrap();
    until(|| {
        let tally = shadow.tally();
        tally.dropped_full + tally.dropped_busy >= PROMPTS - 129
    });
    let tally = shadow.tally();
    assert!(tally.dropped_full > 0 && tally.figures.prompts() == 0, "{tally:?}");
    hung.open();
}

#[tokio::test]
async fn the_figures_of_known_scorers_are_those_reckoned_by_hand() {
    let scorers = beside(formula("serving", |x| x), formula("shadow", |x| (x + 0.1).min(1.0)));
    let batcher = batcher(&scorers);
    for tenth in 0..9 {
        batcher.score(prompt(&format!("0.{tenth}5")), HOUR).await.unwrap();
    }
    let shadow = scorers.shadow().unwrap();
    until(|| shadow.tally().figures.prompts() + shadow.tally().dropped_busy == 9);
    let tally = shadow.tally();
    let figures = &tally.figures;
    assert_eq!((figures.prompts(), &*tally.against), (9, "serving"));
    assert!((figures.mean().unwrap() - 0.1).abs() < 1e-9);
    assert_eq!(figures.p90_absolute(), Some(0.1));
    let ninth = 1.0 / 9.0;
    // 0.35 crosses 0.4, 0.45 crosses 0.5, 0.55 crosses 0.6.
    assert_eq!(figures.flips(), Some([(0.4, ninth), (0.5, ninth), (0.6, ninth)]));
    assert!(figures.correlation().unwrap() > 0.999);
}

#[tokio::test]
async fn a_shadow_that_fails_is_counted_and_goes_on() {
    let (scripted, _) = ScriptedScorer::new(true);
    // The serving one takes what makes the shadow panic or fail.
    let scorers = beside(Arc::new(Deaf("serving".into())), scripted);
    let batcher = batcher(&scorers);
    for text in ["panic", "no number", "0.5"] {
        batcher.score(prompt(text), HOUR).await.unwrap();
    }
    let shadow = scorers.shadow().unwrap();
    until(|| shadow.tally().figures.prompts() == 1);
    assert_eq!(shadow.tally().failed, 2);
}

/// Says the same of everything.
struct Deaf(Arc<str>);

impl Scorer for Deaf {
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        let same = Formula { version: self.0.clone(), complexity: |_| 0.5 };
        let inputs: Vec<_> = batch.iter().map(|_| prompt("0")).collect();
        same.score(&inputs)
    }

    fn version(&self) -> &Arc<str> {
        &self.0
    }
}

#[test]
fn another_serving_scorer_begins_the_figures_anew() {
    let scorers = beside(formula("one", |x| x), formula("shadow", |_| 0.0));
    let shadow = scorers.shadow().unwrap();
    let told = |version: &str| Some(Told { complexity: 1.0, version: version.into() });
    shadow.offer([(prompt("1"), told("one"))].into_iter(), false);
    until(|| shadow.tally().figures.prompts() == 1);
    scorers.install(formula("two", |x| x));
    assert_eq!((shadow.tally().figures.prompts(), &*shadow.tally().against), (0, "two"));
    shadow.offer([(prompt("1"), told("one")), (prompt("1"), told("two"))].into_iter(), false);
    until(|| shadow.tally().figures.prompts() == 1);
    assert_eq!(shadow.tally().dropped_stale, 1);
}

#[test]
fn a_shadow_that_comes_to_serve_is_no_shadow_any_more() {
    let scorers = beside(formula("one", |x| x), formula("two", |x| x));
    scorers.install(formula("two", |x| x));
    assert!(scorers.shadow().is_none());
}

#[test]
fn a_share_is_kept_to_over_many_prompts_and_the_same_every_time() {
    let drawn = || {
        let shadow = Shadow::start(formula("shadow", |x| x), 0.1, "serving".into()).unwrap();
        let told = || Some(Told { complexity: 0.5, version: "serving".into() });
        // Busy: what is drawn is counted at once and goes nowhere.
        shadow.offer((0..10_000).map(|_| (prompt("0.5"), told())), true);
        shadow.tally().dropped_busy
    };
    assert!((900..1100).contains(&drawn()), "{}", drawn());
    assert_eq!(drawn(), drawn());
}

// === State ===

fn event(number: usize) -> Event {
    let version = number.to_string();
    Event { at: Timestamp(1), action: "upload".to_owned(), version, before: None, reason: None }
}

fn state(current: &str) -> State {
    let mut state = State::default();
    state.current = Choice::Stored(current.to_owned());
    state.previous = Some(Choice::BuiltIn);
    state.shadow = Some(ShadowChoice { which: Choice::Stored("s".to_owned()), share: 0.25 });
    state.remember(event(1));
    state
}

#[test]
fn a_state_comes_back_as_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(State::load(folder.path()), (State::default(), vec![]));
    state("a").save(folder.path()).unwrap();
    state("b").save(folder.path()).unwrap();
    assert_eq!(State::load(folder.path()), (state("b"), vec![]));
}

#[test]
fn a_damaged_state_gives_way_to_the_one_before_and_says_so() {
    for damage in [
        &b""[..],
        b"{",
        b"{}",
        b"\xff",
        b"{\"schema\":\"other/9\",\"current\":\"built_in\",\"previous\":null,\"shadow\":null}",
    ] {
        let folder = tempfile::tempdir().unwrap();
        state("a").save(folder.path()).unwrap();
        state("b").save(folder.path()).unwrap();
        std::fs::write(folder.path().join("state.json"), damage).unwrap();
        let (found, faults) = State::load(folder.path());
        assert_eq!(found, state("a"));
        assert!(faults.len() == 1 && faults[0].contains("state.json"), "{faults:?}");
    }
}

#[test]
fn a_kill_between_the_renames_leaves_the_state_before() {
    let folder = tempfile::tempdir().unwrap();
    state("a").save(folder.path()).unwrap();
    std::fs::rename(folder.path().join("state.json"), folder.path().join("state.previous.json")).unwrap();
    assert_eq!(State::load(folder.path()), (state("a"), vec![]));
    state("b").save(folder.path()).unwrap();
    assert_eq!(State::load(folder.path()).0, state("b"));
}

#[test]
fn the_history_keeps_the_newest() {
    let mut state = State::default();
    (0..250).for_each(|number| state.remember(event(number)));
    assert_eq!((state.history.len(), state.history[99].version.as_str()), (100, "249"));
}

#[test]
fn only_plain_names_are_versions() {
    for version in ["2026.11.1", "a", "v2_rc-1+b", &"x".repeat(64)] {
        assert_eq!(store::fault_of_version(version), None);
    }
    for version in ["", ".", "..", ".hidden", "a/b", "../a", "a b", "ä", "-a", "state.json", "x.new", &"x".repeat(65)]
    {
        assert!(store::fault_of_version(version).is_some(), "{version}");
    }
}
