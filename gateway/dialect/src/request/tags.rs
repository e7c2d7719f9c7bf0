//! Tags of a request, from the body's `tags` and the header `X-Tags`, within bounds.

use super::fault::BadRequest;
use super::read;
use crate::json::{Kind, Path, Scanner};

/// The header that carries tags.
pub(crate) const HEADER: &str = "X-Tags";

/// Most tags of a body, and of a header.
const MAX_TAGS: usize = 64;
/// Longest key, in characters.
const MAX_KEY: usize = 128;
/// Longest value, in characters.
const MAX_VALUE: usize = 1024;

/// A label of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Tag {
    /// Reads the text of `X-Tags`: `tier=premium, region=eu`. A value may hold `=` but no comma.
    ///
    /// # Errors
    /// A tag without `=` or key, or out of bounds.
    pub fn of_header(text: &str) -> Result<Vec<Self>, BadRequest> {
        let header = Path::top(HEADER);
        let mut tags = Vec::new();
        for (place, item) in text.split(',').map(str::trim).filter(|item| !item.is_empty()).enumerate() {
            check_count(place, &header)?;
            let here = header.index(place);
            let (key, value) =
                item.split_once('=').ok_or_else(|| BadRequest::invalid(&here, "has no `=`: write `key=value`"))?;
            let tag = Self { key: key.trim_end().to_owned(), value: value.trim_start().to_owned() };
            tag.check(&here)?;
            tags.push(tag);
        }
        Ok(tags)
    }

    fn check(&self, path: &Path<'_>) -> Result<(), BadRequest> {
        if self.key.is_empty() {
            return Err(BadRequest::invalid(&path.key("key"), "is empty: give the tag a name"));
        }
        for (name, text, limit) in [("key", &self.key, MAX_KEY), ("value", &self.value, MAX_VALUE)] {
            if text.chars().nth(limit).is_some() {
                return Err(BadRequest::invalid(&path.key(name), &format!("must be at most {limit} characters long")));
            }
        }
        Ok(())
    }
}

/// Reads the body's `tags`.
pub(crate) fn read(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Vec<Tag>, BadRequest> {
    let mut tags = Vec::new();
    if !read::is_present(scanner, path, Kind::Array, "an array of {key, value} objects")? {
        return Ok(tags);
    }
    let mut elements = scanner.enter_array()?;
    while scanner.next_element(&mut elements)? {
        check_count(tags.len(), path)?;
        tags.push(tag(scanner, &path.index(tags.len()))?);
    }
    Ok(tags)
}

fn check_count(before: usize, path: &Path<'_>) -> Result<(), BadRequest> {
    if before < MAX_TAGS {
        return Ok(());
    }
    Err(BadRequest::invalid(path, &format!("has too many tags: send at most {MAX_TAGS}")))
}

fn tag(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Tag, BadRequest> {
    let (mut key, mut value) = (None, None);
    read::closed_object(scanner, path, &["key", "value"], |scanner, name, here| {
        let text = read::required_string(scanner, here)?.into_owned();
        *(if name == "key" { &mut key } else { &mut value }) = Some(text);
        Ok(())
    })?;
    let key = key.ok_or_else(|| BadRequest::missing(&path.key("key"), "the tag's name, a string"))?;
    let value = value.ok_or_else(|| BadRequest::missing(&path.key("value"), "the tag's value, a string"))?;
    let tag = Tag { key, value };
    tag.check(path)?;
    Ok(tag)
}
