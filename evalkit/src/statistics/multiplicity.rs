//! Several tests at once: p-values adjusted so that the whole family keeps its promise.

/// Holm's step-down adjustment: controls the chance of any false alarm. In the order given.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut adjusted = vec![0.0; count];
    let mut running = 0.0_f64;
    for (place, index) in ascending(p_values).into_iter().enumerate() {
        running = running.max((count - place) as f64 * p_values[index]).min(1.0);
        adjusted[index] = running;
    }
    adjusted
}

/// Benjamini and Hochberg's step-up adjustment: controls the share of false alarms. In the order given.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut adjusted = vec![0.0; count];
    let mut running = 1.0_f64;
    for (place, index) in ascending(p_values).into_iter().enumerate().rev() {
        running = running.min(count as f64 / (place + 1) as f64 * p_values[index]);
        adjusted[index] = running;
    }
    adjusted
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn adjusting_never_lowers_a_p_value_and_holm_is_the_stricter(
            p in proptest::collection::vec(0.0..=1.0_f64, 0..12)
        ) {
            for ((raw, holm), bh) in p.iter().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
                prop_assert!(holm >= bh - 1e-12 && bh >= raw - 1e-12 && holm <= 1.0);
            }
        }
    }
}
