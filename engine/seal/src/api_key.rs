//! Makes the text of new API keys.

use domain::KeyText;

use crate::secret::Secret;

/// Makes a new API key: `sk-sb-…`, 178 random bits and a checksum.
///
/// # Panics
/// When the operating system has no randomness to give.
pub fn generate_api_key() -> Secret {
    loop {
        let mut bytes = crate::random::<30>();
        // Bytes of 248 and above would favour some characters: they are drawn again, one by one.
        for byte in &mut bytes {
            while *byte >= 248 {
                [*byte] = crate::random();
            }
        }
        if let Some(text) = KeyText::from_random(bytes) {
            return Secret::from(text);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn new_keys_are_well_formed_and_distinct() {
        let (first, second) = (generate_api_key(), generate_api_key());
        assert!(first != second);
        for key in [first, second] {
            let text = key.expose_str().unwrap();
            assert!(text.starts_with("sk-sb-") && !KeyText::is_malformed(text));
        }
    }
}
