//! Changes members of an object without touching the rest: untouched slices are copied whole, blanks and all.

use bytes::BufMut;

use super::scan::{Scanner, Span, SyntaxFault};
use super::text;

/// A member of a scanned object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The key, between its quotes.
    pub(crate) key: Span,
    /// The key holds a backslash.
    pub(crate) escaped: bool,
    /// The value.
    pub(crate) value: Span,
}

impl Member {
    /// Whether the key reads so, escapes decoded.
    pub(crate) fn is_named(&self, document: &[u8], name: &str) -> bool {
        let raw = self.key.of(document);
        if !self.escaped {
            return raw == name.as_bytes();
        }
        let mut decoded = String::new();
        text::decode_into(text::utf8(raw), &mut decoded);
        decoded == name
    }

    /// Where the member begins: at the key's opening quote.
    const fn start(&self) -> usize {
        self.key.start - 1
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit<'a> {
    /// Its key.
    pub(crate) key: &'a str,
    /// Its new value, put in place of the old or appended; `None` = it goes.
    pub(crate) value: Option<&'a [u8]>,
}

impl<'a> Edit<'a> {
    /// Replaces or adds a member.
    pub(crate) const fn set(key: &'a str, value: &'a [u8]) -> Self {
        Self { key, value: Some(value) }
    }

    /// Drops a member.
    pub(crate) const fn remove(key: &'a str) -> Self {
        Self { key, value: None }
    }
}

/// Scans the members of the object that comes next.
pub(crate) fn members_of(scanner: &mut Scanner<'_>, members: &mut Vec<Member>) -> Result<(), SyntaxFault> {
    let mut progress = scanner.enter_object()?;
    while let Some(key) = scanner.next_key(&mut progress)? {
        let value = scanner.skip()?.span;
        members.push(Member { key: key.span, escaped: key.escaped, value });
    }
    Ok(())
}

/// Returns a text as a JSON string.
pub(crate) fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).expect("a string always serialises")
}

/// Writes the object whose members these are, edited. Of several members with an edited key one remains.
pub(crate) fn splice(document: &[u8], members: &[Member], edits: &[Edit<'_>], out: &mut impl BufMut) {
    let (head, tail) = match (members.first(), members.last()) {
        (Some(first), Some(last)) => (&document[..first.start()], &document[last.value.end..]),
        _ => (&b"{"[..], &b"}"[..]),
    };
    let mut placed = vec![false; edits.len()];
    let mut writer = Writer { document, out, run: None, empty: true };
    writer.out.put_slice(head);
    for member in members {
        let Some(index) = edits.iter().position(|edit| member.is_named(document, edit.key)) else {
            writer.keep(member);
            continue;
        };
        let placed_before = std::mem::replace(&mut placed[index], true);
        match edits[index].value {
            Some(value) if !placed_before => writer.replace(member, value),
            _ => writer.flush(),
        }
    }
    writer.flush();
    for (edit, _) in edits.iter().zip(placed).filter(|(_, placed)| !placed) {
        writer.append(edit);
    }
    writer.out.put_slice(tail);
}

/// Copies neighbouring members in one piece.
struct Writer<'a, B> {
    document: &'a [u8],
    out: &'a mut B,
    /// What is to be copied next.
    run: Option<Span>,
    /// No member was written or is about to be.
    empty: bool,
}

impl<B: BufMut> Writer<'_, B> {
    fn keep(&mut self, member: &Member) {
        self.extend_run(member, member.value.end);
    }

    fn replace(&mut self, member: &Member, value: &[u8]) {
        self.extend_run(member, member.value.start);
        self.flush();
        self.out.put_slice(value);
        self.run = Some(Span { start: member.value.end, end: member.value.end });
    }

    fn append(&mut self, edit: &Edit<'_>) {
        let Some(value) = edit.value else { return };
        self.separate();
        self.out.put_slice(&quoted(edit.key));
        self.out.put_u8(b':');
        self.out.put_slice(value);
    }

    /// Lets the run reach `end`, beginning one at this member if there is none.
    fn extend_run(&mut self, member: &Member, end: usize) {
        if self.run.is_none() {
            self.separate();
        }
        self.run.get_or_insert(Span { start: member.start(), end }).end = end;
    }

    fn flush(&mut self) {
        if let Some(run) = self.run.take() {
            self.out.put_slice(run.of(self.document));
        }
    }

    fn separate(&mut self) {
        if !self.empty {
            self.out.put_u8(b',');
        }
        self.empty = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::Escapes;
    use super::*;

    #[track_caller]
    fn check(document: &str, edits: &[Edit<'_>], expected: &str) {
        let mut members = Vec::new();
        members_of(&mut Scanner::new(document, Escapes::Strict), &mut members).expect("valid");
        let mut out = Vec::new();
        splice(document.as_bytes(), &members, edits, &mut out);
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    const MODEL: Edit<'_> = Edit::set("model", b"\"new\"");

    #[test]
    fn replacing_touches_nothing_else() {
        check(
            "{ \"a\" : 1 ,\n\"model\": \"old\" , \"b\":[ 2] }\n",
            &[MODEL],
            "{ \"a\" : 1 ,\n\"model\": \"new\" , \"b\":[ 2] }\n",
        );
    }

    #[test]
    fn an_absent_member_is_appended() {
        check("{}", &[MODEL], r#"{"model":"new"}"#);
        check(" { } ", &[MODEL], r#"{"model":"new"}"#);
        check(r#"{"a":1}"#, &[MODEL], r#"{"a":1,"model":"new"}"#);
    }

    #[test]
    fn removing_leaves_the_commas_right() {
        let (a, b, c) = (Edit::remove("a"), Edit::remove("b"), Edit::remove("c"));
        let document = r#"{"a":1,"b":2,"c":3}"#;
        check(document, &[a], r#"{"b":2,"c":3}"#);
        check(document, &[b], r#"{"a":1,"c":3}"#);
        check(document, &[c], r#"{"a":1,"b":2}"#);
        check(document, &[a, b], r#"{"c":3}"#);
        check(document, &[b, c], r#"{"a":1}"#);
        check(document, &[a, b, c], "{}");
        check(document, &[a, b, c, MODEL], r#"{"model":"new"}"#);
    }

    #[test]
    fn removal_beside_a_replacement_keeps_the_object_whole() {
        let document = r#"{"a":1,"model":"old","b":2,"c":3}"#;
        check(document, &[Edit::remove("b"), MODEL], r#"{"a":1,"model":"new","c":3}"#);
        check(document, &[Edit::remove("a"), MODEL], r#"{"model":"new","b":2,"c":3}"#);
        check(document, &[Edit::remove("b"), Edit::remove("c"), MODEL], r#"{"a":1,"model":"new"}"#);
    }

    #[test]
    fn an_escaped_key_is_the_same_key() {
        check(r#"{"mod\u0065l":"old","a":1}"#, &[MODEL], r#"{"mod\u0065l":"new","a":1}"#);
    }

    #[test]
    fn of_duplicates_one_remains() {
        check(r#"{"model":"x","a":1,"model":"y"}"#, &[MODEL], r#"{"model":"new","a":1}"#);
    }
}
