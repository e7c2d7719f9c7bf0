//! `priority` and `split`: ascending rank; equals are shared by one weighted draw per request.
//!
//! The draw is a hash of policy and request, so a replay draws the same.

use domain::{PolicyId, RequestId};

use crate::eligible::Contender;

/// Puts contenders, given in policy order, in the order in which they are tried. Returns whether a draw chose the first.
pub(crate) fn order(contenders: &mut [Contender<'_>], policy: &PolicyId, seed: RequestId) -> bool {
    contenders.sort_by_key(|contender| contender.rank);
    let mut drawn = None;
    for group in contenders.chunk_by_mut(|a, b| a.rank == b.rank) {
        if group.len() > 1 {
            let u = *drawn.get_or_insert_with(|| draw(policy, seed));
            draw_first(group, u);
        }
    }
    matches!(contenders, [first, second, ..] if first.rank == second.rank)
}

/// A number in 0..=1 that policy and request determine: the first 8 bytes, big-endian, of their BLAKE3, over 2⁶⁴.
pub(super) fn draw(policy: &PolicyId, seed: RequestId) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(policy.as_str().as_bytes()).update(&[0]).update(seed.to_string().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first) as f64 / 2_f64.powi(64)
}

/// Moves the drawn one to the front; the others follow by descending weight, equals in policy order.
fn draw_first(group: &mut [Contender<'_>], u: f64) {
    let total: f64 = group.iter().map(share).sum();
    let mut passed = 0.0;
    let chosen = group.iter().position(|contender| {
        passed += share(contender);
        u * total < passed
    });
    // Rounding can leave the sum a hair below `u * total`: then it is the last one that has a share.
    let chosen = chosen.or_else(|| group.iter().rposition(|contender| share(contender) > 0.0)).unwrap_or(0);
    group[..=chosen].rotate_right(1);
    group[1..].sort_by(|a, b| share(b).total_cmp(&share(a)));
}

/// A weight that can be summed; what validation would have refused gets no share.
fn share(contender: &Contender<'_>) -> f64 {
    if contender.weight.is_finite() { contender.weight.max(0.0) } else { 0.0 }
}
