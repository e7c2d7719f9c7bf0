//! Laws of the dialect.
