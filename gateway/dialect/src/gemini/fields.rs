//! Reads as proto JSON has them: two names for each member, numbers with a fraction of zero, lists of one.

use std::borrow::Cow;

use crate::json::Kind;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

impl<'a> Fields<'_, 'a> {
    /// The name under which the object has a member that is called so in `camelCase`.
    pub(super) fn either<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.peek(name).is_some() {
            return Cow::Borrowed(name);
        }
        let snake = snake(name);
        if self.peek(&snake).is_some() { Cow::Owned(snake) } else { Cow::Borrowed(name) }
    }

    /// Takes a member under either of its names.
    pub(super) fn pick<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(At<'_, 'a>) -> Result<T, BadRequest>,
    ) -> Result<Option<T>, BadRequest> {
        self.take(&self.either(name), read)
    }

    /// Takes a text under either of its names.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        self.pick(name, |at| at.string())
    }

    /// Takes a count under either of its names.
    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, BadRequest> {
        self.pick(name, |at| at.count())
    }

    /// Takes a number under either of its names.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, BadRequest> {
        self.pick(name, |at| at.number())
    }
}

impl<'a> At<'_, 'a> {
    /// A whole number, which may be written `40.0`.
    pub(super) fn whole(&self) -> Result<i64, BadRequest> {
        let number = self.number()?;
        let is_whole = number.fract() == 0.0 && number.abs() < 9e15;
        if is_whole { Ok(number as i64) } else { Err(self.invalid("must be a whole number")) }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Result<u64, BadRequest> {
        u64::try_from(self.whole()?).map_err(|_| self.invalid("must not be negative"))
    }

    /// Reads every element of an array, or the one that stands without brackets.
    pub(super) fn list<T>(
        &self,
        expected: &str,
        mut read: impl FnMut(At<'_, 'a>) -> Result<T, BadRequest>,
    ) -> Result<Vec<T>, BadRequest> {
        if self.node.kind() == Kind::Object { Ok(vec![read(*self)?]) } else { self.each(expected, read) }
    }
}

/// `systemInstruction` as `system_instruction`.
pub(crate) fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Loss;
    use crate::json::{Escapes, Node};

    #[track_caller]
    fn check(body: &str, expected: Result<Option<u64>, &str>) {
        let node = Node::parse(body, Escapes::Strict).unwrap();
        let mut loss = Loss::default();
        let found = At::root(&node).object("an object", &mut loss, |fields, _| fields.count("topK"));
        match expected {
            Ok(count) => assert_eq!((found, loss.is_empty()), (Ok(count), true), "{body}"),
            Err(param) => assert_eq!(found.unwrap_err().param.as_deref(), Some(param), "{body}"),
        }
    }

    #[test]
    fn members_are_known_by_both_their_names() {
        check(r#"{"topK":40}"#, Ok(Some(40)));
        check(r#"{"top_k":40.0}"#, Ok(Some(40)));
        check(r#"{"topK":null}"#, Ok(None));
        check("{}", Ok(None));
    }

    #[test]
    fn faults_name_the_member_as_the_caller_wrote_it() {
        check(r#"{"top_k":1.5}"#, Err("top_k"));
        check(r#"{"topK":-1}"#, Err("topK"));
        check(r#"{"topK":"many"}"#, Err("topK"));
    }
}
