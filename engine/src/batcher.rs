//! Scores prompts on threads of their own, those that wait together in one batch.
//!
//! A bounded queue: who finds it full is refused at once, and so is who would wait for more than half of the time that he
//! has, by what prompts have been taking lately: an answer that comes too late is work for nobody. A scoring thread takes what is waiting, at most a batch, and
//! never waits for more. What its caller no longer waits for is dropped and counted. A batch that fails is scored
//! again one by one, so that a prompt fails only by its own fault. The scorer is taken once a batch: one that is promoted
//! meanwhile scores the next. When a batch has been answered, its prompts are offered to the scorer in shadow.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use domain::{Clock, Score, ScorerInput};
use metrics::{counter, gauge, histogram};
use scorer::Scorer;
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::Limits;
use crate::scorers::{Scorers, Told};

#[cfg(test)]
mod tests;

/// When to try again after the queue was full: a few batches later.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(50);

/// By how much scoring threads are nicer than others: against a thread that never rests they have a quarter of a core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Why a prompt was not scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreFailure {
    /// Too many wait already.
    #[error("the scoring queue is full ({waiting} of {capacity} waiting): try again shortly, or score without waiting")]
    Overloaded {
        /// How many wait.
        waiting: usize,
        /// How many may wait.
        capacity: usize,
    },
    /// Those that wait already take too long for the caller's deadline.
    #[error(
        "{waiting} prompts wait to be scored, about {} ms of work, too much for this deadline: try again shortly, or \
         score without waiting",
        wait.as_millis()
    )]
    Crowded {
        /// How many wait.
        waiting: usize,
        /// How long that will take.
        wait: Duration,
    },
    /// The caller's deadline passed first.
    #[error("the deadline passed before the prompt was scored: allow more time")]
    Expired,
    /// Scoring took too long.
    #[error("scoring took longer than {} ms", limit.as_millis())]
    TooSlow {
        /// What it may take.
        limit: Duration,
    },
    /// The scorer said so.
    #[error("the scorer failed: {0}")]
    Failed(String),
    /// The scorer has a bug.
    #[error("the scorer panicked")]
    Panicked,
    /// The scorer gave another number of scores than it was given prompts.
    #[error("the scorer gave {found} scores for {expected} prompts")]
    Miscounted {
        /// How many prompts there were.
        expected: usize,
        /// How many scores there were.
        found: usize,
    },
    /// The engine stops.
    #[error("the engine is stopping")]
    Stopped,
}

type Scored = Result<Score, ScoreFailure>;

/// The queue and its threads. The threads end when the batcher is dropped.
pub(crate) struct Batcher {
    pool: Arc<Pool>,
}

struct Pool {
    scorers: Arc<Scorers>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// The last batch was scored.
    succeeded: AtomicBool,
    /// Per thread: when it began its batch, in microseconds, or `IDLE`.
    busy_since: Vec<AtomicU64>,
    /// What a prompt has been taking lately, in nanoseconds; 0 = not known.
    pace: AtomicU64,
}

const IDLE: u64 = u64::MAX;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Taken, not yet answered.
    at_work: usize,
    closed: bool,
}

struct Job {
    input: ScorerInput,
    deadline: Duration,
    /// When it came.
    since: Duration,
    reply: oneshot::Sender<Scored>,
}

// === impl Batcher ===

impl Batcher {
    pub(crate) fn start(scorers: Arc<Scorers>, clock: Arc<dyn Clock>, limits: Limits) -> io::Result<Self> {
        let threads = limits.scoring_threads.max(1);
        let pool = Arc::new(Pool {
            scorers,
            clock,
            limits,
            queue: Mutex::default(),
            wake: Condvar::new(),
            succeeded: AtomicBool::new(true),
            busy_since: (0..threads).map(|_| AtomicU64::new(IDLE)).collect(),
            pace: AtomicU64::new(0),
        });
        let batcher = Self { pool };
        for number in 0..threads {
            let pool = batcher.pool.clone();
            thread::Builder::new().name(format!("scoring-{number}")).spawn(move || pool.run(number))?;
        }
        Ok(batcher)
    }

    /// Scores a prompt, or says by `deadline` (monotonic) that it was not.
    pub(crate) async fn score(&self, input: ScorerInput, deadline: Duration) -> Scored {
        let mut scores = self.score_all(vec![input], deadline).await?;
        scores.pop().ok_or(ScoreFailure::Miscounted { expected: 1, found: 0 })
    }

    /// Scores prompts, in order; all of them or none.
    pub(crate) async fn score_all(
        &self,
        inputs: Vec<ScorerInput>,
        deadline: Duration,
    ) -> Result<Vec<Score>, ScoreFailure> {
        let limit = self.pool.limits.scoring;
        let left = deadline.saturating_sub(self.pool.clock.monotonic());
        if left.is_zero() {
            count_dropped("expired", inputs.len());
            return Err(ScoreFailure::Expired);
        }
        let replies = self.pool.enqueue(inputs, deadline)?;
        let all = async {
            let mut scores = Vec::with_capacity(replies.len());
            for reply in replies {
                scores.push(reply.await.unwrap_or(Err(ScoreFailure::Stopped))?);
            }
            Ok(scores)
        };
        match tokio::time::timeout(left.min(limit), all).await {
            Ok(scores) => scores,
            Err(_) if left <= limit => Err(ScoreFailure::Expired),
            Err(_) => {
                count_dropped("slow", 1);
                Err(ScoreFailure::TooSlow { limit })
            }
        }
    }

    /// How many prompts wait.
    pub(crate) fn waiting(&self) -> usize {
        self.pool.lock().jobs.len()
    }

    /// Whether the last batch was scored and none is stuck.
    pub(crate) fn is_healthy(&self) -> bool {
        let pool = &self.pool;
        let now = micros(pool.clock.monotonic());
        let is_stuck = |since: u64| since != IDLE && now.saturating_sub(since) > micros(pool.limits.scoring);
        pool.succeeded.load(Ordering::Relaxed)
            && !pool.busy_since.iter().any(|since| is_stuck(since.load(Ordering::Relaxed)))
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        let mut queue = self.pool.lock();
        queue.closed = true;
        queue.jobs.clear();
        self.pool.wake.notify_all();
    }
}

// === impl Pool ===

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held; if it did, the queue would still be a queue.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(
        &self,
        inputs: Vec<ScorerInput>,
        deadline: Duration,
    ) -> Result<Vec<oneshot::Receiver<Scored>>, ScoreFailure> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(ScoreFailure::Stopped);
        }
        let (waiting, capacity) = (queue.jobs.len(), self.limits.queue);
        if waiting + inputs.len() > capacity {
            drop(queue);
            count_dropped("overloaded", inputs.len());
            return Err(ScoreFailure::Overloaded { waiting, capacity });
        }
        let (wait, left) = (self.expected_wait(&queue), deadline.saturating_sub(self.clock.monotonic()));
        if wait > left / 2 {
            drop(queue);
            count_dropped("crowded", inputs.len());
            return Err(ScoreFailure::Crowded { waiting, wait });
        }
        let mut replies = Vec::with_capacity(inputs.len());
        let since = self.clock.monotonic();
        for input in inputs {
            let (reply, scored) = oneshot::channel();
            queue.jobs.push_back(Job { input, deadline, since, reply });
            replies.push(scored);
        }
        tell_waiting(&queue);
        drop(queue);
        self.wake.notify_one();
        Ok(replies)
    }

    /// How long it will take until those who are in the queue or at work have been answered. Nobody there: no time,
    /// whatever the pace, so that a pace once slow is measured again.
    fn expected_wait(&self, queue: &Queue) -> Duration {
        let before = (queue.jobs.len() + queue.at_work) as u64 / self.busy_since.len() as u64;
        Duration::from_nanos(before.saturating_mul(self.pace.load(Ordering::Relaxed)))
    }

    /// Moves the pace by an eighth of the way towards what a batch took.
    fn note_pace(&self, prompts: usize, took: Duration) {
        let seen = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / prompts as u64;
        let known = self.pace.load(Ordering::Relaxed);
        let next = if known == 0 { seen } else { known - known / 8 + seen / 8 };
        self.pace.store(next, Ordering::Relaxed);
    }

    fn run(&self, number: usize) {
        give_way();
        while let Some(jobs) = self.next() {
            let count = jobs.len();
            self.busy_since[number].store(micros(self.clock.monotonic()), Ordering::Relaxed);
            self.score_jobs(jobs);
            self.lock().at_work -= count;
            self.busy_since[number].store(IDLE, Ordering::Relaxed);
        }
    }

    /// Waits for work and takes what is there, at most a batch; `None` when there will be no more.
    fn next(&self) -> Option<Vec<Job>> {
        let mut queue = self.lock();
        loop {
            if !queue.jobs.is_empty() {
                let count = queue.jobs.len().min(self.limits.batch.max(1));
                let jobs = queue.jobs.drain(..count).collect();
                queue.at_work += count;
                tell_waiting(&queue);
                if !queue.jobs.is_empty() {
                    // Another thread may take the rest meanwhile.
                    self.wake.notify_one();
                }
                return Some(jobs);
            }
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn score_jobs(&self, jobs: Vec<Job>) {
        let now = self.clock.monotonic();
        let (mut inputs, mut replies) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
        for job in jobs {
            histogram!("signalbox_scoring_wait_seconds").record(now.saturating_sub(job.since).as_secs_f64());
            if job.reply.is_closed() {
                count_dropped("abandoned", 1);
            } else if job.deadline <= now {
                count_dropped("expired", 1);
                answer(job.reply, Err(ScoreFailure::Expired));
            } else {
                inputs.push(job.input);
                replies.push(job.reply);
            }
        }
        if inputs.is_empty() {
            return;
        }
        histogram!("signalbox_scoring_batch_prompts").record(inputs.len() as f64);
        let scorer = self.scorers.serving();
        let scored = score_each(scorer.as_ref(), &inputs);
        let took = self.clock.monotonic().saturating_sub(now);
        histogram!("signalbox_scoring_batch_seconds").record(took.as_secs_f64());
        self.note_pace(inputs.len(), took);
        self.succeeded.store(scored.iter().all(Result::is_ok), Ordering::Relaxed);
        let shadow = self.scorers.shadow().map(|shadow| {
            // Where others wait for their answers, these go before the shadow.
            let busy = !self.lock().jobs.is_empty();
            (shadow, busy, scored.iter().map(told).collect::<Vec<_>>())
        });
        for (reply, score) in replies.into_iter().zip(scored) {
            answer(reply, score);
        }
        if let Some((shadow, busy, told)) = shadow {
            shadow.offer(inputs.into_iter().zip(told), busy);
        }
    }
}

/// Lets the threads that talk to callers go first where cores are scarce: whoever is refused must hear it at once, and
/// not when a batch of others is done.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(refused) = rustix::process::nice(NICENESS) {
        warn!(%refused, "scoring threads cannot lower their priority: under overload, refusals will take longer");
    }
}

fn told(scored: &Scored) -> Option<Told> {
    scored.as_ref().ok().map(|score| Told { complexity: score.complexity, version: score.version.clone() })
}

fn score_each(scorer: &dyn Scorer, inputs: &[ScorerInput]) -> Vec<Scored> {
    match score_batch(scorer, inputs) {
        Ok(scores) => scores.into_iter().map(Ok).collect(),
        Err(failure) if inputs.len() == 1 => vec![Err(failure)],
        Err(failure) => {
            warn!(%failure, prompts = inputs.len(), "a batch failed; its prompts are scored one by one");
            let one = |input| {
                let mut scores = score_batch(scorer, std::slice::from_ref(input))?;
                scores.pop().ok_or(ScoreFailure::Miscounted { expected: 1, found: 0 })
            };
            inputs.iter().map(one).collect()
        }
    }
}

fn score_batch(scorer: &dyn Scorer, inputs: &[ScorerInput]) -> Result<Vec<Score>, ScoreFailure> {
    // A scorer holds no state that a panic could leave half changed: it is only ever borrowed.
    let scored = catch_unwind(AssertUnwindSafe(|| scorer.score(inputs)));
    let scores = match scored {
        Ok(Ok(scores)) => scores,
        Ok(Err(failure)) => {
            counter!("signalbox_scoring_failures_total", "kind" => "error").increment(1);
            return Err(ScoreFailure::Failed(failure.to_string()));
        }
        Err(_) => {
            counter!("signalbox_scoring_failures_total", "kind" => "panic").increment(1);
            error!(prompts = inputs.len(), "the scorer panicked");
            return Err(ScoreFailure::Panicked);
        }
    };
    if scores.len() != inputs.len() {
        return Err(ScoreFailure::Miscounted { expected: inputs.len(), found: scores.len() });
    }
    Ok(scores)
}

/// Answers a caller, who may have left meanwhile.
fn answer(reply: oneshot::Sender<Scored>, scored: Scored) {
    if reply.send(scored).is_err() {
        count_dropped("late", 1);
    }
}

/// Under the queue's lock, so that the last word is the newest.
fn tell_waiting(queue: &Queue) {
    gauge!("signalbox_scoring_queue_prompts").set(queue.jobs.len() as f64);
}

fn count_dropped(reason: &'static str, prompts: usize) {
    counter!("signalbox_scoring_dropped_total", "reason" => reason).increment(prompts as u64);
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(IDLE - 1)
}
