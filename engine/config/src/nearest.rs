//! Finds the known name that somebody probably meant.

/// Longer words resemble nothing.
const MAX_WORD: usize = 64;

/// Returns the known name nearest to `word`, if one is near enough to be worth naming.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_lowercase().replace(['-', ' '], "_");
    let distance = |name: &str| strsim::osa_distance(&word, name);
    let (found, steps) = known.iter().map(|name| (*name, distance(name))).min_by_key(|(_, steps)| *steps)?;
    if steps <= (found.len().min(word.len()) / 3).max(1) {
        return Some(found);
    }
    // `url` for `base_url`, `context` for `context_length`.
    known.iter().copied().find(|name| word.len() >= 3 && (name.split('_').any(|part| part == word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["base_url", "slug", "context_length", "zdr"];

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let cases = [
            ("base_ulr", Some("base_url")),
            ("baseUrl", Some("base_url")),
            ("base-url", Some("base_url")),
            ("url", Some("base_url")),
            ("context", Some("context_length")),
            ("Slug", Some("slug")),
            ("", None),
            ("colour", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, &KNOWN), expected, "{word}");
        }
    }
}
