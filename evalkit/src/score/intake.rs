//! Lines of the input, read ahead on a thread of their own, never more than a bound of them.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use datasets::rows::{self, Kept, Lines};

/// Bytes that are read ahead of scoring. A line that is longer waits alone.
pub const BYTES_AHEAD: usize = 32 << 20;

/// Lines that are read ahead of scoring.
pub const LINES_AHEAD: usize = 8_192;

/// A line, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its bytes, unless it is too long.
    pub content: Result<Vec<u8>, String>,
}

/// The lines that have been read and not yet been taken.
#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    ended: Option<io::Result<()>>,
    dropped: bool,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// The input.
#[derive(Debug)]
pub struct Intake {
    shared: Arc<Shared>,
}

impl Intake {
    /// Begins to read.
    ///
    /// # Errors
    /// When the system grants no thread.
    pub fn start(source: Box<dyn Read + Send>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        // Not joined: a read from a terminal may never return, and must not keep the command from ending.
        thread::Builder::new().name("intake".to_owned()).spawn(move || read(source, &theirs))?;
        Ok(Self { shared })
    }

    /// Takes what is there, waiting for at least one line; nothing once the input has ended.
    ///
    /// # Errors
    /// When the input could not be read; lines read before that are taken first.
    pub fn take(&self, most: usize) -> io::Result<Vec<Line>> {
        let mut waiting = self.shared.lock();
        loop {
            if !waiting.lines.is_empty() {
                let count = most.min(waiting.lines.len());
                let lines: Vec<_> = waiting.lines.drain(..count).collect();
                waiting.bytes -= lines.iter().map(Line::bytes).sum::<usize>();
                self.shared.changed.notify_all();
                return Ok(lines);
            }
            match waiting.ended.take() {
                Some(ended) => {
                    // Asked again, it has still ended.
                    waiting.ended = Some(Ok(()));
                    return ended.map(|()| Vec::new());
                }
                None => waiting = self.shared.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.lock().dropped = true;
        self.shared.changed.notify_all();
    }
}

impl Line {
    fn bytes(&self) -> usize {
        self.content.as_ref().map_or(0, Vec::len)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line as soon as there is room; false if nobody wants it any more.
    fn put(&self, line: Line) -> bool {
        let mut waiting = self.lock();
        let bytes = line.bytes();
        loop {
            if waiting.dropped {
                return false;
            }
            let room = waiting.lines.len() < LINES_AHEAD && waiting.bytes + bytes <= BYTES_AHEAD;
            if room || waiting.lines.is_empty() {
                waiting.bytes += bytes;
                waiting.lines.push_back(line);
                self.changed.notify_all();
                return true;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, how: io::Result<()>) {
        self.lock().ended = Some(how);
        self.changed.notify_all();
    }
}

/// Tells that the input has ended, also when reading it panicked: nobody is left waiting.
struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        if waiting.ended.is_none() {
            waiting.ended = Some(Err(io::Error::other("reading stopped unexpectedly")));
        }
        drop(waiting);
        self.0.changed.notify_all();
    }
}

fn read(source: Box<dyn Read + Send>, shared: &Shared) {
    let guard = EndOnDrop(shared);
    let mut lines = Lines::new(BufReader::with_capacity(256 << 10, source), rows::MAX_ROW_BYTES);
    loop {
        let mut bytes = Vec::new();
        let content = match lines.next_into(&mut bytes) {
            Ok(None) => break shared.end(Ok(())),
            Err(error) => break shared.end(Err(error)),
            Ok(Some(Kept::Whole)) if bytes.trim_ascii().is_empty() => continue,
            Ok(Some(Kept::Whole)) => Ok(bytes),
            Ok(Some(Kept::TooLong(length))) => Err(rows::too_long(length)),
        };
        if !shared.put(Line { number: lines.number(), content }) {
            break;
        }
    }
    drop(guard);
}
