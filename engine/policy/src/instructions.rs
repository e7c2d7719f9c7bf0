//! Routing instructions: wishes for one request, in English, that guide the choice among its candidates.
//!
//! Plain word matching into a closed set of intents; no model is asked. An intent moves the axis, orders equals or
//! removes candidates; none ever adds one. `grammar` reads, `words` knows the vocabulary, `names` the candidates,
//! `wishes` acts.

mod grammar;
mod names;
mod wishes;
mod words;

use std::fmt;

use domain::CapabilityTag;

pub(crate) use names::{Names, Target};
pub(crate) use wishes::Guidance;

/// What a text can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Cheaper,
    Faster,
    MoreCapable,
    Capability(CapabilityTag),
    /// A part of the world, by its usual abbreviation.
    Region(&'static str),
    Prefer(Target),
    Only(Target),
    Avoid(Target),
}

/// What an intent can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The prompt is complex: complexity from 0.6.
    Complex,
    /// The prompt is simple: complexity below 0.4.
    Simple,
    /// The prompt asks for this kind of work: probability from 0.5.
    Tag(CapabilityTag),
    /// Something that no prompt can be asked about.
    Unclear,
}

/// When an intent applies: if the need is there, or unless it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) need: Need,
    pub(crate) holds: bool,
}

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) intent: Intent,
    pub(crate) guard: Option<Guard>,
}

/// Reads a text. Wishes come in its order, none twice.
pub(crate) fn read(text: &str, names: &Names) -> Vec<Wish> {
    grammar::read(&words::tokens(text), names)
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cheaper => f.write_str("cheaper"),
            Self::Faster => f.write_str("faster"),
            Self::MoreCapable => f.write_str("more capable"),
            Self::Capability(tag) => write!(f, "capability {tag}"),
            Self::Region(name) => write!(f, "region {name}"),
            Self::Prefer(target) => write!(f, "prefer {target}"),
            Self::Only(target) => write!(f, "only {target}"),
            Self::Avoid(target) => write!(f, "avoid {target}"),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.holds { "if " } else { "unless " })?;
        match self.need {
            Need::Complex => f.write_str("complex"),
            Need::Simple => f.write_str("simple"),
            Need::Tag(tag) => write!(f, "{tag}"),
            Need::Unclear => f.write_str("something that is not understood"),
        }
    }
}
