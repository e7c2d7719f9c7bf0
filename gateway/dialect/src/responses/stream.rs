//! Events of the dialect to and from the canonical form.

mod decoder;
mod encoder;
mod items;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;

#[cfg(test)]
mod tests;
