//! The run: batches of lines, scored on several threads, written in order.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail};
use scorer::Scorer;
use serde::Serialize;

use super::earlier::Earlier;
use super::intake::{Intake, Line};
use super::row::{Row, Scored};
use super::sink::{self, Sink};

/// Lines scored between two writes.
const BATCH: usize = 4_096;

/// Lines that a thread takes at a time, at most.
const SLICE: usize = 32;

/// Slices that each thread has of a batch, if it has the lines: of long lines a batch holds few.
const SLICES_EACH: usize = 4;

/// Bad rows that are told one by one; the rest is counted.
pub const FAULTS_TOLD: usize = 20;

/// What is wrong with a row whose id has a score already.
const KNOWN: &str = "its `id` stood on an earlier line; give each row its own";

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where scores go, `-` is standard output.
    pub output: PathBuf,
    /// Threads that score.
    pub threads: NonZeroUsize,
    /// Fields other than id and prompt are kept.
    pub keep: bool,
    /// A part file of an earlier run is taken up.
    pub resume: bool,
}

/// A bad row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What a run has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Rows of the input, blank lines not counted.
    pub rows: u64,
    /// Rows that were scored now.
    pub scored: u64,
    /// Rows that were taken over from an earlier run.
    pub resumed: u64,
    /// Rows that were bad and are missing from the output.
    pub bad: u64,
    /// Of the rows scored now, those that the scorer did not read to the end.
    pub truncated: u64,
    /// How long it took.
    pub seconds: f64,
    /// Rows scored in a second.
    pub rows_per_second: f64,
    /// Which scorer spoke.
    pub version: String,
    /// Where the scores are.
    pub output: String,
    /// The first bad rows.
    pub bad_rows: Vec<Fault>,
}

/// Scores all rows of an input. `tell` is given each of the first bad rows, then the summary so far after each batch.
///
/// # Errors
/// When the input cannot be read, the output cannot be written, or a part file does not fit. Bad rows are no error.
pub fn run(
    scorer: &dyn Scorer,
    intake: &Intake,
    settings: &Settings,
    tell: &mut dyn FnMut(Told<'_>),
) -> anyhow::Result<Summary> {
    let mut run = Run::open(scorer, settings)?;
    loop {
        let lines = intake
            .take(BATCH)
            .with_context(|| format!("reading the input after {} rows; is it whole?", run.summary.rows))?;
        if lines.is_empty() {
            return run.finish();
        }
        let known = run.summary.bad_rows.len();
        let written = run.batch(&lines)?;
        for fault in &run.summary.bad_rows[known..] {
            tell(Told::Fault(fault));
        }
        run.write(&written)?;
        tell(Told::Progress(&run.summary));
    }
}

/// What a run tells on its way.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A bad row.
    Fault(&'a Fault),
    /// How far it is.
    Progress(&'a Summary),
}

struct Run<'a> {
    scorer: &'a dyn Scorer,
    settings: &'a Settings,
    sink: Sink,
    earlier: Option<Earlier>,
    /// Hashes of the ids that have scores: the one thing that grows with the input.
    ids: HashSet<u64>,
    summary: Summary,
    start: Instant,
}

/// What became of a line.
enum Done {
    Scored { line: Vec<u8>, truncated: bool, id: u64 },
    Resumed(Vec<u8>),
    Bad(String),
}

impl<'a> Run<'a> {
    fn open(scorer: &'a dyn Scorer, settings: &'a Settings) -> anyhow::Result<Self> {
        let named = || format!("--output {}", settings.output.display());
        let part = sink::part_of(&settings.output);
        let is_left = !sink::is_standard(&settings.output) && part.exists();
        if is_left && !settings.resume {
            bail!("{} is left of an earlier run: continue it with --resume, or delete it", part.display());
        }
        let earlier = if is_left { Some(Earlier::open(&part).with_context(named)?) } else { None };
        let sink = Sink::open(&settings.output, is_left).with_context(named)?;
        let summary = Summary {
            version: scorer.version().to_string(),
            output: settings.output.display().to_string(),
            ..Summary::default()
        };
        Ok(Self { scorer, settings, sink, earlier, ids: HashSet::new(), summary, start: Instant::now() })
    }

    /// Scores a batch; the lines to be written.
    fn batch(&mut self, lines: &[Line]) -> anyhow::Result<Vec<u8>> {
        let resumed = self.take_over(lines)?;
        let rest = self.score(&lines[resumed.len()..])?;
        let mut written = Vec::new();
        for (line, done) in lines.iter().zip(resumed.into_iter().chain(rest)) {
            self.summary.rows += 1;
            match done {
                // Found out here, where rows come in their order whatever the threads.
                Done::Scored { id, .. } if !self.ids.insert(id) => self.bad(line.number, KNOWN.to_owned()),
                Done::Scored { line, truncated, .. } => {
                    self.summary.scored += 1;
                    self.summary.truncated += u64::from(truncated);
                    written.extend(line);
                    written.push(b'\n');
                }
                Done::Resumed(line) => {
                    self.summary.resumed += 1;
                    written.extend(line);
                    written.push(b'\n');
                }
                Done::Bad(reason) => self.bad(line.number, reason),
            }
        }
        self.summary.seconds = self.start.elapsed().as_secs_f64();
        self.summary.rows_per_second = self.summary.scored as f64 / self.summary.seconds.max(1e-9);
        Ok(written)
    }

    fn bad(&mut self, line: usize, reason: String) {
        self.summary.bad += 1;
        if self.summary.bad_rows.len() < FAULTS_TOLD {
            self.summary.bad_rows.push(Fault { line, reason });
        }
    }

    /// What an earlier run has done of a batch: the first lines, until nothing is left.
    fn take_over(&mut self, lines: &[Line]) -> anyhow::Result<Vec<Done>> {
        let mut taken = Vec::new();
        let Some(earlier) = &mut self.earlier else {
            return Ok(taken);
        };
        for line in lines {
            let Some(row) = earlier.peek() else {
                break;
            };
            let part = sink::part_of(&self.settings.output);
            if row.version != self.summary.version {
                bail!(
                    "{} was scored by {}, this is {}: delete it to begin anew",
                    part.display(),
                    row.version,
                    self.summary.version
                );
            }
            let id = line.content.as_ref().map_err(Clone::clone).and_then(|bytes| {
                let row = Row::parse(bytes)?;
                Ok((row.id.to_string(), row.id_hash()))
            });
            taken.push(match id {
                Err(reason) => Done::Bad(reason),
                Ok((_, hash)) if self.ids.contains(&hash) => Done::Bad(KNOWN.to_owned()),
                Ok((id, hash)) if id == row.id => {
                    self.ids.insert(hash);
                    Done::Resumed(earlier.take().map(|row| row.line).unwrap_or_default())
                }
                // The scorer may have refused the row then; it will again.
                Ok((id, _)) => match score_line(self.scorer, line, self.settings.keep) {
                    Done::Bad(reason) => Done::Bad(reason),
                    Done::Scored { .. } | Done::Resumed(_) => bail!(
                        "line {} has id {id}, but {} goes on with {}: it is of another input; delete it to begin anew",
                        line.number,
                        part.display(),
                        row.id
                    ),
                },
            });
        }
        if earlier.peek().is_none() {
            self.earlier = None;
        }
        Ok(taken)
    }

    fn score(&self, lines: &[Line]) -> anyhow::Result<Vec<Done>> {
        let (scorer, keep) = (self.scorer, self.settings.keep);
        let threads = self.settings.threads.get().min(lines.len());
        if threads < 2 {
            return Ok(lines.iter().map(|line| score_line(scorer, line, keep)).collect());
        }
        let slice = (lines.len() / (threads * SLICES_EACH)).clamp(1, SLICE);
        let slices: Vec<_> = lines.chunks(slice).collect();
        let next = AtomicUsize::new(0);
        // Each thread takes the next slice, so that one slow line holds up no more than its own.
        let work = || {
            let mut done = Vec::new();
            while let Some(at) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < slices.len()) {
                done.push((at, slices[at].iter().map(|line| score_line(scorer, line, keep)).collect::<Vec<_>>()));
            }
            done
        };
        let mut done = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut done = Vec::new();
            for worker in workers {
                done.extend(worker.join().map_err(|_| anyhow::anyhow!("a scoring thread panicked"))?);
            }
            Ok::<_, anyhow::Error>(done)
        })?;
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().flat_map(|(_, done)| done).collect())
    }

    fn write(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        self.sink.write(lines).with_context(|| self.not_written())?;
        // From here on the new part file has all that the earlier one had.
        if self.earlier.is_none() {
            self.sink.replace_earlier().with_context(|| self.not_written())?;
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Summary> {
        if let Some(row) = self.earlier.as_ref().and_then(Earlier::peek) {
            bail!(
                "{} has rows beyond the end of the input, from id {} on: it is of another input; delete it to begin anew",
                sink::part_of(&self.settings.output).display(),
                row.id
            );
        }
        let failed = self.not_written();
        self.sink.finish().context(failed)?;
        self.summary.seconds = self.start.elapsed().as_secs_f64();
        self.summary.rows_per_second = self.summary.scored as f64 / self.summary.seconds.max(1e-9);
        Ok(self.summary)
    }

    fn not_written(&self) -> String {
        format!("writing {} after {} rows{}", self.sink.name(), self.summary.rows, self.hint())
    }

    fn hint(&self) -> &'static str {
        if self.sink.is_file() { " (continue with --resume)" } else { "" }
    }
}

/// Scores one line.
fn score_line(scorer: &dyn Scorer, line: &Line, keep: bool) -> Done {
    let scored = || -> Result<Done, String> {
        let bytes = line.content.as_ref().map_err(Clone::clone)?;
        let mut row = Row::parse(bytes)?;
        let (id, hash, others) = (row.id, row.id_hash(), std::mem::take(&mut row.others));
        let scores = scorer.score(&[row.into_input()]).map_err(|error| format!("it cannot be scored: {error}"))?;
        let [score] = scores.as_slice() else {
            return Err(format!("the scorer gave {} scores for one prompt", scores.len()));
        };
        let others = if keep { others.as_slice() } else { &[] };
        let line = serde_json::to_vec(&Scored { id, score, others }).map_err(|error| error.to_string())?;
        Ok(Done::Scored { line, truncated: score.truncated, id: hash })
    };
    scored().unwrap_or_else(Done::Bad)
}
