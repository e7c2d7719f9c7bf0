//! The words of a decision: the one plain sentence, and why the first candidate is first.

use std::fmt::Write;

use domain::{Axis, Degradation};

use crate::eligible::Contender;
use crate::strategy::intelligent::{COMPLEX_ABOVE, Fit, SIMPLE_BELOW, Standing};

/// Why the first candidate is first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// A policy of one model.
    Single,
    /// The request named it.
    Named,
    /// It comes first in the request's list.
    Listed,
    /// Its rank is the lowest.
    Ranked,
    /// The draw fell on it.
    Drawn,
    /// It is expected to cost least.
    Cheapest,
    /// No candidate has a known price.
    Priceless,
    /// It is expected to answer soonest.
    Fastest,
    /// Nobody knows how fast it is, and it was drawn to find out.
    Explored,
    /// Nobody knows how fast any candidate is.
    Unobserved,
    /// Its score in the blend is the best, or within a hair of the best of `tied`.
    Blended { score: f64, tied: usize },
    /// The blend covers no candidate: its fallback model.
    Uncovered,
    /// No difficulty is known: the ablest.
    Ablest,
    /// No price is known: the best chance of success.
    Likeliest { chance: f64 },
    /// The best chance of success less what it costs.
    Worthiest { chance: f64, lambda: f64 },
    /// The cheapest whose chance is good enough beside the best.
    GoodEnough { chance: f64, share: f64 },
    /// It fits the complexity.
    Scored { complexity: f64, adjusted: f64, axis: Axis, standing: Standing },
    /// No score, because none was to be had or none was needed.
    Unscored { degraded: Option<Degradation>, standing: Standing },
}

/// The sentence. `count` is how many candidates were eligible.
pub(crate) fn reason(why: &Why, scope: &str, count: usize, degraded: Option<Degradation>) -> String {
    match why {
        Why::Single => format!("the one model of {scope}"),
        Why::Named => "named by the request".to_owned(),
        Why::Listed => "first eligible of the request's list".to_owned(),
        Why::Ranked => format!("first eligible by priority in {scope}"),
        Why::Drawn => format!("drawn by weight in {scope}"),
        Why::Cheapest => format!("lowest expected cost in {scope}"),
        Why::Priceless => format!("no price is known in {scope}: first by name"),
        Why::Fastest => format!("lowest observed latency in {scope}"),
        Why::Explored => format!("not yet observed, drawn to measure its latency in {scope}"),
        Why::Unobserved => format!("no latency observed yet in {scope}: the cheapest"),
        Why::Blended { score, tied } => blended(*score, *tied, scope, degraded),
        Why::Uncovered => format!("no candidate of {scope} is covered by the blend: its fallback model"),
        Why::Ablest => match degraded {
            Some(reason) => format!("no score ({}): the most capable of {scope}", absence(reason)),
            None if count == 1 => format!("no score needed: the only eligible model of {scope}"),
            None => format!("no score: the most capable of {scope}"),
        },
        Why::Likeliest { chance } => format!("likeliest to succeed ({chance:.2}) of {scope}; no price is known"),
        Why::Worthiest { chance, lambda } => {
            format!("best chance of success ({chance:.2}) for its cost in {scope}, at {lambda} per USD")
        }
        Why::GoodEnough { chance, share } => {
            format!("cheapest of {scope} whose chance of success ({chance:.2}) is at least {share} of the best")
        }
        Why::Scored { complexity, axis, standing, .. } => {
            let band = band(*complexity);
            let axis = match axis {
                Axis::Performance => "",
                Axis::Cost => ", cost first",
                Axis::Capability => ", capability first",
            };
            format!("{band} prompt ({complexity:.2}{axis}): {} of {scope}", place(*standing, count))
        }
        Why::Unscored { degraded: Some(reason), standing } => {
            format!("no score ({}): {} of {scope}", absence(*reason), place(*standing, count))
        }
        Why::Unscored { degraded: None, standing } => {
            format!("no score needed: {} of {scope}", place(*standing, count))
        }
    }
}

/// Why the chosen candidate stands first, for its own line in the record.
pub(crate) fn why(why: &Why, chosen: &Contender<'_>) -> String {
    let mut text = match why {
        Why::Single => "the only model".to_owned(),
        Why::Named => "named".to_owned(),
        Why::Listed => "first in the list".to_owned(),
        Why::Ranked => format!("priority {}", chosen.rank),
        Why::Drawn => format!("drawn with weight {}", chosen.weight),
        Why::Cheapest => "lowest expected cost".to_owned(),
        Why::Priceless => "first by name, price unknown".to_owned(),
        Why::Fastest => "lowest observed latency".to_owned(),
        Why::Explored => "drawn to measure its latency".to_owned(),
        Why::Unobserved => "cheapest, latency unknown".to_owned(),
        Why::Blended { score, .. } => format!("blend {score:.3}"),
        Why::Uncovered => "fallback model of the blend".to_owned(),
        Why::Likeliest { chance } | Why::Worthiest { chance, .. } | Why::GoodEnough { chance, .. } => {
            format!("P {chance:.3}")
        }
        Why::Scored { adjusted, standing, .. } => match standing.fit {
            Fit::Nearest => format!("nearest to {adjusted:.2}"),
            Fit::AtOrAbove => format!("first at or above {adjusted:.2}"),
            Fit::NoneAbove => format!("most capable, none at or above {adjusted:.2}"),
            Fit::NearestNotBelow => format!("nearest to {adjusted:.2}, not below the choice at {COMPLEX_ABOVE:.2}"),
            Fit::MostCapable => "most capable".to_owned(),
        },
        Why::Ablest | Why::Unscored { .. } => "most capable".to_owned(),
    };
    text.push_str(caveat(chosen));
    text
}

/// What should be known of the chosen candidate and is not, to stand after the reason.
pub(crate) fn caveat(chosen: &Contender<'_>) -> &'static str {
    if chosen.model.context_length.is_none() { "; context length unknown" } else { "" }
}

/// Writes a figure with three decimals just as `{:.3}` does, in a tenth of the time: a blend writes two for each of its
/// candidates.
pub(crate) fn push_thousandths(text: &mut String, figure: f64) {
    let scaled = figure * 1000.0;
    let is_halfway = (scaled - scaled.floor() - 0.5).abs() < 1e-6;
    if !(figure.is_sign_positive() && scaled < 9_999.0) || is_halfway {
        // What hangs on the last bit, is negative, large or no number, is for the library.
        return write!(text, "{figure:.3}").expect("a string takes all that is written to it");
    }
    let thousandths = scaled.round() as u16;
    let digit = |tenths: u16| char::from(b'0' + (thousandths / tenths % 10) as u8);
    text.extend([digit(1000), '.', digit(100), digit(10), digit(1)]);
}

fn blended(score: f64, tied: usize, scope: &str, degraded: Option<Degradation>) -> String {
    let unboosted = degraded.map(|reason| format!("no score ({}), weights unboosted: ", absence(reason)));
    let place = if tied > 1 { format!("first of {tied} tied for the best") } else { "best".to_owned() };
    format!("{}{place} blend score ({score:.2}) of {scope}", unboosted.unwrap_or_default())
}

fn band(complexity: f64) -> &'static str {
    if complexity < SIMPLE_BELOW {
        "simple"
    } else if complexity > COMPLEX_ABOVE {
        "complex"
    } else {
        "uncertain"
    }
}

fn absence(degraded: Degradation) -> &'static str {
    match degraded {
        Degradation::Engine => "the engine did not answer",
        Degradation::Scorer => "the scorer failed",
        Degradation::Limits => "the limits store is away",
    }
}

fn place(Standing { below, above, .. }: Standing, count: usize) -> String {
    let words = match (below, above) {
        _ if count == 1 => "the only eligible model",
        (0, 0) => "the cheapest of equals",
        (_, 0) if count == 2 => "the more capable",
        (_, 0) => "the most capable",
        (0, _) if count == 2 => "the less capable",
        (0, _) => "the least capable",
        (_, _) => return format!("number {} of {} by capability", below + 1, below + above + 1),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thousandths_are_written_as_the_library_writes_them(
            figure in prop_oneof![any::<f64>(), 0.0..12.0_f64, (0..24_000_u32).prop_map(|it| f64::from(it) / 2000.0)],
        ) {
            let mut text = String::new();
            push_thousandths(&mut text, figure);
            prop_assert_eq!(text, format!("{figure:.3}"));
        }
    }
}
