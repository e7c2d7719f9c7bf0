//! Conversations and the model that answered last in each, for policies with affinity.
//!
//! Bounded: an hour without a turn ends a conversation, and where there is no room the one that was silent longest is
//! forgotten. What is lost costs affinity, nothing else.

use std::time::Duration;

use domain::{KeyId, ModelId};

use crate::recent::{Digest, Recent};

/// Conversations remembered.
const CAPACITY: usize = 100_000;
/// A conversation without a turn for this long is over.
const IDLE: Duration = Duration::from_hours(1);

/// Which conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionKey(Digest);

/// What is remembered of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastTurn {
    /// Who answered.
    pub(crate) model: ModelId,
    /// How many tokens it read and wrote.
    pub(crate) tokens: u64,
}

/// All conversations of this process.
pub(crate) struct Sessions(Recent<LastTurn>);

// === impl SessionKey ===

impl SessionKey {
    /// The conversation that a caller names itself.
    pub(crate) fn named(key: &KeyId, id: &str) -> Self {
        Self(Digest::of([key.as_str(), "id", id]))
    }

    /// The conversation that begins with these texts.
    pub(crate) fn opened_by<'a>(key: &'a KeyId, opening: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Digest::of([key.as_str(), "opening"].into_iter().chain(opening)))
    }

    /// What records call a conversation that has no name of its own.
    pub(crate) fn shown(&self) -> String {
        blake3::Hash::from(self.0.0).to_hex()[..16].to_owned()
    }
}

// === impl Sessions ===

impl Default for Sessions {
    fn default() -> Self {
        Self(Recent::new(CAPACITY, IDLE))
    }
}

impl Sessions {
    /// The turn before, unless it was too long ago. `now` is monotonic.
    pub(crate) fn last_turn(&self, key: &SessionKey, now: Duration) -> Option<LastTurn> {
        self.0.get(&key.0, now)
    }

    /// Remembers who answered.
    pub(crate) fn remember(&self, key: SessionKey, turn: LastTurn, now: Duration) {
        let evicted = self.0.put(key.0, turn, now);
        if evicted > 0 {
            metrics::counter!("signalbox_sessions_evicted_total").increment(evicted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_id(number: u8) -> KeyId {
        KeyId::from_random([number; 20])
    }

    #[test]
    fn keys_names_and_openings_are_told_apart() {
        let all = [
            SessionKey::named(&key_id(1), "ab"),
            SessionKey::named(&key_id(2), "ab"),
            SessionKey::opened_by(&key_id(1), ["ab"]),
            SessionKey::opened_by(&key_id(1), ["a", "b"]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one), "{place}");
        }
    }
}
