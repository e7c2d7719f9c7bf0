//! Collects the bodies of one request while it runs, within bounds.

use std::sync::Arc;

use bytes::Bytes;
use domain::{BodyLogging, KeyId, OrganisationId, RequestId, Timestamp};
use tokio::sync::mpsc;

use super::{Job, MAX_BODY, Shared};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Whose bodies they are.
#[derive(Clone, Debug)]
pub struct BodyOwner {
    /// The request.
    pub request: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// Whose key it came with.
    pub organisation: OrganisationId,
    /// The key.
    pub key: KeyId,
}

/// The bodies of a request that runs. They are kept when it is dropped.
pub struct BodyRecorder {
    entry: Option<Box<Entry>>,
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

/// The bodies of a request that has ended.
pub(super) struct Entry {
    pub(super) owner: BodyOwner,
    pub(super) expires: Timestamp,
    pub(super) request: Captured,
    pub(super) answer: Captured,
    shared: Arc<Shared>,
    held: usize,
}

/// The begin of a body, and how long all of it was.
#[derive(Default)]
pub(super) struct Captured {
    pub(super) begin: Vec<u8>,
    pub(super) bytes: u64,
}

impl Captured {
    /// How many bytes of a piece are wanted.
    fn wanted(&self, piece: &[u8]) -> usize {
        piece.len().min(MAX_BODY - self.begin.len())
    }

    fn push(&mut self, piece: &[u8], wanted: usize) {
        self.begin.extend_from_slice(&piece[..wanted]);
        self.bytes += piece.len() as u64;
    }
}

impl BodyRecorder {
    pub(super) fn new(owner: BodyOwner, logging: BodyLogging, shared: Arc<Shared>, jobs: mpsc::Sender<Job>) -> Self {
        let days = i64::from(logging.retention_days.max(1));
        let expires = Timestamp(owner.at.unix_micros().saturating_add(days * MICROS_PER_DAY));
        let (request, answer) = (Captured::default(), Captured::default());
        let entry = Entry { owner, expires, request, answer, shared: shared.clone(), held: 0 };
        Self { entry: Some(Box::new(entry)), shared, jobs }
    }

    /// Takes a piece of what the caller sent.
    pub fn request(&mut self, piece: &Bytes) {
        self.take(piece, |entry| &mut entry.request);
    }

    /// Takes a piece of what the caller is given.
    pub fn answer(&mut self, piece: &Bytes) {
        self.take(piece, |entry| &mut entry.answer);
    }

    fn take(&mut self, piece: &[u8], which: fn(&mut Entry) -> &mut Captured) {
        let Some(entry) = &mut self.entry else { return };
        let wanted = which(entry).wanted(piece);
        if self.shared.reserve(wanted) {
            entry.held += wanted;
            which(entry).push(piece, wanted);
        } else {
            // Half a body would be taken for a whole one.
            self.entry = None;
            self.shared.dropped("memory");
        }
    }
}

impl Drop for BodyRecorder {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take()
            && self.jobs.try_send(Job::Keep(entry)).is_err()
        {
            self.shared.dropped("queue");
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.release(self.held);
    }
}
