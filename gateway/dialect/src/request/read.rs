//! Typed reads of request fields: the value, or an error that names its path. `null` is the same as absent.

use std::borrow::Cow;

use super::fault::BadRequest;
use crate::json::{Kind, Path, Scanner, Text};

/// Keys of one object up to which a comparison with each is the quickest way to find a duplicate.
const FEW_KEYS: usize = 24;

/// Checks what comes next; `false` = it was `null`, now skipped.
pub(crate) fn is_present(
    scanner: &mut Scanner<'_>,
    path: &Path<'_>,
    wanted: Kind,
    expected: &str,
) -> Result<bool, BadRequest> {
    match scanner.peek()? {
        Kind::Null => {
            scanner.literal()?;
            Ok(false)
        }
        found if found == wanted => Ok(true),
        found => Err(BadRequest::wrong_type(path, expected, found)),
    }
}

/// Reads a string without decoding it.
pub(crate) fn text(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<Text>, BadRequest> {
    if is_present(scanner, path, Kind::String, "a string")? { Ok(Some(scanner.string()?)) } else { Ok(None) }
}

/// Reads a string.
pub(crate) fn string<'a>(scanner: &mut Scanner<'a>, path: &Path<'_>) -> Result<Option<Cow<'a, str>>, BadRequest> {
    Ok(text(scanner, path)?.map(|text| scanner.decode(&text)))
}

/// Reads a string that must be there.
pub(crate) fn required_string<'a>(scanner: &mut Scanner<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, BadRequest> {
    match scanner.peek()? {
        Kind::String => {
            let text = scanner.string()?;
            Ok(scanner.decode(&text))
        }
        found => Err(BadRequest::wrong_type(path, "a string", found)),
    }
}

/// Reads `true` or `false`.
pub(crate) fn boolean(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<bool>, BadRequest> {
    if !is_present(scanner, path, Kind::Bool, "a boolean")? {
        return Ok(None);
    }
    let span = scanner.literal()?;
    Ok(Some(scanner.slice(span) == "true"))
}

/// Reads a whole number that is not negative.
pub(crate) fn unsigned(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<u64>, BadRequest> {
    if !is_present(scanner, path, Kind::Number, "a whole number")? {
        return Ok(None);
    }
    let span = scanner.number()?;
    match scanner.slice(span).parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(BadRequest::invalid(path, "must be a whole number, not negative and below 2^64")),
    }
}

/// Reads the strings of an array; absent = empty.
pub(crate) fn strings(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<Vec<String>>, BadRequest> {
    if !is_present(scanner, path, Kind::Array, "an array of strings")? {
        return Ok(None);
    }
    let mut strings = Vec::new();
    let mut elements = scanner.enter_array()?;
    while scanner.next_element(&mut elements)? {
        strings.push(required_string(scanner, &path.index(strings.len()))?.into_owned());
    }
    Ok(Some(strings))
}

/// Gives every member of the object that comes next to `read`, and refuses a key that comes twice.
pub(crate) fn object<'a>(
    scanner: &mut Scanner<'a>,
    path: &Path<'_>,
    mut read: impl FnMut(&mut Scanner<'a>, Text, &str, &Path<'_>) -> Result<(), BadRequest>,
) -> Result<(), BadRequest> {
    let mut seen = SeenKeys { few: Vec::with_capacity(8), ..SeenKeys::default() };
    let mut members = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut members)? {
        let name = scanner.decode(&key);
        let here = path.key(&name);
        read(scanner, key, &name, &here)?;
        if !seen.insert(name.clone()) {
            return Err(BadRequest::duplicate(&here));
        }
    }
    Ok(())
}

/// Reads an object of ours, all of whose members are known.
pub(crate) fn closed_object<'a>(
    scanner: &mut Scanner<'a>,
    path: &Path<'_>,
    known: &[&str],
    mut read: impl FnMut(&mut Scanner<'a>, &str, &Path<'_>) -> Result<(), BadRequest>,
) -> Result<(), BadRequest> {
    if !is_present(scanner, path, Kind::Object, "an object")? {
        return Ok(());
    }
    object(scanner, path, |scanner, _, name, here| {
        if known.contains(&name) {
            return read(scanner, name, here);
        }
        let problem = format!("is not a field of this object; it takes {}", known.join(", "));
        Err(BadRequest::at(here, "unknown_field", &problem))
    })
}

/// The keys of one object so far. Hashes only when there are many, so that no body makes this quadratic.
#[derive(Default)]
struct SeenKeys<'a> {
    few: Vec<Cow<'a, str>>,
    many: std::collections::HashSet<Cow<'a, str>>,
}

impl<'a> SeenKeys<'a> {
    /// Returns whether the key is new.
    fn insert(&mut self, key: Cow<'a, str>) -> bool {
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < FEW_KEYS {
            self.few.push(key);
            return true;
        }
        self.many.insert(key)
    }
}
