//! How long to wait for each step of an upstream call.
//!
//! The figures only: the gateway runs the timers of streams, since it knows what counts as content.

use std::time::Duration;

use domain::Timeouts;

/// Waits of one call, all known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// TCP and TLS.
    pub connect: Duration,
    /// From the request to the response head of a stream.
    pub response_header: Duration,
    /// From the request to the response head of an answer that is not streamed: most providers send it at the end.
    pub response: Duration,
    /// From the request to the first content event of a stream.
    pub first_token: Duration,
    /// Between two chunks.
    pub inter_chunk: Duration,
    /// The whole request.
    pub total: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            response_header: Duration::from_secs(30),
            response: Duration::from_mins(10),
            first_token: Duration::from_mins(1),
            inter_chunk: Duration::from_mins(1),
            total: Duration::from_mins(15),
        }
    }
}

impl Waits {
    /// A provider's own waits, and the defaults for those it does not set.
    pub fn resolve(own: &Timeouts) -> Self {
        let or = |millis: Option<u64>, default| millis.map_or(default, Duration::from_millis);
        let defaults = Self::default();
        Self {
            connect: or(own.connect_ms, defaults.connect),
            response_header: or(own.response_header_ms, defaults.response_header),
            response: defaults.response,
            first_token: or(own.first_token_ms, defaults.first_token),
            inter_chunk: or(own.inter_chunk_ms, defaults.inter_chunk),
            total: or(own.total_ms, defaults.total),
        }
    }

    /// The same waits with less time for the whole, as when an earlier attempt has used some.
    #[must_use]
    pub fn within(mut self, remaining: Duration) -> Self {
        self.total = self.total.min(remaining);
        self
    }

    /// How long the response head may take.
    pub fn until_head(&self, stream: bool) -> Duration {
        let step = if stream { self.response_header } else { self.response };
        step.min(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_waits_replace_defaults_one_by_one() {
        let waits = Waits::resolve(&Timeouts { first_token_ms: Some(5), ..Timeouts::default() });
        assert_eq!(waits, Waits { first_token: Duration::from_millis(5), ..Waits::default() });
    }

    #[test]
    fn no_step_outlasts_the_whole() {
        let waits = Waits::default().within(Duration::from_secs(2));
        assert_eq!((waits.until_head(true), waits.until_head(false)), (waits.total, waits.total));
    }
}
