//! Strict reads of a caller's body with the path at hand: a value, or a refusal that names the field.
//!
//! What an object has and nobody asked for is left over at the end, and goes into the loss of a translation.

use super::BadRequest;
use crate::canonical::{CacheHints, Json, Loss};
use crate::json::{Kind, Node, Path, Value};

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct At<'r, 'a> {
    pub(crate) node: &'r Node<'a>,
    pub(crate) path: Path<'r>,
}

impl<'r, 'a> At<'r, 'a> {
    /// The document itself.
    pub(crate) const fn root(node: &'r Node<'a>) -> Self {
        Self { node, path: Path::Root }
    }

    /// Its text.
    pub(crate) fn str(&self) -> Result<&'r str, BadRequest> {
        self.node.str().ok_or_else(|| self.wrong("a string"))
    }

    /// Its text, owned.
    pub(crate) fn string(&self) -> Result<String, BadRequest> {
        self.str().map(str::to_owned)
    }

    /// A whole number that is not negative.
    pub(crate) fn unsigned(&self) -> Result<u64, BadRequest> {
        let Value::Number(text) = self.node.value else { return Err(self.wrong("a whole number")) };
        text.parse().map_err(|_| self.invalid("must be a whole number, not negative and below 2^64"))
    }

    /// A whole number.
    pub(crate) fn integer(&self) -> Result<i64, BadRequest> {
        let Value::Number(text) = self.node.value else { return Err(self.wrong("a whole number")) };
        text.parse().map_err(|_| self.invalid("must be a whole number"))
    }

    /// A number.
    pub(crate) fn number(&self) -> Result<f64, BadRequest> {
        let Value::Number(text) = self.node.value else { return Err(self.wrong("a number")) };
        text.parse().ok().filter(|it: &f64| it.is_finite()).ok_or_else(|| self.invalid("must be a finite number"))
    }

    /// `true` or `false`.
    pub(crate) fn bool(&self) -> Result<bool, BadRequest> {
        self.node.bool().ok_or_else(|| self.wrong("a boolean"))
    }

    /// The value as it was written.
    pub(crate) fn json(&self) -> Result<Json, BadRequest> {
        Json::parse(self.node.raw).ok_or_else(|| self.invalid("is not valid JSON"))
    }

    /// The value as it was written, which must be an object.
    pub(crate) fn json_object(&self) -> Result<Json, BadRequest> {
        if self.node.kind() == Kind::Object { self.json() } else { Err(self.wrong("an object")) }
    }

    /// Reads every element of an array.
    pub(crate) fn each<T>(
        &self,
        expected: &str,
        mut read: impl FnMut(At<'_, 'a>) -> Result<T, BadRequest>,
    ) -> Result<Vec<T>, BadRequest> {
        let Value::Array(items) = &self.node.value else { return Err(self.wrong(expected)) };
        let each = |(index, node)| read(At { node, path: self.path.index(index) });
        items.iter().enumerate().map(each).collect()
    }

    /// Reads an object: `read` takes the members it knows, what is left over goes into `loss`.
    pub(crate) fn object<T>(
        &self,
        expected: &str,
        loss: &mut Loss,
        read: impl FnOnce(&mut Fields<'_, 'a>, &mut Loss) -> Result<T, BadRequest>,
    ) -> Result<T, BadRequest> {
        let Value::Object(entries) = &self.node.value else { return Err(self.wrong(expected)) };
        for (index, (name, _)) in entries.iter().enumerate() {
            if entries[..index.min(FEW)].iter().any(|(earlier, _)| earlier == name) {
                return Err(BadRequest::duplicate(&self.path.key(name)));
            }
        }
        let mut fields = Fields { at: *self, taken: vec![false; entries.len()] };
        let value = read(&mut fields, loss)?;
        fields.leave(loss);
        Ok(value)
    }

    /// The refusal of a value of the wrong kind.
    pub(crate) fn wrong(&self, expected: &str) -> BadRequest {
        BadRequest::wrong_type(&self.path, expected, self.node.kind())
    }

    /// The refusal of a value: `problem` goes on from the field's name, such as `must be at least 1`.
    pub(crate) fn invalid(&self, problem: &str) -> BadRequest {
        BadRequest::invalid(&self.path, problem)
    }
}

/// Members of one object among which twins are looked for; an object of more is a hostile one, and its last value wins
/// as everywhere.
const FEW: usize = 256;

/// The members of an object.
pub(crate) struct Fields<'r, 'a> {
    at: At<'r, 'a>,
    taken: Vec<bool>,
}

impl<'a> Fields<'_, 'a> {
    /// Where the object stands.
    pub(crate) fn path(&self) -> &Path<'_> {
        &self.at.path
    }

    /// Takes a member and reads it; `null` is the same as absent.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(At<'_, 'a>) -> Result<T, BadRequest>,
    ) -> Result<Option<T>, BadRequest> {
        let entries = self.at.node.entries();
        let Some(index) = entries.iter().rposition(|(key, _)| key == name) else { return Ok(None) };
        self.taken[index] = true;
        let (_, node) = &entries[index];
        if matches!(node.value, Value::Null) {
            return Ok(None);
        }
        read(At { node, path: self.at.path.key(name) }).map(Some)
    }

    /// Takes a member that must be there.
    pub(crate) fn require<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(At<'_, 'a>) -> Result<T, BadRequest>,
    ) -> Result<T, BadRequest> {
        self.take(name, read)?.ok_or_else(|| BadRequest::missing(&self.at.path.key(name), expected))
    }

    /// Takes a text.
    pub(crate) fn string(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        self.take(name, |at| at.string())
    }

    /// Takes a member that changes nothing about the answer, or was read elsewhere.
    pub(crate) fn ignore(&mut self, name: &str) {
        if let Some(index) = self.at.node.entries().iter().rposition(|(key, _)| key == name) {
            self.taken[index] = true;
        }
    }

    /// The member without taking it.
    pub(crate) fn peek(&self, name: &str) -> Option<&Node<'a>> {
        self.at.node.get(name)
    }

    /// Notes a wish to have the answer kept as lost, and takes it: only a provider of the dialect itself keeps answers.
    pub(crate) fn lose_store(&mut self, loss: &mut Loss) {
        if self.peek("store").and_then(Node::bool) == Some(true) {
            self.lose("store", "answers are kept by providers of this dialect alone", loss);
        }
        self.ignore("store");
    }

    /// Takes what is said about the prompt cache. Explicit breakpoints stand in parts of messages, which are not
    /// carried: to ask for those alone would be to ask for no cache at all.
    pub(crate) fn cache_hints(&mut self, loss: &mut Loss) -> Result<CacheHints, BadRequest> {
        const OPTIONS: &str = "prompt_cache_options";
        let is_explicit = self.peek(OPTIONS).and_then(|options| options.str_of("mode")) == Some("explicit");
        if is_explicit {
            self.lose(OPTIONS, "the breakpoints that it speaks of are not carried", loss);
        }
        Ok(CacheHints {
            prompt_cache_key: self.string("prompt_cache_key")?,
            prompt_cache_retention: self.string("prompt_cache_retention")?,
            prompt_cache_options: self.take(OPTIONS, |at| at.json_object())?.filter(|_| !is_explicit),
        })
    }

    /// Notes a member as lost, if it is there, and takes it.
    pub(crate) fn lose(&mut self, name: &str, reason: &'static str, loss: &mut Loss) {
        if self.peek(name).is_some() {
            loss.note(self.at.path.key(name).to_string(), reason);
        }
        self.ignore(name);
    }

    /// Takes members that change nothing about the answer, or were read elsewhere.
    pub(crate) fn ignore_each(&mut self, names: &[&str]) {
        for name in names {
            self.ignore(name);
        }
    }

    /// Takes whatever is left: the whole object is lost, which is said once.
    pub(crate) fn ignore_all(&mut self) {
        self.taken.fill(true);
    }

    fn leave(&self, loss: &mut Loss) {
        let entries = self.at.node.entries();
        for ((name, node), _) in entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            if !matches!(node.value, Value::Null) {
                loss.note(self.at.path.key(name).to_string(), "has no counterpart in another dialect");
            }
        }
    }
}
