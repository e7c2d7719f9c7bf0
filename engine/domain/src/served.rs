//! Whether an upstream served the model that it was asked for, by the names that both sides use.

/// Endings that mean "whichever is current": the answer names the version behind them.
const CURRENT: [&str; 3] = ["-latest", "-preview", "-exp"];
/// A version written as digits has at least so many: `-0613`, `-001`, `-20250929`. A shorter one is another model.
const VERSION_DIGITS: usize = 3;

/// Returns whether `served`, what the upstream says, is a name of the model that it was asked for as `native`: the same,
/// the same with a date or variant behind it, or either under a prefix such as `models/` or a provider's name.
///
/// ```
/// use domain::served::is_as_asked;
/// assert!(is_as_asked("gpt-4o", "gpt-4o-2024-08-06"));
/// assert!(!is_as_asked("gpt-4o", "gpt-4o-mini"));
/// ```
pub fn is_as_asked(native: &str, served: &str) -> bool {
    let (native, served) = (own_name(native), own_name(served));
    if native.eq_ignore_ascii_case(served) {
        return true;
    }
    is_version_of(native, served) || is_version_of(without_ending(native), served) || is_version_of(served, native)
}

/// A name without the provider or collection that it stands under.
fn own_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn without_ending(name: &str) -> &str {
    CURRENT.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Whether `long` is `short` and a version or variant behind it.
fn is_version_of(short: &str, long: &str) -> bool {
    let Some((head, rest)) = long.split_at_checked(short.len()) else { return false };
    if short.is_empty() || !head.eq_ignore_ascii_case(short) {
        return false;
    }
    let Some(version) = rest.strip_prefix('-') else {
        return rest.is_empty() || rest.starts_with([':', '@']);
    };
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    digits >= VERSION_DIGITS || CURRENT.iter().any(|ending| rest.starts_with(ending))
}

#[cfg(test)]
mod tests {
    use super::is_as_asked;

    #[track_caller]
    fn check(native: &str, served: &str, expected: bool) {
        assert_eq!(is_as_asked(native, served), expected, "{native} asked for, {served} served");
    }

    #[test]
    fn the_same_name_is_as_asked_whatever_it_stands_under() {
        check("gpt-4o", "gpt-4o", true);
        check("GPT-4o", "gpt-4o", true);
        check("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5", true);
        check("gemini-2.5-pro", "models/gemini-2.5-pro", true);
    }

    #[test]
    fn a_date_or_variant_behind_it_is_as_asked() {
        check("gpt-4", "gpt-4-0613", true);
        check("gpt-4o", "gpt-4o-2024-08-06", true);
        check("gpt-4o-2024-08-06", "gpt-4o", true);
        check("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", true);
        check("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", true);
        check("meta/llama-3-70b:free", "meta/llama-3-70b", true);
        check("claude-3-opus", "claude-3-opus@20240229", true);
        check("gemini-2.5-pro", "gemini-2.5-pro-preview-05-06", true);
    }

    #[test]
    fn another_model_is_not_as_asked() {
        check("gpt-4o", "gpt-4o-mini", false);
        check("gpt-4o", "gpt-3.5-turbo", false);
        check("claude-sonnet-4", "claude-sonnet-4-5-20250929", false);
        check("gpt-4", "gpt-4.1", false);
        check("gpt-4", "", false);
    }
}
