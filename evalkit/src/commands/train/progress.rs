//! Tells how a training run goes and when it is likely to end: to people in lines, to programs in JSON.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};
use serde_json::{Value, json};
use trainer::pipeline::Progress;

/// Tells of a run.
pub(super) struct Teller {
    bar: Option<ProgressBar>,
    start: Instant,
    /// Passes of one network, at most.
    epochs: usize,
    /// Networks in all, and those that are ready.
    networks: usize,
    ready: usize,
    /// Passes gone through, those of ready networks not counted.
    passes: Vec<usize>,
    /// Networks that an earlier run had fitted took no time.
    taken_over: usize,
}

impl Teller {
    pub(super) fn new(json: bool, epochs: usize) -> Self {
        Self {
            bar: (!json).then(ProgressBar::new_spinner),
            start: Instant::now(),
            epochs,
            networks: 0,
            ready: 0,
            passes: Vec::new(),
            taken_over: 0,
        }
    }

    pub(super) fn tell(&mut self, progress: &Progress) {
        self.count(progress);
        let eta = self.eta();
        let Some(bar) = &self.bar else {
            eprintln!("{}", self.json(progress, eta));
            return;
        };
        let eta = eta.map(|it| format!("  ETA {}", HumanDuration(it))).unwrap_or_default();
        let line = format!("{}{eta}", text(progress));
        // Where nobody watches, a bar prints nothing: lines are for logs as well.
        if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn count(&mut self, progress: &Progress) {
        match progress {
            Progress::Read(_) => self.start = Instant::now(),
            Progress::Fitting(_, of, _) => {
                self.networks = *of;
                self.passes.resize(*of, 0);
            }
            Progress::Passed(network, epoch) => {
                if let Some(passes) = self.passes.get_mut(network - 1) {
                    *passes = epoch.number;
                }
            }
            Progress::Fitted(network, _, had) => {
                self.ready += 1;
                self.taken_over += usize::from(*had);
                if let Some(passes) = self.passes.get_mut(network - 1) {
                    *passes = self.epochs;
                }
            }
        }
    }

    /// Time left if every network takes all its passes, at the pace so far; early stopping makes it less.
    fn eta(&self) -> Option<Duration> {
        let own = (self.networks - self.taken_over) * self.epochs;
        let done = self.passes.iter().sum::<usize>().checked_sub(self.taken_over * self.epochs)?;
        (done > 0).then(|| self.start.elapsed().mul_f64((own - done) as f64 / done as f64))
    }

    fn json(&self, progress: &Progress, eta: Option<Duration>) -> Value {
        let mut line = match progress {
            Progress::Read(rows) => json!({"event": "read", "rows": rows}),
            Progress::Fitting(at, of, unseen) => {
                json!({"event": "fitting", "network": at, "of": of, "held_out": unseen})
            }
            Progress::Passed(network, it) => json!({
                "event": "passed", "network": network, "pass": it.number, "loss": it.train,
                "dev": {"complexity": it.complexity, "difficulty": it.difficulty}, "best": it.best,
            }),
            Progress::Fitted(at, of, had) => {
                json!({"event": "fitted", "network": at, "of": of, "from_earlier_run": had})
            }
        };
        line["elapsed_s"] = json!(self.start.elapsed().as_secs_f64());
        line["eta_s"] = json!(eta.map(|it| it.as_secs_f64()));
        line
    }
}

fn text(progress: &Progress) -> String {
    match progress {
        Progress::Read(rows) => {
            rows.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
        }
        Progress::Fitting(at, of, unseen) if unseen.is_empty() => format!("network {at} of {of}, all authors"),
        Progress::Fitting(at, of, unseen) => format!("network {at} of {of}, held out: {}", unseen.join(", ")),
        Progress::Passed(network, it) => format!(
            "network {network}, pass {:3}  loss {:.4}  dev: complexity {:.4}, difficulty {:.4}{}",
            it.number,
            it.train,
            it.complexity,
            it.difficulty,
            if it.best { "  best" } else { "" }
        ),
        Progress::Fitted(at, of, true) => format!("network {at} of {of} is ready: an earlier run had fitted it"),
        Progress::Fitted(at, of, false) => format!("network {at} of {of} is ready"),
    }
}
