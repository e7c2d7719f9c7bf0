//! Base64 for documents of plain text, which this dialect sends as text and every other as bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let symbol = ALPHABET[word >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    text
}

/// Reads text in bytes; `None` = it is not base64, or not UTF-8. Padding may lack, line breaks may stand in between.
pub(super) fn decode_text(text: &str) -> Option<String> {
    let symbols = text.trim_end_matches('=').bytes().filter(|byte| !byte.is_ascii_whitespace());
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_usize, 0_u32);
    for symbol in symbols {
        let value = ALPHABET.iter().position(|it| *it == symbol)?;
        word = (word << 6 | value) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xFF) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_texts_are_written_as_everybody_writes_them() {
        for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode(text.as_bytes()), expected);
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        assert_eq!(decode_text("a*b"), None);
        assert_eq!(decode_text("//8="), None, "not UTF-8");
    }

    proptest! {
        #[test]
        fn texts_come_back(text in any::<String>()) {
            prop_assert_eq!(decode_text(&encode(text.as_bytes())), Some(text));
        }
    }
}
