//! The caller's own user in the vendor's dialects, which refuse a request whose `user` is longer than 64 letters.
//!
//! Other dialects take longer ones, and some clients put a whole object into it. Its purpose is to tell users apart, which
//! a digest does as well.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::canonical::Loss;

/// The most letters of a `user`; a digest in hexadecimal digits has as many.
const MOST: usize = 64;

/// The user, or the digest of a long one, which is told as lost.
pub(crate) fn user<'a>(user: Option<&'a str>, loss: &mut Loss) -> Option<Cow<'a, str>> {
    let user = user?;
    if user.chars().count() <= MOST {
        return Some(Cow::Borrowed(user));
    }
    loss.note("user", "is longer than this dialect takes, so a digest of it is sent");
    let mut digest = String::with_capacity(MOST);
    for byte in Sha256::digest(user) {
        let _ = write!(digest, "{byte:02x}");
    }
    Some(Cow::Owned(digest))
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
}
