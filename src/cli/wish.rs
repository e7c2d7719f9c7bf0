//! A value that an option gives, or `none`, which takes away what is there.

use std::fmt::Display;
use std::str::FromStr;

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish<T> {
    /// There is none any more.
    None,
    /// It is this one.
    Some(T),
}

impl<T: FromStr<Err: Display>> FromStr for Wish<T> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            text => text.parse().map(Self::Some).map_err(|fault| fault.to_string()),
        }
    }
}

impl<T> Wish<T> {
    /// The value, if there is to be one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    #[test]
    fn value_is_given_or_taken_away() {
        assert_eq!("none".parse(), Ok(Wish::<NonZeroU64>::None));
        assert_eq!("7".parse::<Wish<NonZeroU64>>().map(Wish::value), Ok(NonZeroU64::new(7)));
        assert!("0".parse::<Wish<NonZeroU64>>().is_err());
    }
}
