//! Refuses heads of HTTP/2 that are too large, with a reason; those of HTTP/1 the library counts before they are whole.

use http::{Request, Version};

use crate::error::Failure;

/// Bytes of a header list as HTTP/2 counts them, decoded. What is larger by as much again never comes here.
pub(crate) const MOST_OF_HTTP2: u32 = 32 * 1024;
/// What HTTP/2 adds for each field.
const OF_EACH: usize = 32;

/// Refuses what is too large.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Failure> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    let target = request.uri();
    let path = target.path_and_query().map_or(0, |path| path.as_str().len());
    let authority = target.authority().map_or(0, |authority| authority.as_str().len());
    let fields = request.headers().iter();
    let fields: usize = fields.map(|(name, value)| name.as_str().len() + value.len() + OF_EACH).sum();
    if path + authority + fields > MOST_OF_HTTP2 as usize {
        return Err(Failure::HeadTooLarge);
    }
    Ok(())
}
