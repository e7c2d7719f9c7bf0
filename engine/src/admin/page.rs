//! Pages of lists: how many things a page has, and where the next one goes on.
//!
//! A token holds which list it is of and the last thing that was shown, not a number: things may come and go between
//! two pages, and what stays is seen once.

use std::fmt::Write;

use prost::Message;
use tonic::Status;

/// Things of a page whose caller does not say, and at most.
const SIZE: (usize, usize) = (100, 1000);
/// Bytes of a page; below what clients accept by default.
const BYTES: usize = 2 << 20;

/// How many things a page shall have.
pub(super) fn size(asked: u32) -> usize {
    if asked == 0 { SIZE.0 } else { (asked as usize).min(SIZE.1) }
}

/// The token with which a list goes on after a thing.
pub(super) fn token(list: &str, last: &str) -> String {
    format!("{list}\n{last}").bytes().fold(String::new(), |mut token, byte| {
        // Writing to a text cannot fail.
        let _ = write!(token, "{byte:02x}");
        token
    })
}

/// After which thing a list goes on; `None` = from the start.
pub(super) fn after(list: &str, token: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let text = text(token).ok_or_else(|| {
        Status::invalid_argument("page_token: is none: give the `next_page_token` of the page before, or nothing")
    })?;
    match text.split_once('\n') {
        Some((of, last)) if of == list => Ok(Some(last.to_owned())),
        _ => Err(Status::invalid_argument(
            "page_token: is of another list: repeat the request that gave it, or start again without it",
        )),
    }
}

fn text(token: &str) -> Option<String> {
    let digits = token.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok());
    let bytes = digits.map(|pair| pair.filter(|it| it.len() == 2).and_then(|it| u8::from_str_radix(it, 16).ok()));
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// One thing more than a page has: it tells whether there is another page.
pub(super) fn of_registry(before: Option<u64>, size: usize) -> registry::Page {
    registry::Page { before, limit: u32::try_from(size + 1).unwrap_or(u32::MAX) }
}

/// A page that is being filled.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    size: usize,
    bytes: usize,
}

impl<T: Message> Page<T> {
    pub(super) fn new(size: usize) -> Self {
        Self { items: Vec::new(), size, bytes: 0 }
    }

    /// Takes another item, unless the page is full.
    pub(super) fn take(&mut self, item: T) -> bool {
        self.bytes += item.encoded_len();
        let is_full = self.items.len() == self.size || (self.bytes > BYTES && !self.items.is_empty());
        if !is_full {
            self.items.push(item);
        }
        !is_full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_leads_on_in_its_own_list_only() {
        let given = token("policy org_1 ", "pol_ä\n7");
        assert_eq!(after("policy org_1 ", &given).ok().flatten().as_deref(), Some("pol_ä\n7"));
        assert_eq!(after("policy org_1 ", "").ok(), Some(None));
        let refused = |list: &str, token: &str| after(list, token).expect_err("is refused").message().to_owned();
        assert!(refused("policy org_2 ", &given).starts_with("page_token: is of another list"));
        for wrong in ["x", "0", "zz", "é", "ff", &given[1..]] {
            assert!(refused("policy org_1 ", wrong).starts_with("page_token: is none"), "{wrong}");
        }
    }

    #[test]
    fn page_is_full_by_number_or_by_weight_but_never_empty() {
        let mut page = Page::<String>::new(2);
        assert_eq!([page.take("a".into()), page.take("b".into()), page.take("c".into())], [true, true, false]);
        let mut page = Page::<String>::new(9);
        assert_eq!([page.take("x".repeat(BYTES + 1)), page.take("b".into())], [true, false]);
        assert_eq!((size(0), size(7), size(u32::MAX)), (100, 7, 1000));
    }
}
