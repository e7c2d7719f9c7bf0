//! Strings of a document, from their escaped bytes to characters, only as far as somebody reads them.
//!
//! Decoding never fails: the scanner has judged the string already, and a piece cut out of one may begin or end in the
//! middle of a surrogate pair. What stands for no character is left out.

use std::str::Utf8Error;

/// Reads one escape from its backslash on: the character (`None` = a lone surrogate) and the bytes it takes.
/// `None` = not an escape.
pub(super) fn read_escape(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let simple = match bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(bytes),
        _ => return None,
    };
    Some((Some(simple), 2))
}

fn unicode_escape(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    const LENGTH: usize = "\\uXXXX".len();
    let first = hex4(bytes.get(2..LENGTH)?)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first), LENGTH));
    }
    let second = match bytes.get(LENGTH..LENGTH + 2) {
        Some(b"\\u") => bytes.get(LENGTH + 2..2 * LENGTH).and_then(hex4),
        _ => None,
    };
    match second {
        Some(low @ 0xDC00..0xE000) => {
            let code = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            Some((char::from_u32(code), 2 * LENGTH))
        }
        _ => Some((None, LENGTH)),
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
}

/// Appends the characters of an escaped text.
pub(crate) fn decode_into(mut raw: &str, decoded: &mut String) {
    while let Some(at) = memchr::memchr(b'\\', raw.as_bytes()) {
        decoded.push_str(&raw[..at]);
        let Some((character, length)) = read_escape(&raw.as_bytes()[at..]) else {
            // Only a cut leaves half an escape, and only at the end.
            return;
        };
        decoded.extend(character);
        raw = &raw[at + length..];
    }
    decoded.push_str(raw);
}

/// Checks the encoding of a whole document.
pub(crate) fn checked_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    // The quick check does not say where a fault is; the standard one does.
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes))
}

/// Views bytes of a document that was checked as a whole; of a cut through a character nothing remains.
pub(crate) fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Returns the first `limit` bytes of an escaped text, or a few fewer, ending with a whole character.
pub(crate) fn head(raw: &[u8], limit: usize) -> &str {
    let mut end = raw.len().min(limit);
    while end < raw.len() && is_continuation(raw[end]) {
        end -= 1;
    }
    utf8(&raw[..end])
}

/// Returns the last `limit` bytes of an escaped text, or a few fewer, beginning with a whole character or escape.
pub(crate) fn tail(raw: &[u8], limit: usize) -> &str {
    let mut start = raw.len().saturating_sub(limit);
    while start < raw.len() && is_continuation(raw[start]) {
        start += 1;
    }
    // An escape that spans the cut begins at most five bytes before it.
    for begin in start.saturating_sub(5)..start {
        let length = if raw.get(begin + 1) == Some(&b'u') { 6 } else { 2 };
        if begin + length > start && begins_escape(raw, begin) {
            start = raw.len().min(begin + length);
            break;
        }
    }
    utf8(&raw[start..])
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Whether a backslash stands here and an even number of them before it.
fn begins_escape(bytes: &[u8], at: usize) -> bool {
    /// A longer run of backslashes is not worth its scan; decoding copes with a wrong guess.
    const LONGEST: usize = 4096;
    let before = bytes[..at].iter().rev().take(LONGEST).take_while(|byte| **byte == b'\\').count();
    bytes[at] == b'\\' && before % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(raw: &str) -> String {
        let mut text = String::new();
        decode_into(raw, &mut text);
        text
    }

    #[test]
    fn escapes_become_characters() {
        assert_eq!(decoded(r#"a\n\t\"\\\/\u00e9\ud83d\ude00z"#), "a\n\t\"\\/é😀z");
    }

    #[test]
    fn lone_surrogates_and_cut_escapes_are_left_out() {
        assert_eq!(decoded(r"a\ud83dz"), "az");
        assert_eq!(decoded(r"a\ude00z"), "az");
        assert_eq!(decoded(r"a\u00"), "a");
        assert_eq!(decoded("a\\"), "a");
    }

    proptest! {
        #[test]
        fn decoding_agrees_with_serde_json(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).expect("a string");
            prop_assert_eq!(decoded(&quoted[1..quoted.len() - 1]), text);
        }

        #[test]
        fn cuts_are_the_ends_of_the_whole(text in r#"([a-zé"\\\n\u{1F600}\u{1}]|\u{7})*"#, bytes in 0_usize..40) {
            let quoted = serde_json::to_string(&text).expect("a string");
            let raw = &quoted[1..quoted.len() - 1];
            let tail = tail(raw.as_bytes(), bytes);
            prop_assert!(tail.len() <= bytes && tail.len() + 8 >= bytes.min(raw.len()));
            prop_assert!(text.ends_with(&decoded(tail)));
            let head = head(raw.as_bytes(), bytes);
            prop_assert!(head.len() <= bytes && head.len() + 4 >= bytes.min(raw.len()));
            prop_assert!(text.starts_with(&decoded(head)));
        }
    }
}
