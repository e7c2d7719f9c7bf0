//! A snapshot cut into messages of at most 1 MiB, and put together again: on the wire and on disk alike.
//!
//! [`full_messages`] and [`delta_messages`] cut; an [`Assembler`] takes messages in order and yields a snapshot at each
//! commit. What was not committed is never seen, so a stream that breaks off changes nothing.

use std::sync::Arc;

use domain::{Change, Object, Snapshot, SnapshotVersion};
use prost::Message;

use crate::convert::ConvertError;
use crate::pb::object::v1 as pb;
use crate::pb::snapshot::v1::watch_message::Message as Kind;
use crate::pb::snapshot::v1::{Changes, Commit, FullBegin, Health, Heartbeat, Objects, WatchMessage};

/// No chunk is larger, unless a single object is.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A full copy: begin, chunks, commit. Each is made when it is taken, so that a large copy is never in memory twice.
pub fn full_messages(snapshot: &Snapshot) -> impl Iterator<Item = WatchMessage> + Send + use<> {
    let version = Some(snapshot.version.into());
    let objects = snapshot.objects().into_iter().map(|object| pb::Object::from(&object));
    let chunks = Chunks::of(objects).map(|objects| message(Kind::Objects(Objects { objects })));
    let begin = std::iter::once(message(Kind::FullBegin(FullBegin { version })));
    begin.chain(chunks).chain(std::iter::once(message(Kind::Commit(Commit { version }))))
}

/// A delta: chunks, commit.
pub fn delta_messages(version: SnapshotVersion, changes: &[Change]) -> Vec<WatchMessage> {
    let chunks = Chunks::of(changes.iter().map(pb::Change::from));
    let mut messages: Vec<_> = chunks.map(|changes| message(Kind::Changes(Changes { changes }))).collect();
    messages.push(message(Kind::Commit(Commit { version: Some(version.into()) })));
    messages
}

/// A sign of life.
pub fn heartbeat_message(version: SnapshotVersion) -> WatchMessage {
    message(Kind::Heartbeat(Heartbeat { version: Some(version.into()) }))
}

/// How models have been doing.
pub fn health_message(health: Health) -> WatchMessage {
    message(Kind::Health(health))
}

fn message(kind: Kind) -> WatchMessage {
    WatchMessage { message: Some(kind) }
}

/// Items in chunks of at most [`CHUNK_BYTES`].
struct Chunks<I: Iterator> {
    items: I,
    /// The first of the next chunk, with its size: it did not fit into the one before.
    next: Option<(I::Item, usize)>,
}

impl<M: Message, I: Iterator<Item = M>> Chunks<I> {
    fn of(items: I) -> Self {
        Self { items, next: None }
    }

    fn measured(&mut self) -> Option<(M, usize)> {
        /// Tag and length of a nested message.
        const OVERHEAD: usize = 8;
        let item = self.items.next()?;
        let size = item.encoded_len() + OVERHEAD;
        Some((item, size))
    }
}

impl<M: Message, I: Iterator<Item = M>> Iterator for Chunks<I> {
    type Item = Vec<M>;

    fn next(&mut self) -> Option<Vec<M>> {
        let (first, mut bytes) = self.next.take().or_else(|| self.measured())?;
        let mut chunk = vec![first];
        while let Some((item, size)) = self.measured() {
            if bytes + size > CHUNK_BYTES {
                self.next = Some((item, size));
                break;
            }
            bytes += size;
            chunk.push(item);
        }
        Some(chunk)
    }
}

/// What a message meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A part of something that is not complete yet.
    Partial,
    /// A snapshot is complete: hold this one from now on.
    Committed(Arc<Snapshot>),
    /// How models have been doing.
    Health(Health),
    /// The engine is there; this is the newest version it has.
    Heartbeat(SnapshotVersion),
}

#[derive(Debug)]
enum Pending {
    Nothing,
    Full { version: SnapshotVersion, objects: Vec<Object> },
    Delta(Vec<Change>),
}

/// Puts snapshots together from messages in order.
#[derive(Debug)]
pub struct Assembler {
    held: Option<Arc<Snapshot>>,
    pending: Pending,
}

impl Assembler {
    /// Starts from what is held already, if anything.
    pub fn new(held: Option<Arc<Snapshot>>) -> Self {
        Self { held, pending: Pending::Nothing }
    }

    /// The last committed snapshot.
    pub fn held(&self) -> Option<&Arc<Snapshot>> {
        self.held.as_ref()
    }

    /// Forgets what was not committed: call it when a stream broke off.
    pub fn restart(&mut self) {
        self.pending = Pending::Nothing;
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// A field that is not what it should be, or a message out of order: the stream should be started anew.
    pub fn take(&mut self, message: WatchMessage) -> Result<Event, ConvertError> {
        let kind = message.message.ok_or_else(|| ConvertError::new("message", "is missing"))?;
        match kind {
            Kind::FullBegin(begin) => {
                let version = version_of("full_begin.version", begin.version)?;
                self.pending = Pending::Full { version, objects: Vec::new() };
                Ok(Event::Partial)
            }
            Kind::Objects(chunk) => self.take_objects(chunk),
            Kind::Changes(chunk) => self.take_changes(chunk),
            Kind::Commit(commit) => self.commit(version_of("commit.version", commit.version)?),
            Kind::Health(health) => Ok(Event::Health(health)),
            Kind::Heartbeat(it) => version_of("heartbeat.version", it.version).map(Event::Heartbeat),
        }
    }

    fn take_objects(&mut self, chunk: Objects) -> Result<Event, ConvertError> {
        let Pending::Full { objects, .. } = &mut self.pending else {
            return Err(ConvertError::new("objects", "came without a full_begin"));
        };
        for (index, object) in chunk.objects.into_iter().enumerate() {
            objects.push(object.try_into().map_err(|error: ConvertError| error.within(&format!("objects[{index}]")))?);
        }
        Ok(Event::Partial)
    }

    fn take_changes(&mut self, chunk: Changes) -> Result<Event, ConvertError> {
        if let Pending::Nothing = self.pending {
            self.pending = Pending::Delta(Vec::new());
        }
        let Pending::Delta(changes) = &mut self.pending else {
            return Err(ConvertError::new("changes", "came in the middle of a full copy"));
        };
        for (index, change) in chunk.changes.into_iter().enumerate() {
            changes.push(change.try_into().map_err(|error: ConvertError| error.within(&format!("changes[{index}]")))?);
        }
        Ok(Event::Partial)
    }

    fn commit(&mut self, version: SnapshotVersion) -> Result<Event, ConvertError> {
        let next = match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Full { version: begun, objects } if begun == version => Snapshot::full(version, objects),
            Pending::Full { .. } => return Err(ConvertError::new("commit.version", "is not that of full_begin")),
            Pending::Delta(changes) => self.base(version)?.apply(version, changes),
            Pending::Nothing => self.base(version)?.apply(version, []),
        };
        let next = Arc::new(next);
        self.held = Some(next.clone());
        Ok(Event::Committed(next))
    }

    /// What a delta to this version applies to: a held snapshot of the same registry.
    fn base(&self, version: SnapshotVersion) -> Result<&Snapshot, ConvertError> {
        self.held
            .as_deref()
            .filter(|held| held.version.epoch == version.epoch && held.version.revision <= version.revision)
            .ok_or_else(|| ConvertError::new("changes", "came without the snapshot that they change"))
    }
}

fn version_of(field: &str, version: Option<pb::SnapshotVersion>) -> Result<SnapshotVersion, ConvertError> {
    version.map(Into::into).ok_or_else(|| ConvertError::new(field, "is missing"))
}
