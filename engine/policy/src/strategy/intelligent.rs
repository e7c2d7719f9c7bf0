//! `intelligent`: the candidate whose position among its fellows fits the prompt's complexity.
//!
//! Simple prompts go to the nearest, uncertain ones to the nearest at or above, complex ones to the nearest that is not
//! below what an uncertain one would get. The choice never becomes less capable as complexity rises; `tests/it/laws.rs`
//! proves it.

use domain::Axis;

use crate::eligible::Contender;

/// Below is simple.
pub(crate) const SIMPLE_BELOW: f64 = 0.4;
/// Above is complex.
pub(crate) const COMPLEX_ABOVE: f64 = 0.6;
/// Distances closer than this are equal: positions and complexities are quotients, and carry rounding.
pub(crate) const ROUNDING: f64 = 1e-9;

/// How the choice was made, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The nearest position.
    Nearest,
    /// The nearest at or above.
    AtOrAbove,
    /// None at or above: the most capable.
    NoneAbove,
    /// The nearest of those not below what 0.6 would get.
    NearestNotBelow,
    /// No complexity was used: the most capable.
    MostCapable,
}

/// Where the choice stands among the eligible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) fit: Fit,
    /// Distinct capabilities below the choice's.
    pub(crate) below: usize,
    /// Distinct capabilities above the choice's.
    pub(crate) above: usize,
}

/// Reshapes complexity by what the policy cares about.
pub(crate) fn adjusted(axis: Axis, complexity: f64) -> f64 {
    match axis {
        Axis::Cost => complexity * complexity,
        Axis::Performance => complexity,
        Axis::Capability => complexity.sqrt(),
    }
}

/// Whether complexity can make a difference between these contenders.
pub(crate) fn depends_on_score(contenders: &[Contender<'_>]) -> bool {
    contenders.windows(2).any(|pair| pair[0].position.total_cmp(&pair[1].position).is_ne())
}

/// Puts contenders in order: the choice, the more capable upward, then the rest downward. Needs at least one.
pub(crate) fn order(contenders: &mut [Contender<'_>], adjusted: Option<f64>) -> Standing {
    contenders.sort_unstable_by(|a, b| a.position.total_cmp(&b.position).then_with(|| a.cheaper_first(b)));
    let (choice, fit) = match adjusted {
        Some(adjusted) => choose(contenders, adjusted),
        None => (most_capable(contenders), Fit::MostCapable),
    };
    let position = contenders[choice].position;
    let stronger = contenders.partition_point(|contender| contender.position <= position);
    let below = count_levels(&contenders[..choice]);
    let above = count_levels(&contenders[stronger..]);
    // From ascending order to: choice | stronger, ascending | the rest, strongest first.
    contenders[choice..stronger].rotate_left(1);
    let upward = contenders.len() - stronger;
    contenders.rotate_left(stronger - 1);
    contenders[1 + upward..].sort_unstable_by(Contender::stronger_first);
    Standing { fit, below, above }
}

fn choose(ascending: &[Contender<'_>], adjusted: f64) -> (usize, Fit) {
    if adjusted < SIMPLE_BELOW {
        (nearest(ascending, adjusted), Fit::Nearest)
    } else if adjusted <= COMPLEX_ABOVE {
        at_or_above(ascending, adjusted)
    } else {
        let (floor, _) = at_or_above(ascending, COMPLEX_ABOVE);
        (floor + nearest(&ascending[floor..], adjusted), Fit::NearestNotBelow)
    }
}

fn at_or_above(ascending: &[Contender<'_>], target: f64) -> (usize, Fit) {
    let found = first_at_or_above(ascending, target);
    if found < ascending.len() { (found, Fit::AtOrAbove) } else { (most_capable(ascending), Fit::NoneAbove) }
}

fn nearest(ascending: &[Contender<'_>], target: f64) -> usize {
    let above = first_at_or_above(ascending, target);
    if above == ascending.len() {
        return most_capable(ascending);
    }
    if above == 0 {
        return 0;
    }
    let below = cheapest_equal(ascending, above - 1);
    let is_above_nearest = ascending[above].position - target <= target - ascending[below].position + ROUNDING;
    if is_above_nearest { above } else { below }
}

fn first_at_or_above(ascending: &[Contender<'_>], target: f64) -> usize {
    ascending.partition_point(|contender| contender.position < target - ROUNDING)
}

fn most_capable(ascending: &[Contender<'_>]) -> usize {
    cheapest_equal(ascending, ascending.len() - 1)
}

/// The first of those that stand where `index` stands: equals are sorted cheaper first, then by id.
fn cheapest_equal(ascending: &[Contender<'_>], index: usize) -> usize {
    ascending.partition_point(|contender| contender.position < ascending[index].position)
}

fn count_levels(ascending: &[Contender<'_>]) -> usize {
    ascending.chunk_by(|a, b| a.position >= b.position).count()
}
