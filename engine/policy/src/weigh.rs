//! Weighs chances of success against money: the rule of `optimal`, apart from where chances and prices come from.
//!
//! By `λ`, the best utility is first and the others follow by theirs. By `min_quality`, the first is the cheapest whose
//! chance is at least that share of the best; when it fails, the same is asked of those left. What has no known price is
//! taken to cost what the dearest known one does, so that it never wins by looking free; where no price is known, the
//! chance alone decides. Equals go to the cheaper, then the likelier, then the id, so that no order of configuration
//! matters. What holds of the choice is proven in `tests/it/optimal_laws.rs`.

use std::cmp::Ordering;

use domain::{Dial, Lambda, ModelId, Money};

/// A candidate with what decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prospect<'a> {
    /// The model.
    pub model: &'a ModelId,
    /// Its chance of success, 0..=1.
    pub chance: f64,
    /// What the request would cost on it; `None` = price unknown.
    pub cost: Option<Money>,
}

impl Prospect<'_> {
    /// Chance of success less what the money could buy elsewhere.
    fn worth(&self, lambda: Lambda, dearest: Money) -> f64 {
        self.chance - lambda.get() * self.cost.unwrap_or(dearest).approximate()
    }

    /// What a dial looks at first.
    fn measure(&self, dial: Dial, all: &[Prospect<'_>]) -> f64 {
        match (dial, dearest(all)) {
            (Dial::Lambda(lambda), Some(dearest)) => self.worth(lambda, dearest),
            (Dial::Lambda(_), None) | (Dial::MinQuality(_), _) => self.chance,
        }
    }

    /// Known prices before unknown ones, then the better chance, then the id.
    fn cheaper_first(&self, other: &Self) -> Ordering {
        let price = |it: &Self| (it.cost.is_none(), it.cost);
        let by_price = price(self).cmp(&price(other));
        by_price.then_with(|| other.chance.total_cmp(&self.chance)).then_with(|| self.model.cmp(other.model))
    }
}

/// Returns the places of candidates in the order in which they are to be tried.
pub fn weigh(dial: Dial, prospects: &[Prospect<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..prospects.len()).collect();
    let Some(dearest) = dearest(prospects) else {
        sort_descending(&mut order, prospects, |it| it.chance);
        return order;
    };
    match dial {
        Dial::Lambda(lambda) => sort_descending(&mut order, prospects, |it| it.worth(lambda, dearest)),
        Dial::MinQuality(share) => sort_by_share(&mut order, prospects, share.get()),
    }
    order
}

/// For each candidate, in the order in which they are to be tried, how far it falls short of the first: by `λ` in
/// utility, by `min_quality` in chance below the share that is asked for. 0 = not at all.
pub(crate) fn shortfalls(dial: Dial, ordered: &[Prospect<'_>]) -> Vec<f64> {
    let reference = match dial {
        Dial::Lambda(_) => ordered.first().map_or(0.0, |it| it.measure(dial, ordered)),
        Dial::MinQuality(share) => share.get() * ordered.iter().map(|it| it.chance).fold(0.0, f64::max),
    };
    ordered.iter().map(|it| (reference - it.measure(dial, ordered)).max(0.0)).collect()
}

fn dearest(prospects: &[Prospect<'_>]) -> Option<Money> {
    prospects.iter().filter_map(|it| it.cost).max()
}

fn sort_descending(order: &mut [usize], prospects: &[Prospect<'_>], worth: impl Fn(&Prospect<'_>) -> f64) {
    order.sort_by(|a, b| {
        let (a, b) = (&prospects[*a], &prospects[*b]);
        worth(b).total_cmp(&worth(a)).then_with(|| a.cheaper_first(b))
    });
}

/// Asks the same question for each place, of those that are left.
fn sort_by_share(order: &mut [usize], prospects: &[Prospect<'_>], share: f64) {
    for place in 0..order.len() {
        let rest = &mut order[place..];
        let floor = share * rest.iter().map(|it| prospects[*it].chance).fold(0.0, f64::max);
        let good = rest.iter().enumerate().filter(|(_, it)| prospects[**it].chance >= floor);
        let cheapest = good.min_by(|a, b| prospects[*a.1].cheaper_first(&prospects[*b.1]));
        let chosen = cheapest.map_or(0, |(at, _)| at);
        rest[..=chosen].rotate_right(1);
    }
}
