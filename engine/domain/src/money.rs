//! Exact money: whole numbers of 10⁻¹² US dollars.
//!
//! Some cached-token prices are below a nano-dollar, so prices and costs are counted in pico-dollars. Never a float:
//! a decimal text goes in, a decimal text comes out, and what does not fit is refused.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// Pico-dollars in a dollar.
const PICO: i128 = 1_000_000_000_000;
const DECIMALS: usize = 12;

/// An amount or a price in 10⁻¹² USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Money(i128);

/// A text that is not an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an amount in USD: expected a decimal such as `0.00000015`, at most 12 decimals, written as a string"
)]
pub struct InvalidMoney {
    /// The refused text, cut to 80 characters.
    pub text: String,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount of this many pico-dollars.
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in pico-dollars.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The amount as a database column, or `None` past ±9.2 million dollars.
    pub fn column(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }

    /// `self` times a count of tokens, or `None` on overflow.
    pub fn checked_times(self, count: u64) -> Option<Self> {
        self.0.checked_mul(i128::from(count)).map(Self)
    }

    /// The sum, or `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The amount as a float, for ranking and charts only; never for billing.
    pub fn approximate(self) -> f64 {
        self.0 as f64 / PICO as f64
    }

    /// Accepts `[-]digits[.digits]` with an optional exponent (`1.5e-07`, as catalogues write), at most 12 decimals.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        Self::parse_decimal(text).ok_or_else(|| InvalidMoney { text: text.chars().take(80).collect() })
    }

    fn parse_decimal(text: &str) -> Option<Self> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || digits().any(|byte| !byte.is_ascii_digit()) || digits().count() > 36 {
            return None;
        }
        let mut value: i128 = 0;
        for digit in digits() {
            value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let shift = i32::try_from(DECIMALS).ok()? + exponent - i32::try_from(fraction.len()).ok()?;
        let power = 10_i128.checked_pow(shift.unsigned_abs())?;
        let pico = if shift >= 0 {
            value.checked_mul(power)?
        } else if value % power == 0 {
            value / power
        } else {
            return None;
        };
        Some(Self(if negative { -pico } else { pico }))
    }
}

impl fmt::Display for Money {
    /// The shortest exact decimal: `0.000123`, `12`, `-0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let pico = self.0.unsigned_abs();
        let (whole, fraction) = (pico / PICO.unsigned_abs(), pico % PICO.unsigned_abs());
        write!(f, "{whole}")?;
        if fraction > 0 {
            // Trailing zeros go; what is left is padded in front to its place. No allocation: records hold many amounts.
            let (mut shown, mut width) = (fraction, DECIMALS);
            while shown % 10 == 0 {
                shown /= 10;
                width -= 1;
            }
            let shown = u64::try_from(shown).unwrap_or(0);
            write!(f, ".{shown:0width$}")?;
        }
        Ok(())
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Money {
    type Error = InvalidMoney;
    fn try_from(text: String) -> Result<Self, InvalidMoney> {
        Self::parse(&text)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, pico: i128, shown: &str) {
        let money = Money::parse(text).expect("valid");
        assert_eq!((money.pico(), money.to_string().as_str()), (pico, shown));
    }

    #[test]
    fn decimals_and_exponents_are_exact() {
        check("0.0000001", 100_000, "0.0000001");
        check("1.5e-07", 150_000, "0.00000015");
        check("12", 12 * PICO, "12");
        check("-0.50", -PICO / 2, "-0.5");
        check("0.000000000001", 1, "0.000000000001");
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for text in ["", ".5", "1,5", "0.0000000000001", "1e-13", "NaN", "1e99", "--1", "0x1", "1.2.3", " 1"] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(pico in any::<i64>()) {
            let money = Money::from_pico(i128::from(pico));
            prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        }
    }
}
