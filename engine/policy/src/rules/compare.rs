//! The operators of rules over the values of a field.

use std::cmp::Ordering;

use domain::{Operator, Test};
use serde_json::{Number, Value};

/// A value that a field has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actual<'a> {
    Text(&'a str),
    Number(Quantity),
    Flag(bool),
    List(&'a [Value]),
    /// There, but nothing that can be compared.
    Other,
}

/// A number: whole ones keep all their digits, so that long account numbers stay apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quantity {
    Whole(i128),
    Real(f64),
}

impl<'a> Actual<'a> {
    /// What JSON says; null is as good as missing.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Quantity::of(number).map_or(Self::Other, Self::Number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items),
            Value::Object(_) => Self::Other,
        })
    }

    pub(super) fn whole(number: u64) -> Self {
        Self::Number(Quantity::Whole(number.into()))
    }

    pub(super) fn real(number: f64) -> Self {
        Self::Number(Quantity::Real(number))
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Flag(_) | Self::List(_) | Self::Other => None,
        }
    }

    /// As a number; a text that spells one counts.
    fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => Quantity::parse(text),
            Self::Flag(_) | Self::List(_) | Self::Other => None,
        }
    }

    fn equals(self, value: &Value) -> bool {
        match value {
            Value::String(wanted) => self.text() == Some(wanted),
            Value::Number(wanted) => self.compare(wanted) == Some(Ordering::Equal),
            Value::Bool(wanted) => matches!(self, Self::Flag(flag) if flag == *wanted),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }

    fn compare(self, number: &Number) -> Option<Ordering> {
        self.quantity()?.compare(Quantity::of(number)?)
    }

    fn contains(self, value: &Value) -> bool {
        match self {
            Self::List(items) => items.iter().filter_map(Self::of).any(|item| item.equals(value)),
            _ => self.text().zip(value.as_str()).is_some_and(|(text, part)| text.contains(part)),
        }
    }
}

impl Quantity {
    fn of(number: &Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::Real))
    }

    fn parse(text: &str) -> Option<Self> {
        let whole = text.parse().ok().map(Self::Whole);
        // Rust reads `inf` and `nan` as numbers; people do not.
        whole.or_else(|| text.parse().ok().filter(|real: &f64| real.is_finite()).map(Self::Real))
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

/// Whether a field with these values passes a test. With none, only the operators that deny pass.
pub(super) fn satisfies<'a>(mut values: impl Iterator<Item = Actual<'a>>, test: &Test) -> bool {
    let (operator, denies) = affirmed(test.operator());
    values.any(|value| affirms(value, operator, test)) != denies
}

/// Operators that deny, as the one they deny.
fn affirmed(operator: Operator) -> (Operator, bool) {
    match operator {
        Operator::Ne => (Operator::Eq, true),
        Operator::NotIn => (Operator::In, true),
        Operator::NotExists => (Operator::Exists, true),
        affirming => (affirming, false),
    }
}

fn affirms(actual: Actual<'_>, operator: Operator, test: &Test) -> bool {
    let wanted = test.value().unwrap_or(&Value::Null);
    let compared = |fits: fn(Ordering) -> bool| wanted.as_number().and_then(|it| actual.compare(it)).is_some_and(fits);
    let worded = |fits: fn(&str, &str) -> bool| actual.text().zip(wanted.as_str()).is_some_and(|(a, b)| fits(a, b));
    match operator {
        Operator::Eq | Operator::Ne => actual.equals(wanted),
        Operator::In | Operator::NotIn => {
            wanted.as_array().is_some_and(|values| values.iter().any(|value| actual.equals(value)))
        }
        Operator::Gt => compared(Ordering::is_gt),
        Operator::Gte => compared(Ordering::is_ge),
        Operator::Lt => compared(Ordering::is_lt),
        Operator::Lte => compared(Ordering::is_le),
        Operator::Contains => actual.contains(wanted),
        Operator::StartsWith => worded(|text, start| text.starts_with(start)),
        Operator::EndsWith => worded(|text, end| text.ends_with(end)),
        Operator::Matches => actual.text().is_some_and(|text| test.matches(text)),
        Operator::Exists | Operator::NotExists => true,
    }
}
