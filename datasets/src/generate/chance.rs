//! Seeded choice and a tiny grammar: what every family of generated prompts is made with.
//!
//! The generator is written out here because its numbers must never change: what was generated is part of what a scorer
//! was made from.

/// Seeded choices.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

/// Rules of a grammar: a slot's name, and what may stand there, separated by `|`.
pub(crate) type Rules = [(&'static str, &'static str)];

impl Chance {
    /// Same seed, same choices.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits, by `SplitMix64`.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below((high - low + 1).max(1) as usize)).unwrap_or_default()
    }

    /// True once in `many`.
    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of a list.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of the alternatives of a list separated by `|`.
    pub(crate) fn alternative<'a>(&mut self, list: &'a str) -> &'a str {
        let at = self.below(list.split('|').count());
        list.split('|').nth(at).unwrap_or_default()
    }

    /// Some different alternatives of a list separated by `|`, in random order.
    pub(crate) fn some<'a>(&mut self, list: &'a str, count: usize) -> Vec<&'a str> {
        let mut all: Vec<_> = list.split('|').collect();
        self.shuffle(&mut all);
        all.truncate(count);
        all
    }

    /// Puts a list in random order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }

    /// Fills the slots of a form: `{name}` by an alternative of that rule, `{#2-9}` by a number. What no rule knows stays.
    pub(crate) fn fill(&mut self, form: &str, rules: &Rules) -> String {
        let mut filled = String::new();
        let mut rest = form;
        while let Some(open) = rest.find('{') {
            filled.push_str(&rest[..open]);
            let Some(close) = rest[open..].find('}').map(|at| open + at) else {
                rest = &rest[open..];
                break;
            };
            let slot = &rest[open + 1..close];
            match self.slot(slot, rules) {
                Some(text) => filled.push_str(&text),
                None => filled.push_str(&rest[open..=close]),
            }
            rest = &rest[close + 1..];
        }
        filled.push_str(rest);
        filled
    }

    fn slot(&mut self, slot: &str, rules: &Rules) -> Option<String> {
        if let Some((low, high)) = slot.strip_prefix('#').and_then(|range| range.split_once('-')) {
            return Some(self.range(low.parse().ok()?, high.parse().ok()?).to_string());
        }
        let list = rules.iter().find(|(name, _)| *name == slot)?.1;
        let form = self.alternative(list);
        Some(self.fill(form, rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_at_any_depth_and_unknown_ones_stay() {
        let rules = [("a", "x{b}"), ("b", "y|y")];
        assert_eq!(Chance::new(1).fill("{a}-{#7-7}-{c} {", &rules), "xy-7-{c} {");
    }

    #[test]
    fn choices_stay_what_they_are() {
        let mut chance = Chance::new(42);
        assert_eq!((0..5).map(|_| chance.below(100)).collect::<Vec<_>>(), [13, 91, 58, 64, 50]);
    }
}
