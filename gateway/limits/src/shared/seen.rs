//! What the store last said was spent of each budget. Should the store lose it, each gateway tells it again what it had
//! spent itself, when it next has a request under that budget; until the last one has, the sum would be too small.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Budgets remembered, those of periods that are over among them. When there are more, all are forgotten: those that are
/// used are soon seen again.
const MOST: usize = 10_000;

/// By the key in the store: each period has its own. In 10^-12 USD, as the store writes it.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<String, String>>);

impl Seen {
    /// Notes what the store said.
    pub(crate) fn note(&self, key: &str, spent: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = seen.get_mut(key) {
            spent.clone_into(before);
            return;
        }
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(key.to_owned(), spent.to_owned());
    }

    /// What it said last; nothing, if it never did.
    pub(crate) fn last(&self, key: &str) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(key).cloned().unwrap_or_else(|| "0".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_the_room_is_bounded() {
        let seen = Seen::default();
        assert_eq!(seen.last("a"), "0");
        seen.note("a", "1");
        seen.note("a", "2");
        assert_eq!(seen.last("a"), "2");
        (0..2 * MOST).for_each(|number| seen.note(&number.to_string(), "3"));
        assert!(seen.0.lock().expect("whole").len() <= MOST);
        assert_eq!(seen.last(&(2 * MOST - 1).to_string()), "3");
    }
}
