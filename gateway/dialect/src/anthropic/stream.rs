//! Events of the dialect to and from the canonical form.

mod decoder;
mod encoder;
mod order;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(super) use encoder::write_end;
