//! Helps with names that are not known: the nearest known one.

use domain::{Benchmark, Tenant};

/// Ends a message about an unknown name: `; did you mean …?`, the known names when they are few, or nothing.
pub(crate) fn hint<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    // Tables are sorted by id, which says nothing to a reader.
    known.sort_unstable();
    let wanted = unknown.to_lowercase();
    // About one slip of the finger in five letters.
    let limit = (wanted.chars().count() / 5).clamp(1, 4);
    let distances = known.iter().map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), *name));
    match distances.min().filter(|(distance, _)| *distance <= limit) {
        Some((_, nearest)) => format!("; did you mean `{nearest}`?"),
        None if known.is_empty() => "; there are none yet".to_owned(),
        None if known.len() <= 6 => format!("; there are: {}", known.join(", ")),
        None => String::new(),
    }
}

/// A scorecard by id, by name and version, or by a name that no other one has. Errors say what the name lacks.
pub(crate) fn scorecard<'a>(tenant: &'a Tenant, text: &str) -> Result<&'a Benchmark, String> {
    if let Some(known) = tenant.scorecards.get(text) {
        return Ok(known);
    }
    let all = || tenant.scorecards.values().map(AsRef::as_ref);
    if let Some(known) = all().find(|it| it.scorecard().label() == text) {
        return Ok(known);
    }
    let named: Vec<&Benchmark> = all().filter(|it| it.scorecard().name == text).collect();
    match named.as_slice() {
        [only] => Ok(only),
        [] => {
            let labels: Vec<String> = all().map(|it| it.scorecard().label()).collect();
            Err(format!("there is no scorecard `{text}`{}", hint(text, labels.iter().map(String::as_str))))
        }
        several => {
            let labels: Vec<String> = several.iter().map(|it| format!("`{}`", it.scorecard().label())).collect();
            Err(format!("`{text}` has several versions: write one of {}", labels.join(", ")))
        }
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
