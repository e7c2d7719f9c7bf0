//! How much each benchmark of a blend counted in a decision. As JSON a map from its name to its weight, in name order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Weights by benchmark, in name order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(Vec<(Arc<str>, f64)>);

impl Weights {
    /// The weight of a benchmark; `None` = it had no part.
    pub fn get(&self, benchmark: &str) -> Option<f64> {
        let place = self.0.binary_search_by(|(name, _)| (**name).cmp(benchmark)).ok()?;
        Some(self.0[place].1)
    }

    /// Every benchmark with its weight, in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, weight)| (&**name, *weight))
    }
}

impl FromIterator<(Arc<str>, f64)> for Weights {
    /// Of two weights of one name the later counts.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, f64)>>(weights: I) -> Self {
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        weights.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
        Self(weights)
    }
}

impl Serialize for Weights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // JSON writes what is no number as null.
        let map = BTreeMap::<Arc<str>, Option<f64>>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(name, weight)| (name, weight.unwrap_or(f64::NAN))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_map_in_name_order_and_come_back_from_it() {
        let weights: Weights =
            [("judge", 0.25), ("exam", 0.5), ("judge", 0.5)].map(|(name, it)| (name.into(), it)).into_iter().collect();
        let text = serde_json::to_string(&weights).unwrap();
        assert_eq!(text, r#"{"exam":0.5,"judge":0.5}"#);
        assert_eq!(serde_json::from_str::<Weights>(&text).unwrap(), weights);
        assert_eq!((weights.get("exam"), weights.get("code")), (Some(0.5), None));
    }
}
