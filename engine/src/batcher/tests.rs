//! Order, batches, overload, deadlines, panics.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::testing::{ScriptedScorer, StillClock, fixed, prompt};
use std::sync::mpsc::Receiver;

const HOUR: Duration = Duration::from_hours(1);

struct Setup {
    batcher: Batcher,
    scorer: Arc<ScriptedScorer>,
    batches: Receiver<Vec<String>>,
    clock: Arc<StillClock>,
}

fn setup(open: bool, limits: Limits) -> Setup {
    let (scorer, batches) = ScriptedScorer::new(open);
    let clock = Arc::new(StillClock::default());
    let batcher = Batcher::start(fixed(scorer.clone()), clock.clone(), limits).unwrap();
    Setup { batcher, scorer, batches, clock }
}

impl Setup {
    fn enqueue(&self, texts: &[&str], deadline: Duration) -> Vec<oneshot::Receiver<Scored>> {
        self.batcher.pool.enqueue(texts.iter().map(|text| prompt(text)).collect(), deadline).unwrap()
    }

    /// Makes the scorer take one prompt and stay with it.
    fn occupy(&self) -> oneshot::Receiver<Scored> {
        let held = self.enqueue(&["0.5"], HOUR).pop().unwrap();
        assert_eq!(self.batches.recv().unwrap(), ["0.5"]);
        held
    }
}

#[tokio::test]
async fn scores_come_back_in_the_order_of_their_prompts() {
    let setup = setup(true, Limits { scoring_threads: 3, ..Limits::default() });
    let texts: Vec<String> = (0..200).map(|number| format!("0.{number:03}")).collect();
    let inputs = texts.iter().map(|text| prompt(text)).collect();
    let scores = setup.batcher.score_all(inputs, HOUR).await.unwrap();
    let found: Vec<String> = scores.iter().map(|score| format!("{:.3}", score.complexity)).collect();
    assert_eq!(found, texts);
}

#[tokio::test]
async fn prompts_that_wait_together_are_scored_together_up_to_a_batch() {
    let setup = setup(false, Limits { batch: 4, ..Limits::default() });
    let held = setup.occupy();
    let waiting = setup.enqueue(&["0.1", "0.2", "0.3", "0.4", "0.6", "0.7"], HOUR);
    setup.scorer.open();
    assert_eq!(setup.batches.recv().unwrap(), ["0.1", "0.2", "0.3", "0.4"]);
    assert_eq!(setup.batches.recv().unwrap(), ["0.6", "0.7"]);
    held.await.unwrap().unwrap();
    for reply in waiting {
        reply.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let setup = setup(false, Limits { queue: 2, ..Limits::default() });
    let _held = setup.occupy();
    let _waiting = setup.enqueue(&["0.1", "0.2"], HOUR);
    let refused = setup.batcher.score(prompt("0.3"), HOUR).await;
    assert_eq!(refused, Err(ScoreFailure::Overloaded { waiting: 2, capacity: 2 }));
    setup.scorer.open();
}

#[tokio::test]
async fn who_would_wait_for_too_long_is_refused_at_once() {
    let setup = setup(false, Limits { batch: 1, ..Limits::default() });
    // The first prompt takes 10 ms, and so do the next, as far as anybody knows.
    let held = setup.occupy();
    setup.clock.advance(Duration::from_millis(10));
    setup.scorer.open();
    held.await.unwrap().unwrap();
    while setup.batcher.pool.lock().at_work > 0 {
        tokio::task::yield_now().await;
    }
    setup.scorer.close();
    let _held = setup.occupy();
    let now = setup.clock.monotonic();
    let _waiting = setup.enqueue(&["0.1", "0.2"], HOUR);
    let refused = setup.batcher.score(prompt("0.3"), now + Duration::from_millis(59)).await;
    let wait = Duration::from_millis(30);
    assert_eq!(refused, Err(ScoreFailure::Crowded { waiting: 2, wait }));
    assert_eq!(setup.batcher.pool.enqueue(vec![prompt("0.3")], now + 2 * wait).unwrap().len(), 1);
    setup.scorer.open();
}

#[tokio::test]
async fn however_slow_it_was_an_idle_scorer_is_asked() {
    let setup = setup(true, Limits::default());
    setup.batcher.pool.note_pace(1, HOUR);
    let soon = setup.clock.monotonic() + Duration::from_millis(500);
    assert!(setup.batcher.score(prompt("0.3"), soon).await.is_ok());
}

#[tokio::test]
async fn the_queue_never_grows_beyond_its_bound_and_all_that_it_took_is_answered() {
    let bound = 8;
    let setup = setup(false, Limits { queue: bound, batch: 4, ..Limits::default() });
    let held = setup.occupy();
    let (mut taken, mut refused) = (Vec::new(), 0);
    for number in 0..100 {
        let inputs = vec![prompt("0.1"); 1 + number % 3];
        match setup.batcher.pool.enqueue(inputs, HOUR) {
            Ok(replies) => taken.extend(replies),
            Err(failure) => {
                assert!(matches!(failure, ScoreFailure::Overloaded { capacity, .. } if capacity == bound), "{failure}");
                refused += 1;
            }
        }
        assert!(setup.batcher.waiting() <= bound);
    }
    assert_eq!(taken.len(), bound);
    assert!(refused > 90);
    setup.scorer.open();
    held.await.unwrap().unwrap();
    for reply in taken {
        reply.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_expired_while_it_waited_is_not_scored() {
    let setup = setup(false, Limits::default());
    let held = setup.occupy();
    let expired = setup.enqueue(&["0.1"], Duration::from_millis(10)).pop().unwrap();
    let in_time = setup.enqueue(&["0.2"], HOUR).pop().unwrap();
    setup.clock.advance(Duration::from_millis(10));
    setup.scorer.open();
    assert_eq!(expired.await.unwrap(), Err(ScoreFailure::Expired));
    assert!(in_time.await.unwrap().is_ok() && held.await.unwrap().is_ok());
    assert_eq!(setup.batches.recv().unwrap(), ["0.2"]);
}

#[tokio::test]
async fn a_deadline_that_has_passed_takes_no_place_in_the_queue() {
    let setup = setup(true, Limits::default());
    setup.clock.advance(HOUR);
    assert_eq!(setup.batcher.score(prompt("0.1"), HOUR).await, Err(ScoreFailure::Expired));
    assert!(setup.batches.try_recv().is_err());
}

#[tokio::test]
async fn what_its_caller_abandoned_is_not_scored() {
    let setup = setup(false, Limits::default());
    let _held = setup.occupy();
    drop(setup.enqueue(&["0.1"], HOUR));
    let wanted = setup.enqueue(&["0.2"], HOUR).pop().unwrap();
    setup.scorer.open();
    wanted.await.unwrap().unwrap();
    assert_eq!(setup.batches.recv().unwrap(), ["0.2"]);
}

#[tokio::test]
async fn a_panic_fails_its_own_prompt_only_and_the_thread_lives() {
    let setup = setup(false, Limits::default());
    let _held = setup.occupy();
    let mut replies = setup.enqueue(&["0.1", "panic", "fail", "0.2"], HOUR).into_iter();
    setup.scorer.open();
    let mut next = async || replies.next().unwrap().await.unwrap();
    assert!((next().await.unwrap().complexity - 0.1).abs() < 1e-9);
    assert_eq!(next().await, Err(ScoreFailure::Panicked));
    assert!(matches!(next().await, Err(ScoreFailure::Failed(reason)) if reason.contains("fail")));
    assert!((next().await.unwrap().complexity - 0.2).abs() < 1e-9);
    assert!(!setup.batcher.is_healthy());
    assert!(setup.batcher.score(prompt("0.3"), HOUR).await.is_ok());
    assert!(setup.batcher.is_healthy());
}

#[tokio::test]
async fn scoring_that_takes_too_long_has_failed() {
    let limit = Duration::from_millis(5);
    let setup = setup(false, Limits { scoring: limit, ..Limits::default() });
    assert_eq!(setup.batcher.score(prompt("0.1"), HOUR).await, Err(ScoreFailure::TooSlow { limit }));
    // A busy machine may have let the caller give up before the scorer had begun.
    assert_eq!(setup.batches.recv().unwrap(), ["0.1"]);
    setup.clock.advance(2 * limit);
    assert!(!setup.batcher.is_healthy(), "a stuck scorer is not healthy");
    setup.scorer.open();
}

#[tokio::test]
async fn a_batcher_that_is_gone_answers_those_who_wait() {
    let setup = setup(false, Limits::default());
    let _held = setup.occupy();
    let waiting = setup.enqueue(&["0.1"], HOUR).pop().unwrap();
    drop(setup.batcher);
    assert!(waiting.await.is_err(), "its place in the queue is gone");
    setup.scorer.open();
}
