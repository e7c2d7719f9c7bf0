//! Several answers to one prompt, and randomness made from names rather than from state.
//!
//! A draw depends on what it is for (an item's key, a replicate's number, a seed), not on what was drawn before, so any
//! partition of the work gives the same numbers.

/// Chance that at least one of `k` answers drawn from `n`, of which `correct` are right, is right:
/// `1 - C(n - c, k) / C(n, k)`. `None` if fewer than `k` answers exist.
pub fn pass_at_k(n: u64, correct: u64, k: u64) -> Option<f64> {
    if k > n || correct > n {
        return None;
    }
    if n - correct < k {
        return Some(1.0);
    }
    let all_wrong = (n - correct + 1..=n).fold(1.0, |product, i| product * (1.0 - k as f64 / i as f64));
    Some(1.0 - all_wrong)
}

/// Stirs a number so that each bit of the result depends on each bit of it (the finaliser of splitmix64).
pub const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A key for a name: FNV-1a, stirred.
pub fn key(name: &str) -> u64 {
    mix(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// A number in 0..1 from bits.
pub fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_answers_have_no_pass_rate() {
        assert_eq!(pass_at_k(3, 1, 4), None);
        assert_eq!(pass_at_k(3, 0, 3), Some(0.0));
        assert_eq!(pass_at_k(3, 1, 3), Some(1.0));
    }

    #[test]
    fn draws_are_even() {
        let mean = (0..100_000).map(|i| uniform(mix(i))).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
    }
}
