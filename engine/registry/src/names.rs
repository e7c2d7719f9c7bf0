//! Helps with names that are not known: the nearest known one.

/// Ends a message about an unknown name: `; did you mean …?`, the known names when they are few, or nothing.
pub(crate) fn hint<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let wanted = unknown.to_lowercase();
    let similarity = |name: &str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
    let nearest = known.iter().copied().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest.filter(|name| similarity(name) >= 0.75) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None if known.is_empty() => "; there are none yet".to_owned(),
        None if known.len() <= 6 => format!("; there are: {}", known.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_known_name_is_offered() {
        assert_eq!(hint("openai/gpt5", ["openai/gpt-5", "mistral/large"]), "; did you mean `openai/gpt-5`?");
        assert_eq!(hint("Suport", ["support", "default"]), "; did you mean `support`?");
    }

    #[test]
    fn few_known_names_are_listed_when_none_is_near() {
        assert_eq!(hint("zzz", ["a", "b"]), "; there are: a, b");
        assert_eq!(hint("zzz", []), "; there are none yet");
    }
}
