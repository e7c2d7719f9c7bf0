//! How strong a model is, 0..=1, and where it stands between the weakest and the strongest of its policy.
//!
//! An explicit value wins; models without one are all measured by what their output costs, so that a model added a
//! minute ago routes at once. Where benchmarks have scores of all of these, their mean comes before the price.

use domain::{Benchmark, Model, ModelId, Money, Router, Tenant};

use crate::plan::Entry;

/// USD per million output tokens at which the price scale starts and ends.
const CHEAPEST: f64 = 0.05;
const DEAREST: f64 = 75.0;
/// `log10(DEAREST / CHEAPEST)`; logarithms are no constant expressions, and this one is needed for every candidate.
const SPAN: f64 = 3.176_091_259_055_681_2;

/// Where a strength comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Written in the catalogue.
    Explicit,
    /// Mean of the benchmarks that have scores of all models that need one.
    Scorecards,
    /// Derived from the price of output.
    Price,
    /// Neither is known; counted as 0.
    Unknown,
}

/// A model's strength and its source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Strength {
    pub(crate) value: f64,
    pub(crate) source: Source,
}

impl Strength {
    pub(crate) const UNKNOWN: Self = Self { value: 0.0, source: Source::Unknown };

    pub(crate) fn of(model: &Model) -> Self {
        match (model.capability.filter(|value| value.is_finite()), model.pricing.completion) {
            (Some(value), _) => Self { value: value.clamp(0.0, 1.0), source: Source::Explicit },
            (None, Some(price)) => Self { value: strength_by_price(price), source: Source::Price },
            (None, None) => Self::UNKNOWN,
        }
    }
}

/// How strong a price of output says a model is, 0..=1:
/// `clamp(log10(usd per million / 0.05) / log10(75 / 0.05), 0, 1)`; what is free counts as 0.
pub fn strength_by_price(per_token: Money) -> f64 {
    let usd_per_million = per_token.approximate() * 1e6;
    if usd_per_million <= CHEAPEST {
        return 0.0;
    }
    if usd_per_million >= DEAREST {
        return 1.0;
    }
    (usd_per_million / CHEAPEST).log10() / SPAN
}

/// Where benchmarks have scores of all enabled models without an explicit strength, gives these the mean over those
/// benchmarks instead of what their price says. A router's own scorecards come before the organisation's.
pub(crate) fn infer(tenant: &Tenant, router: Option<&Router>, entries: &mut [Entry<'_>]) {
    let needs_one = |entry: &Entry<'_>| entry.is_enabled() && entry.strength.source != Source::Explicit;
    if tenant.scorecards.is_empty() || !entries.iter().any(needs_one) {
        return;
    }
    let imported = router.map_or(&[][..], |router| &router.scorecards);
    let asked: Vec<&ModelId> = entries.iter().filter(|entry| needs_one(entry)).map(|entry| entry.id).collect();
    let mut mean = Mean { sums: vec![0.0; asked.len()], benchmarks: 0 };
    if imported.is_empty() {
        tenant.scorecards.values().for_each(|benchmark| mean.add(benchmark, &asked));
    } else {
        let own = imported.iter().filter_map(|id| tenant.scorecards.get(id));
        own.for_each(|benchmark| mean.add(benchmark, &asked));
    }
    if mean.benchmarks > 0 {
        for (entry, sum) in entries.iter_mut().filter(|entry| needs_one(entry)).zip(mean.sums) {
            entry.strength = Strength { value: sum / mean.benchmarks as f64, source: Source::Scorecards };
        }
    }
}

/// Sums over the benchmarks that have scores of every model asked for.
struct Mean {
    sums: Vec<f64>,
    benchmarks: usize,
}

impl Mean {
    fn add(&mut self, benchmark: &Benchmark, models: &[&ModelId]) {
        let values: Option<Vec<f64>> = models.iter().map(|id| Some(benchmark.read(id)?.value)).collect();
        if let Some(values) = values {
            self.sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            self.benchmarks += 1;
        }
    }
}

/// The strengths of a policy's enabled models, before eligibility: removing a candidate never moves another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    weakest: f64,
    strongest: f64,
    explicit: bool,
    scorecards: bool,
    price: bool,
    unknown: bool,
}

impl Scale {
    pub(crate) fn over(entries: &[Entry<'_>]) -> Self {
        let empty = Self {
            weakest: f64::INFINITY,
            strongest: f64::NEG_INFINITY,
            explicit: false,
            scorecards: false,
            price: false,
            unknown: false,
        };
        entries.iter().filter(|entry| entry.is_enabled()).fold(empty, |scale, entry| {
            let Strength { value, source } = entry.strength;
            Self {
                weakest: scale.weakest.min(value),
                strongest: scale.strongest.max(value),
                explicit: scale.explicit || source == Source::Explicit,
                scorecards: scale.scorecards || source == Source::Scorecards,
                price: scale.price || source == Source::Price,
                unknown: scale.unknown || source == Source::Unknown,
            }
        })
    }

    /// 0 is the weakest, 1 the strongest; where all are equal, all are the strongest.
    pub(crate) fn position(&self, strength: Strength) -> f64 {
        let span = self.strongest - self.weakest;
        if span > 0.0 { (strength.value - self.weakest) / span } else { 1.0 }
    }

    /// The sources in use: `explicit`, `explicit+price`, ….
    pub(crate) const fn sources(&self) -> &'static str {
        // Scorecards stand for every model without an explicit strength, so that neither price nor unknown is left.
        match (self.explicit, self.price, self.unknown) {
            (true, _, _) if self.scorecards => "explicit+scorecards",
            (false, _, _) if self.scorecards => "scorecards",
            (true, true, true) => "explicit+price+unknown",
            (true, true, false) => "explicit+price",
            (true, false, true) => "explicit+unknown",
            (true, false, false) => "explicit",
            (false, true, true) => "price+unknown",
            (false, true, false) => "price",
            (false, false, _) => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(usd_per_million: &str, expected: f64) {
        let price = Money::parse(&format!("{usd_per_million}e-6")).expect("a price");
        assert!((strength_by_price(price) - expected).abs() < 1e-12, "{}", strength_by_price(price));
    }

    #[test]
    fn price_maps_to_strength_on_a_log_scale() {
        check("0", 0.0);
        check("0.01", 0.0);
        check("0.05", 0.0);
        check("75", 1.0);
        check("600", 1.0);
        check("0.5", 1.0 / 1500_f64.log10());
        assert!((SPAN - (DEAREST / CHEAPEST).log10()).abs() < 1e-15);
        check("15", 300_f64.log10() / 1500_f64.log10());
    }
}
