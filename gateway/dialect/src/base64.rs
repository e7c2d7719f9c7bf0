//! Bytes as text: written in the alphabet that a dialect wants, read in either, with or without padding.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Writes bytes, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Writes bytes in the alphabet for URLs, padded.
pub(crate) fn encode_for_urls(bytes: &[u8]) -> String {
    FOR_URLS.encode(bytes)
}

/// Reads bytes; `None` = this is no base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(standard(text)).ok()
}

/// Reads text in bytes, between which line breaks may stand; `None` = it is no base64, or no UTF-8.
pub(crate) fn decode_text(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|digit| !digit.is_ascii_whitespace()).collect();
    String::from_utf8(decode(&digits)?).ok()
}

/// Rewrites the alphabet for URLs, which Google's own libraries send, in the standard one, which others demand.
pub(crate) fn standard(text: &str) -> String {
    let mut standard = text.replace('-', "+").replace('_', "/");
    while matches!(standard.len() % 4, 2 | 3) {
        standard.push('=');
    }
    standard
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_examples_hold() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(
                (encode(bytes.as_bytes()), encode_for_urls(bytes.as_bytes())),
                (text.to_owned(), text.to_owned())
            );
        }
        assert_eq!(decode("Zm8").as_deref(), Some(&b"fo"[..]));
        assert_eq!(decode("-_+/"), decode("+/-_"));
        for broken in ["Z", "Zm9vY", "Z g=", "gemini:Zg=="] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decode_text("a*b"), None);
        assert_eq!(decode_text("//8="), None, "not UTF-8");
        assert_eq!(decode_text("Zm9\nv").as_deref(), Some("foo"));
    }

    #[test]
    fn the_standard_alphabet_is_padded() {
        assert_eq!(standard("_-8"), "/+8=");
        assert_eq!(standard("Zm9v"), "Zm9v");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(decode(&encode_for_urls(&bytes)), Some(bytes));
        }
    }
}
