//! Between messages and domain types. Into messages is plain; out of them every field is checked.
//!
//! An error names the field by its path in the message, `object.policy.candidates[2].model`, and says what was
//! expected, so that whoever wrote the message can mend it.

use std::fmt::Display;
use std::str::FromStr;

use domain::{Money, SnapshotVersion, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pb::object::v1 as pb;

pub mod admin;
mod blend;
mod catalogue;
mod key;
mod limits;
mod object;
mod policy;
pub mod routing;
mod scorecard;
#[cfg(test)]
mod tests;

/// A message that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConvertError {
    /// The field, by its path in the message.
    pub field: String,
    /// What is wrong with it and what was expected.
    pub message: String,
}

impl ConvertError {
    /// An error of one field.
    pub fn new(field: impl Into<String>, message: impl Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }

    /// The same error, seen from the message that holds the field.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let field = if self.field.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.field) };
        Self { field, message: self.message }
    }
}

impl From<ConvertError> for tonic::Status {
    fn from(error: ConvertError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

// === Helpers of the conversions: each reads one field and names it when it is wrong ===

type Converted<T> = Result<T, ConvertError>;

fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Converted<T> {
    text.parse().map_err(|error| ConvertError::new(field, error))
}

fn parse_optional<T: FromStr<Err: Display>>(field: &str, text: Option<&str>) -> Converted<Option<T>> {
    text.map(|text| parse(field, text)).transpose()
}

fn parse_each<T: FromStr<Err: Display>>(field: &str, texts: &[String]) -> Converted<Vec<T>> {
    texts.iter().enumerate().map(|(index, text)| parse(&format!("{field}[{index}]"), text)).collect()
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn required<T>(field: &str, value: Option<T>) -> Converted<T> {
    value.ok_or_else(|| ConvertError::new(field, "is missing"))
}

/// Reads an enumeration, naming the field when the number is unspecified or from a newer version.
fn closed<P, D>(field: &str, number: i32) -> Converted<D>
where
    P: TryFrom<i32>,
    D: TryFrom<P>,
{
    P::try_from(number)
        .ok()
        .and_then(|value| D::try_from(value).ok())
        .ok_or_else(|| ConvertError::new(field, format_args!("{number} is not a value this version knows")))
}

fn closed_each<P, D>(field: &str, numbers: &[i32]) -> Converted<Vec<D>>
where
    P: TryFrom<i32>,
    D: TryFrom<P>,
{
    numbers.iter().enumerate().map(|(index, number)| closed::<P, D>(&format!("{field}[{index}]"), *number)).collect()
}

/// Writes a part that travels as JSON; nothing at all where there is nothing to say.
fn document(value: &impl Serialize, is_empty: bool) -> Vec<u8> {
    if is_empty {
        return Vec::new();
    }
    serde_json::to_vec(value).expect("plain data with text keys is always JSON")
}

/// Reads a part that travels as JSON.
fn read_document<T: DeserializeOwned + Default>(field: &str, json: &[u8]) -> Converted<T> {
    if json.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(json).map_err(|error| ConvertError::new(field, error))
}

fn closed_optional<P, D>(field: &str, number: Option<i32>) -> Converted<Option<D>>
where
    P: TryFrom<i32>,
    D: TryFrom<P>,
{
    number.map(|number| closed::<P, D>(field, number)).transpose()
}

/// Reads each message of a list, naming the one that is wrong.
fn read_each<M, D: TryFrom<M, Error = ConvertError>>(field: &str, messages: Vec<M>) -> Converted<Vec<D>> {
    let read = |(index, message)| D::try_from(message).map_err(|error| error.within(&format!("{field}[{index}]")));
    messages.into_iter().enumerate().map(read).collect()
}

fn money(field: &str, text: Option<&str>) -> Converted<Option<Money>> {
    parse_optional(field, text)
}

fn finite(field: &str, value: f64) -> Converted<f64> {
    if value.is_finite() { Ok(value) } else { Err(ConvertError::new(field, "must be a finite number")) }
}

fn fraction(field: &str, value: f64) -> Converted<f64> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(ConvertError::new(field, format_args!("{value} is not within 0 and 1")))
    }
}

/// Writes both directions between a generated enumeration and a domain enumeration of the same variants.
macro_rules! same_variants {
    ($message:ty, $domain:ty, [$($variant:ident),+ $(,)?]) => {
        impl From<$domain> for $message {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$variant,)+
                }
            }
        }

        impl TryFrom<$message> for $domain {
            type Error = ();
            fn try_from(value: $message) -> Result<Self, ()> {
                match value {
                    <$message>::Unspecified => Err(()),
                    $(<$message>::$variant => Ok(Self::$variant),)+
                }
            }
        }
    };
}
use same_variants;

impl From<SnapshotVersion> for pb::SnapshotVersion {
    fn from(version: SnapshotVersion) -> Self {
        Self { epoch: version.epoch, revision: version.revision }
    }
}

impl From<pb::SnapshotVersion> for SnapshotVersion {
    fn from(version: pb::SnapshotVersion) -> Self {
        Self { epoch: version.epoch, revision: version.revision }
    }
}

fn moment(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp)
}
