//! Round trips of every message that has a domain type.
