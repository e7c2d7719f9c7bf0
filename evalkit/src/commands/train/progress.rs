//! Tells how a training run goes and when it is likely to end: to people in lines, to programs in JSON.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};
use serde_json::{Value, json};
use trainer::pipeline::Progress;

use crate::tell;

/// Between two lines about single steps: of JSON, and of a log that nobody watches.
const STEPS_EVERY: Duration = Duration::from_secs(2);
const LINES_EVERY: Duration = Duration::from_secs(30);

/// Tells of a run.
pub(super) struct Teller {
    bar: Option<ProgressBar>,
    /// When the first network was begun: reading goes at another pace.
    start: Instant,
    networks: Vec<Way>,
    /// When a step was told last.
    told: Instant,
}

/// How far one network is.
#[derive(Clone, Copy, Default)]
struct Way {
    step: usize,
    of: usize,
    ready: bool,
    /// An earlier run had fitted it: it takes no time.
    taken_over: bool,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        let now = Instant::now();
        Self { bar: (!json).then(ProgressBar::new_spinner), start: now, networks: Vec::new(), told: now }
    }

    pub(super) fn tell(&mut self, progress: &Progress) {
        self.count(progress);
        let eta = self.eta(self.start.elapsed());
        let is_step = matches!(progress, Progress::Stepped(..));
        let Some(bar) = &self.bar else {
            if !is_step || self.is_due(STEPS_EVERY) {
                tell(self.json(progress, eta));
            }
            return;
        };
        let eta = eta.map(|it| format!("  ETA {}", HumanDuration(it))).unwrap_or_default();
        let line = format!("{}{eta}", text(progress));
        // Where nobody watches, a bar prints nothing: lines are for logs as well.
        match (is_step, bar.is_hidden()) {
            (false, true) => tell(line),
            (false, false) => bar.println(line),
            (true, false) => bar.set_message(line),
            (true, true) if self.is_due(LINES_EVERY) => tell(line),
            (true, true) => {}
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether a step is to be told again.
    fn is_due(&mut self, every: Duration) -> bool {
        let is_due = self.told.elapsed() >= every;
        if is_due {
            self.told = Instant::now();
        }
        is_due
    }

    fn count(&mut self, progress: &Progress) {
        match progress {
            Progress::Read(_) => self.start = Instant::now(),
            Progress::Fitting(_, of, _) => self.networks.resize(*of, Way::default()),
            Progress::Stepped(network, step, of) => {
                if let Some(way) = self.networks.get_mut(network - 1) {
                    (way.step, way.of) = (*step, *of);
                }
            }
            Progress::Fitted(network, _, had) => {
                if let Some(way) = self.networks.get_mut(network - 1) {
                    (way.ready, way.taken_over) = (true, *had);
                }
            }
            Progress::Turned(_) | Progress::Passed(..) => {}
        }
    }

    /// Time left if every network takes all its steps, at the pace so far; early stopping makes it less.
    fn eta(&self, elapsed: Duration) -> Option<Duration> {
        let most = self.networks.iter().map(|way| way.of).max()?;
        let done: usize = self.networks.iter().map(|way| way.step).sum();
        let left = |way: &Way| match way {
            Way { ready: true, .. } | Way { taken_over: true, .. } => 0,
            // One that has not begun is like the others.
            Way { of: 0, .. } => most,
            way => way.of - way.step.min(way.of),
        };
        let left: usize = self.networks.iter().map(left).sum();
        (done > 0).then(|| elapsed.mul_f64(left as f64 / done as f64))
    }

    fn json(&self, progress: &Progress, eta: Option<Duration>) -> Value {
        let way = |network: &usize| self.networks.get(network - 1).copied().unwrap_or_default();
        let mut line = match progress {
            Progress::Turned(to) => json!({"event": "stage", "stage": to}),
            Progress::Read(rows) => json!({"event": "read", "rows": rows}),
            Progress::Fitting(at, of, unseen) => {
                json!({"event": "fitting", "network": at, "of": of, "held_out": unseen})
            }
            Progress::Stepped(network, step, of) => {
                json!({"event": "step", "network": network, "step": step, "of": of})
            }
            Progress::Passed(network, it) => json!({
                "event": "passed", "network": network, "step": way(network).step, "of": way(network).of,
                "pass": it.number, "loss": it.train,
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
        Progress::Turned(to) => (*to).to_owned(),
        Progress::Read(rows) => {
            rows.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
        }
        Progress::Fitting(at, of, unseen) if unseen.is_empty() => format!("network {at} of {of}, all authors"),
        Progress::Fitting(at, of, unseen) => format!("network {at} of {of}, held out: {}", unseen.join(", ")),
        Progress::Stepped(network, step, of) => format!("network {network}, step {step} of {of}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn teller(events: &[Progress]) -> Teller {
        let mut teller = Teller::new(true);
        for event in events {
            teller.count(event);
        }
        teller
    }

    #[test]
    fn time_left_is_known_from_the_first_step_on() {
        let begun = [Progress::Fitting(1, 3, vec![])];
        assert_eq!(teller(&begun).eta(Duration::from_secs(1)), None);
        let stepped = [begun[0].clone(), Progress::Stepped(1, 1, 100)];
        // 99 steps of this one, and a hundred of either other.
        assert_eq!(teller(&stepped).eta(Duration::from_secs(1)), Some(Duration::from_secs(299)));
    }

    #[test]
    fn networks_that_are_ready_or_taken_over_take_no_more_time() {
        let events = [
            Progress::Fitting(1, 3, vec![]),
            Progress::Fitted(1, 3, true),
            // Stopped early.
            Progress::Stepped(2, 50, 100),
            Progress::Fitted(2, 3, false),
            Progress::Stepped(3, 50, 100),
        ];
        assert_eq!(teller(&events).eta(Duration::from_secs(10)), Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_step_says_how_far_it_is_and_how_long_it_will_take() {
        let step = Progress::Stepped(2, 7, 100);
        let teller = teller(&[Progress::Fitting(1, 2, vec![]), step.clone()]);
        let line = teller.json(&step, teller.eta(Duration::from_secs(7)));
        assert_eq!(
            (&line["event"], &line["network"], &line["step"], &line["of"]),
            (&json!("step"), &json!(2), &json!(7), &json!(100))
        );
        assert_eq!(line["eta_s"], json!(193.0));
        assert!(line["elapsed_s"].is_f64());
    }
}
