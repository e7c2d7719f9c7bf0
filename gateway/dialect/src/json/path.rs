//! Where in a document a value stands: `messages[2].content`. Built on the stack, written only for an error.

use std::fmt;

/// A step and the way to it.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The document itself.
    Root,
    /// A member of an object.
    Key(&'a Path<'a>, &'a str),
    /// An element of an array.
    Index(&'a Path<'a>, usize),
}

/// Keys are the caller's text; an error message shows this much of one.
const SHOWN_KEY: usize = 64;

impl<'a> Path<'a> {
    /// The path of a top-level member.
    pub(crate) const fn top(key: &'a str) -> Self {
        Self::Key(&Path::Root, key)
    }

    /// The path of a member of the value at this path.
    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    /// The path of an element of the value at this path.
    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => {
                let shown = &key[..key.floor_char_boundary(SHOWN_KEY)];
                let dot = if matches!(parent, Self::Root) { "" } else { "." };
                write!(f, "{parent}{dot}{shown}")
            }
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_reads_like_code() {
        let messages = Path::top("messages");
        let third = messages.index(2);
        assert_eq!(third.key("content").to_string(), "messages[2].content");
    }
}
