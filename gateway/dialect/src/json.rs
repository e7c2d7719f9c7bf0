//! JSON without trees: a strict scanner, lazily decoded strings, typed reads with paths, and splicing.
//!
//! Knows nothing of any dialect.

mod node;
mod path;
mod plain;
mod scan;
mod splice;
mod text;

pub(crate) use node::{Node, Value};
pub(crate) use path::Path;
pub(crate) use scan::{Escapes, Kind, Scanner, Span, SyntaxFault, SyntaxKind, Text};
pub(crate) use splice::{Edit, Member, members_of, quoted, splice};
pub(crate) use text::{checked_utf8, decode_into, head, tail, utf8};
