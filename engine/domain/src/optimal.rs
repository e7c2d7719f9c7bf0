//! The strategy `optimal` as configured: whose scores tell abilities, and how success is weighed against money.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::BlendId;

/// How much success a dollar has to buy: chance of success per USD, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lambda(f64);

/// The least share of the best candidate's chance of success: above 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MinQuality(f64);

/// A number that a dial does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDial {
    /// Below 0, or no number.
    #[error("{0} is not a worth of money: write chance of success per USD, a number from 0")]
    Lambda(String),
    /// Not within 0 and 1.
    #[error("{0} is not a share of the best chance: write a number above 0, at most 1")]
    MinQuality(String),
}

// Both are never NaN.
impl Eq for Lambda {}
impl Eq for MinQuality {}

impl Lambda {
    /// Accepts finite numbers from 0.
    ///
    /// # Errors
    /// Any other number.
    pub fn try_new(value: f64) -> Result<Self, InvalidDial> {
        // Adding 0 turns -0 into 0.
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value + 0.0))
        } else {
            Err(InvalidDial::Lambda(value.to_string()))
        }
    }

    /// Chance of success per USD.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl MinQuality {
    /// Accepts numbers above 0, at most 1.
    ///
    /// # Errors
    /// Any other number.
    pub fn try_new(value: f64) -> Result<Self, InvalidDial> {
        if value > 0.0 && value <= 1.0 { Ok(Self(value)) } else { Err(InvalidDial::MinQuality(value.to_string())) }
    }

    /// The share.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for MinQuality {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How success is weighed against money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// The best `P − λ · cost`.
    Lambda(Lambda),
    /// The cheapest whose `P` is at least this share of the best.
    MinQuality(MinQuality),
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lambda(it) => write!(f, "lambda {}", it.0),
            Self::MinQuality(it) => write!(f, "min_quality {}", it.0),
        }
    }
}

/// The settings of `optimal`. `B` is how it refers to a blend, as in a strategy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written<B>", bound(deserialize = "B: Deserialize<'de>"))]
pub struct Optimal<B = BlendId> {
    /// The blend whose scores tell abilities; absent = strengths do, as in `intelligent`.
    pub blend: Option<B>,
    /// The policy's dial.
    pub dial: Dial,
}

impl<B> Optimal<B> {
    /// The same settings with their reference to a blend found out; `None` where that fails.
    pub fn resolved<T>(self, find: impl FnOnce(B) -> Option<T>) -> Option<Optimal<T>> {
        let blend = match self.blend {
            Some(blend) => Some(find(blend)?),
            None => None,
        };
        Some(Optimal { blend, dial: self.dial })
    }
}

impl<B: fmt::Display> fmt::Display for Optimal<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dial.fmt(f)?;
        self.blend.iter().try_for_each(|blend| write!(f, ", blend {blend}"))
    }
}

/// As it is written: the two dials side by side.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<B> {
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    blend: Option<B>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lambda: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_quality: Option<f64>,
}

impl<B> TryFrom<Written<B>> for Optimal<B> {
    type Error = String;
    fn try_from(Written { blend, lambda, min_quality }: Written<B>) -> Result<Self, String> {
        let dial = match (lambda, min_quality) {
            (Some(lambda), None) => Lambda::try_new(lambda).map(Dial::Lambda).map_err(|it| format!("lambda: {it}"))?,
            (None, Some(share)) => {
                MinQuality::try_new(share).map(Dial::MinQuality).map_err(|it| format!("min_quality: {it}"))?
            }
            (Some(_), Some(_)) => return Err("has both `lambda` and `min_quality`: take one of them out".to_owned()),
            (None, None) => {
                return Err(
                    "says nothing of money: write `lambda` (success per USD) or `min_quality` (a share)".to_owned()
                );
            }
        };
        Ok(Self { blend, dial })
    }
}

impl<B: Serialize> Serialize for Optimal<B> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (lambda, min_quality) = match self.dial {
            Dial::Lambda(it) => (Some(it.get()), None),
            Dial::MinQuality(it) => (None, Some(it.get())),
        };
        Written { blend: self.blend.as_ref(), lambda, min_quality }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::Strategy;

    #[track_caller]
    fn refused(settings: &Value, words: &str) {
        let mut strategy = settings.clone();
        strategy["type"] = json!("optimal");
        let fault = serde_json::from_value::<Strategy>(strategy).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }

    #[test]
    fn exactly_one_dial_is_taken() {
        refused(&json!({}), "says nothing of money");
        refused(&json!({"lambda": 1.0, "min_quality": 0.9}), "has both");
        refused(&json!({"lambda": -1.0}), "lambda: -1 is not");
        refused(&json!({"min_quality": 0.0}), "min_quality: 0 is not");
        refused(&json!({"min_quality": 1.01}), "min_quality: 1.01 is not");
        refused(&json!({"lambda": 1.0, "axis": "cost"}), "axis");
        refused(&json!({"lambda": 1.0, "blend": "ours"}), "ours");
    }

    #[test]
    fn settings_are_read_as_they_are_written() {
        let blend = BlendId::from_random([3; 20]);
        for settings in [json!({"lambda": 3.5}), json!({"blend": blend, "min_quality": 1.0}), json!({"lambda": 0.0})] {
            let mut written = settings;
            written["type"] = json!("optimal");
            let strategy: Strategy = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&strategy).unwrap(), written);
            assert_eq!(strategy.as_str(), "optimal");
        }
    }
}
