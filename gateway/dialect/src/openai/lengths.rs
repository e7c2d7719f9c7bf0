//! What the vendor's dialects take only up to a length, and refuse a whole request for: the caller's own user, and the
//! names of calls.
//!
//! Other dialects take longer ones. Some clients put a whole object into the user, and some gateways a proof of thought
//! into the name of a call. A digest does as well: it tells users apart, and a result from its call.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::canonical::Loss;

/// The most letters of a `user`; a whole digest in hexadecimal digits has as many.
const MOST_OF_USER: usize = 64;
/// The most letters of a call's name in chat completions.
pub(crate) const MOST_OF_CALL: usize = 40;
/// The most letters of a call's name in Responses.
pub(crate) const MOST_OF_CALL_IN_RESPONSES: usize = 64;

/// The user, or the digest of a long one, which is told as lost.
pub(crate) fn user<'a>(user: Option<&'a str>, loss: &mut Loss) -> Option<Cow<'a, str>> {
    let user = user?;
    if user.chars().count() <= MOST_OF_USER {
        return Some(Cow::Borrowed(user));
    }
    loss.note("user", "is longer than this dialect takes, so a digest of it is sent");
    Some(Cow::Owned(digest(user)))
}

/// The name of a call, the same for the call and its result. The caller goes on to use its own, so nothing is lost.
pub(crate) fn call_id(id: &str, most: usize) -> Cow<'_, str> {
    if id.chars().count() <= most {
        return Cow::Borrowed(id);
    }
    let mut short = format!("call_{}", digest(id));
    short.truncate(most);
    Cow::Owned(short)
}

fn digest(text: &str) -> String {
    Sha256::digest(text).into_iter().fold(String::with_capacity(64), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: &str, is_told: bool) {
        let mut loss = Loss::default();
        assert_eq!(user(Some(given), &mut loss).as_deref(), Some(expected));
        assert_eq!(!loss.is_empty(), is_told, "{given}");
    }

    #[test]
    fn a_user_of_up_to_64_letters_stays_and_a_longer_one_is_always_the_same_digest() {
        check("u-1", "u-1", false);
        check(&"é".repeat(64), &"é".repeat(64), false);
        check(&"a".repeat(65), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0", true);
    }

    #[test]
    fn a_long_name_of_a_call_is_shortened_and_still_its_own() {
        let [one, other] = ["a", "b"].map(|last| format!("{}{last}", "x".repeat(300)));
        for most in [MOST_OF_CALL, MOST_OF_CALL_IN_RESPONSES] {
            assert_eq!(call_id(&"x".repeat(most), most), "x".repeat(most));
            assert_eq!(call_id(&one, most).len(), most);
            assert_ne!(call_id(&one, most), call_id(&other, most));
        }
    }
}
