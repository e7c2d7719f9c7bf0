//! Conversations and the model that answered last in each, for policies with affinity.
//!
//! Shared by all I/O threads, in shards so that they seldom wait for each other. Bounded: an hour without a turn ends a
//! conversation, and a full shard forgets the one that was silent longest. What is lost costs affinity, nothing else.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{KeyId, ModelId};

/// Conversations remembered, all shards together.
const CAPACITY: usize = 100_000;
/// A conversation without a turn for this long is over.
const IDLE: Duration = Duration::from_hours(1);
/// Locks; more than there are I/O threads on any common machine.
const SHARDS: usize = 32;

/// Which conversation: a digest, so that each takes the same room, and no prompt is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey([u8; 32]);

/// What is remembered of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastTurn {
    /// Who answered.
    pub(crate) model: ModelId,
    /// How many tokens it read and wrote.
    pub(crate) tokens: u64,
}

/// All conversations of this process.
pub(crate) struct Sessions {
    shards: Vec<Mutex<Shard>>,
    room: usize,
}

#[derive(Default)]
struct Shard {
    turns: HashMap<SessionKey, Entry>,
    /// By the number of the last turn, so that the one silent longest comes first.
    order: BTreeMap<u64, SessionKey>,
    next: u64,
}

struct Entry {
    turn: LastTurn,
    at: Duration,
    number: u64,
}

// === impl SessionKey ===

impl SessionKey {
    /// The conversation that a caller names itself.
    pub(crate) fn named(key: &KeyId, id: &str) -> Self {
        Self::of(key, "id", [id])
    }

    /// The conversation that begins with these texts.
    pub(crate) fn opened_by<'a>(key: &KeyId, opening: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(key, "opening", opening)
    }

    /// Lengths go before texts, so that no two lists of texts run together.
    fn of<'a>(key: &KeyId, kind: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
        };
        add(key.as_str());
        add(kind);
        texts.into_iter().for_each(add);
        Self(*hasher.finalize().as_bytes())
    }

    /// What records call a conversation that has no name of its own.
    pub(crate) fn shown(&self) -> String {
        blake3::Hash::from(self.0).to_hex()[..16].to_owned()
    }
}

// === impl Sessions ===

impl Default for Sessions {
    fn default() -> Self {
        Self::with_room(CAPACITY / SHARDS)
    }
}

impl Sessions {
    /// With this much room in each shard.
    fn with_room(room: usize) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), room }
    }

    /// The turn before, unless it was too long ago. `now` is monotonic.
    pub(crate) fn last_turn(&self, key: &SessionKey, now: Duration) -> Option<LastTurn> {
        let mut shard = self.shard(key);
        let entry = shard.turns.get(key)?;
        if now.saturating_sub(entry.at) < IDLE {
            return Some(entry.turn.clone());
        }
        shard.forget(key);
        None
    }

    /// Remembers who answered.
    pub(crate) fn remember(&self, key: SessionKey, turn: LastTurn, now: Duration) {
        let mut shard = self.shard(&key);
        shard.forget(&key);
        let mut evicted = 0_u64;
        while let Some(oldest) = shard.order.values().next().copied() {
            let is_over = shard.turns.get(&oldest).is_none_or(|entry| now.saturating_sub(entry.at) >= IDLE);
            if !is_over && shard.turns.len() < self.room {
                break;
            }
            evicted += u64::from(!is_over);
            shard.forget(&oldest);
        }
        shard.next += 1;
        let number = shard.next;
        shard.order.insert(number, key);
        shard.turns.insert(key, Entry { turn, at: now, number });
        drop(shard);
        if evicted > 0 {
            metrics::counter!("signalbox_sessions_evicted_total").increment(evicted);
        }
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[usize::from(key.0[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn forget(&mut self, key: &SessionKey) {
        if let Some(entry) = self.turns.remove(key) {
            self.order.remove(&entry.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_id(number: u8) -> KeyId {
        KeyId::from_random([number; 20])
    }

    fn turn(tokens: u64) -> LastTurn {
        LastTurn { model: ModelId::parse("acme/small").expect("valid"), tokens }
    }

    #[test]
    fn a_conversation_lasts_an_hour_from_its_last_turn() {
        let sessions = Sessions::default();
        let key = SessionKey::named(&key_id(1), "a");
        sessions.remember(key, turn(1), Duration::ZERO);
        sessions.remember(key, turn(2), Duration::from_mins(50));
        assert_eq!(sessions.last_turn(&key, Duration::from_secs(6_599)), Some(turn(2)));
        assert_eq!(sessions.last_turn(&key, Duration::from_mins(110)), None);
        assert_eq!(sessions.last_turn(&key, Duration::from_mins(50)), None, "what is over is forgotten");
    }

    #[test]
    fn a_full_shard_forgets_the_one_silent_longest() {
        let sessions = Sessions::with_room(2);
        let in_one_shard = |number: u32| SessionKey::named(&key_id(1), &number.to_string());
        let first = in_one_shard(0);
        let mates =
            (1..).map(in_one_shard).filter(|it| usize::from(it.0[0]) % SHARDS == usize::from(first.0[0]) % SHARDS);
        let [second, third] = [0, 1].map(|skip| mates.clone().nth(skip).expect("endless"));
        let at = Duration::from_secs;
        sessions.remember(first, turn(1), at(1));
        sessions.remember(second, turn(2), at(2));
        sessions.remember(first, turn(3), at(3));
        sessions.remember(third, turn(4), at(4));
        let left = [first, second, third].map(|key| sessions.last_turn(&key, at(5)).map(|it| it.tokens));
        assert_eq!(left, [Some(3), None, Some(4)]);
    }

    #[test]
    fn keys_names_and_openings_are_told_apart() {
        let all = [
            SessionKey::named(&key_id(1), "ab"),
            SessionKey::named(&key_id(2), "ab"),
            SessionKey::opened_by(&key_id(1), ["ab"]),
            SessionKey::opened_by(&key_id(1), ["a", "b"]),
            SessionKey::opened_by(&key_id(1), ["", "ab"]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one), "{place}");
        }
    }
}
