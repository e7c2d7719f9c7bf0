//! What a query asks for: its parameters, and one page of a long list.

use std::borrow::Cow;

use dialect::{BadRequest, percent_decode};

/// The most entries of one page, by the word of both vendors that have pages.
const MOST: usize = 1000;

/// The parameters of a query, decoded.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, String)> {
    let decoded = |value: &str| percent_decode(&value.replace('+', " ")).into_owned();
    query.split('&').filter_map(|pair| pair.split_once('=')).map(move |(name, value)| (name, decoded(value)))
}

/// The last value of a parameter that is not empty.
pub(super) fn parameter(query: &str, names: &[&str]) -> Option<String> {
    parameters(query).filter(|(name, value)| names.contains(name) && !value.is_empty()).last().map(|(_, value)| value)
}

/// How many entries a page shall have.
pub(super) fn size(query: &str, names: &[&'static str], usual: usize) -> Result<usize, BadRequest> {
    let Some(text) = parameter(query, names) else { return Ok(usual) };
    match text.parse::<usize>() {
        Ok(0) => Ok(usual),
        Ok(size) => Ok(size.min(MOST)),
        Err(_) => Err(BadRequest {
            message: format!("`{}` must be a whole number of 0 to {MOST}", names[0]),
            param: Some(names[0].to_owned()),
            code: "invalid_value",
        }),
    }
}

/// A part of a list that is in order, and whether there is more in the direction of reading.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    pub(super) has_more: bool,
}

/// The first entries behind a mark. The mark itself may be gone meanwhile.
pub(super) fn after<T>(entries: Vec<T>, mark: Option<&str>, size: usize, name: impl Fn(&T) -> &str) -> Page<T> {
    let mut rest = entries.into_iter().skip_while(|entry| mark.is_some_and(|mark| name(entry) <= mark));
    let entries = rest.by_ref().take(size).collect();
    Page { entries, has_more: rest.next().is_some() }
}

/// The last entries before a mark.
pub(super) fn before<T>(entries: Vec<T>, mark: &str, size: usize, name: impl Fn(&T) -> &str) -> Page<T> {
    let mut entries: Vec<T> = entries.into_iter().take_while(|entry| name(entry) < mark).collect();
    let first = entries.len().saturating_sub(size);
    Page { entries: entries.split_off(first), has_more: first > 0 }
}

/// A release date as a moment: midnight UTC, or the epoch where it is not known.
pub(super) fn moment(released: Option<&str>) -> Cow<'static, str> {
    released.map_or(Cow::Borrowed("1970-01-01T00:00:00Z"), |date| Cow::Owned(format!("{date}T00:00:00Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [&str; 4] = ["a/1", "a/2", "b/1", "c/1"];

    #[test]
    fn pages_follow_one_another_without_gap_or_repeat() {
        let mut seen = Vec::new();
        let mut mark: Option<&str> = None;
        loop {
            let page = after(ENTRIES.to_vec(), mark, 3, |it| it);
            seen.extend(page.entries.iter().copied());
            mark = seen.last().copied();
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, ENTRIES);
    }

    #[test]
    fn a_mark_that_is_gone_keeps_its_place() {
        let page = after(ENTRIES.to_vec(), Some("a/11"), 1, |it| it);
        assert_eq!((page.entries, page.has_more), (vec!["a/2"], true));
        let page = before(ENTRIES.to_vec(), "b/0", 1, |it| it);
        assert_eq!((page.entries, page.has_more), (vec!["a/2"], true));
        assert!(!before(ENTRIES.to_vec(), "a/2", 5, |it| it).has_more);
    }

    #[test]
    fn a_page_has_a_size_within_reason() {
        let asked = |query| size(query, &["pageSize", "page_size"], 50).map_err(|fault| fault.param);
        for (query, expected) in [("", 50), ("pageSize=0", 50), ("page_size=7", 7), ("pageSize=5000", 1000)] {
            assert_eq!(asked(query), Ok(expected), "{query}");
        }
        for query in ["pageSize=-1", "page_size=x"] {
            assert_eq!(asked(query), Err(Some("pageSize".to_owned())), "{query}");
        }
    }
}
