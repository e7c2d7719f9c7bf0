//! The most recent of many things, under digests of their names: bounded in number and in age.
//!
//! Shared by all I/O threads, in shards so that they seldom wait for each other. What has been forgotten must cost no more
//! than a second thought.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks; more than there are I/O threads on any common machine.
const SHARDS: usize = 32;

/// A name as it is remembered, so that each takes the same room, and nothing that callers wrote is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

/// What is remembered.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    shards: Vec<Mutex<Shard<T>>>,
    /// In each shard.
    room: usize,
    lasts: Duration,
}

#[derive(Debug)]
struct Shard<T> {
    entries: HashMap<Digest, Entry<T>>,
    /// By when they were put, so that the oldest comes first.
    order: BTreeMap<u64, Digest>,
    next: u64,
}

#[derive(Debug)]
struct Entry<T> {
    thing: T,
    at: Duration,
    number: u64,
}

impl Digest {
    /// Lengths go before texts, so that no two lists of texts run together.
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl<T: Clone> Recent<T> {
    /// Remembers about so many things, each for so long.
    pub(crate) fn new(capacity: usize, lasts: Duration) -> Self {
        let shard = || Mutex::new(Shard { entries: HashMap::new(), order: BTreeMap::new(), next: 0 });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), room: capacity / SHARDS, lasts }
    }

    /// What was put last under a name, unless that was too long ago. `now` is monotonic.
    pub(crate) fn get(&self, name: &Digest, now: Duration) -> Option<T> {
        let mut shard = self.shard(name);
        let entry = shard.entries.get(name)?;
        if now.saturating_sub(entry.at) < self.lasts {
            return Some(entry.thing.clone());
        }
        shard.forget(name);
        None
    }

    /// Puts a thing under a name, and says how many others had to go for want of room.
    pub(crate) fn put(&self, name: Digest, thing: T, now: Duration) -> u64 {
        let mut shard = self.shard(&name);
        shard.forget(&name);
        let mut evicted = 0_u64;
        while let Some(oldest) = shard.order.values().next().copied() {
            let is_over = shard.entries.get(&oldest).is_none_or(|entry| now.saturating_sub(entry.at) >= self.lasts);
            if !is_over && shard.entries.len() < self.room {
                break;
            }
            evicted += u64::from(!is_over);
            shard.forget(&oldest);
        }
        shard.next += 1;
        let number = shard.next;
        shard.order.insert(number, name);
        shard.entries.insert(name, Entry { thing, at: now, number });
        evicted
    }

    fn shard(&self, name: &Digest) -> MutexGuard<'_, Shard<T>> {
        let shard = &self.shards[usize::from(name.0[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Shard<T> {
    fn forget(&mut self, name: &Digest) {
        if let Some(entry) = self.entries.remove(name) {
            self.order.remove(&entry.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_thing_lasts_from_when_it_was_put_last() {
        let recent = Recent::new(1_000, HOUR);
        let name = Digest::of(["a"]);
        assert_eq!(recent.put(name, 1, Duration::ZERO), 0);
        assert_eq!(recent.put(name, 2, Duration::from_mins(50)), 0);
        assert_eq!(recent.get(&name, Duration::from_secs(6_599)), Some(2));
        assert_eq!(recent.get(&name, Duration::from_mins(110)), None);
        assert_eq!(recent.get(&name, Duration::from_mins(50)), None, "what is over is forgotten");
    }

    #[test]
    fn a_full_shard_forgets_the_oldest_and_says_so() {
        let recent = Recent::new(2 * SHARDS, HOUR);
        let place = |name: &Digest| usize::from(name.0[0]) % SHARDS;
        let name = |number: u32| Digest::of([number.to_string().as_str()]);
        let first = name(0);
        let mates = (1..).map(name).filter(|it| place(it) == place(&first));
        let [second, third] = [0, 1].map(|skip| mates.clone().nth(skip).expect("endless"));
        let at = Duration::from_secs;
        let puts = [(first, 1_u32), (second, 2), (first, 3), (third, 4)];
        assert_eq!(puts.map(|(name, number)| recent.put(name, number, at(u64::from(number)))), [0, 0, 0, 1]);
        assert_eq!([first, second, third].map(|name| recent.get(&name, at(5))), [Some(3), None, Some(4)]);
    }

    #[test]
    fn lists_of_texts_are_told_apart() {
        let all: [&[&str]; 4] = [&["ab"], &["a", "b"], &["", "ab"], &["ab", ""]];
        for (place, one) in all.iter().enumerate() {
            let is_same = |other: &&[&str]| Digest::of(other.iter().copied()) == Digest::of(one.iter().copied());
            assert!(!all[place + 1..].iter().any(is_same), "{place}");
        }
    }
}
