//! Standard errors where items come in clusters (subjects, documents, conversations) and are not independent.

use std::collections::BTreeMap;

use serde::Serialize;

use super::paired::{mean, variance};

/// Standard errors of a mean, by how they treat clusters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClusteredError {
    /// How many clusters.
    pub clusters: usize,
    /// As if items were independent: `√(s² / n)`.
    pub naive: f64,
    /// `√(Σ_c (Σ_{i in c} (x_i - mean))²) / n`.
    pub cr0: f64,
    /// `cr0` with the small-sample factor `√(g / (g - 1))`, the form to quote.
    pub cr1: f64,
    /// The naive variance plus covariances within clusters: `√(s²/n + Σ_c Σ_{i≠j in c} (x_i - mean)(x_j - mean) / n²)`.
    pub covariance: f64,
}

/// Computes them; `None` with fewer than two clusters (one cluster says nothing of the spread between clusters), fewer
/// than two items, or when labels and items differ in number.
pub fn clustered_error<K: Ord>(values: &[f64], clusters: &[K]) -> Option<ClusteredError> {
    if values.len() != clusters.len() {
        return None;
    }
    let (mean, variance, n) = (mean(values)?, variance(values)?, values.len() as f64);
    let mut sums: BTreeMap<&K, (f64, f64)> = BTreeMap::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let (sum, squares) = sums.entry(cluster).or_default();
        *sum += value - mean;
        *squares += (value - mean).powi(2);
    }
    let groups = sums.len() as f64;
    if sums.len() < 2 {
        return None;
    }
    let between: f64 = sums.values().map(|(sum, _)| sum * sum).sum();
    let across: f64 = sums.values().map(|(sum, squares)| sum * sum - squares).sum();
    let cr0 = between.sqrt() / n;
    Some(ClusteredError {
        clusters: sums.len(),
        naive: (variance / n).sqrt(),
        cr0,
        cr1: cr0 * (groups / (groups - 1.0)).sqrt(),
        covariance: (variance / n + across / (n * n)).max(0.0).sqrt(),
    })
}

/// Standard error of the item-weighted mean of independent groups of sizes `n`: `√(Σ (n_g se_g)²) / Σ n_g`.
pub fn stratified_error(groups: &[(u64, f64)]) -> Option<f64> {
    let total: u64 = groups.iter().map(|(n, _)| n).sum();
    (total > 0).then(|| groups.iter().map(|(n, error)| (*n as f64 * error).powi(2)).sum::<f64>().sqrt() / total as f64)
}

/// Standard error of the plain mean of group means: `√(Σ se_g²) / g`.
pub fn macro_error(errors: &[f64]) -> Option<f64> {
    (!errors.is_empty()).then(|| errors.iter().map(|error| error.powi(2)).sum::<f64>().sqrt() / errors.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cluster_has_no_error_rather_than_none_at_all() {
        assert_eq!(clustered_error(&[0.0, 1.0, 1.0], &[7, 7, 7]), None);
        assert_eq!(stratified_error(&[]), None);
        assert_eq!(macro_error(&[]), None);
    }

    #[test]
    fn clusters_of_one_give_the_naive_error() {
        let error = clustered_error(&[0.0, 1.0, 1.0, 0.5], &[1, 2, 3, 4]);
        assert!(error.is_some_and(|it| (it.cr1 - it.naive).abs() < 1e-12 && (it.covariance - it.naive).abs() < 1e-12));
    }
}
