//! Events of the dialect to and from the canonical form. Every event is an answer of its own, with the next piece of
//! each candidate; none marks the end, which is reached when every candidate has told why it ended.

mod calls;
mod decoder;
mod encoder;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;

#[cfg(test)]
mod tests;
