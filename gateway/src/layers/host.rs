//! Which server a request means: said once, and the same wherever it is said.
//!
//! Nothing here is served by name, but whatever stands in front may route by it: of two names it can take the other one.
//! `io::framing` sees to it that two readers cut requests alike, this that they take them for the same server's.

use http::header::HOST;
use http::uri::Authority;
use http::{Request, Version};

use crate::error::Failure;

const NO_HOST: &str = "is no host: send a name or an address, and a port of 0 to 65535 if need be";

/// Refuses HTTP/1.1 without a `Host`, any request with two or one that is no name, and targets that name another server.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Failure> {
    let target = request.uri().authority();
    if target.is_some_and(|target| !is_server(target)) {
        return refuse(NO_HOST);
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        // HTTP/2 says it in the target, and HTTP/1.0 had no word for it.
        return if request.version() == Version::HTTP_11 { refuse("is missing: HTTP/1.1 requires it") } else { Ok(()) };
    };
    if hosts.next().is_some() {
        return refuse("was sent more than once");
    }
    // An empty one is what HTTP asks of those whose target has no server.
    if host.is_empty() && target.is_none() {
        return Ok(());
    }
    let Some(host) = Authority::try_from(host.as_bytes()).ok().filter(is_server) else {
        return refuse(NO_HOST);
    };
    if target.is_some_and(|target| *target != host) {
        return refuse("names another server than the request's target");
    }
    Ok(())
}

/// A name or an address without a user, and with a port that is one, if any: the library looks at no digit of it.
fn is_server(authority: &Authority) -> bool {
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    match port.strip_prefix(':') {
        None => port.is_empty(),
        Some("") => true,
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

fn refuse(problem: &str) -> Result<(), Failure> {
    let failure = Failure::bad_header("Host", problem);
    metrics::counter!("signalbox_requests_refused_total", "code" => "bad_host").increment(1);
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_that(version: Version, target: &str, hosts: &[&str], passes: bool) {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let checked = check(&request.body(()).unwrap());
        assert_eq!(checked.is_ok(), passes, "{version:?} {target} {hosts:?}");
    }

    #[test]
    fn a_server_named_once_passes() {
        for hosts in
            [["gateway"], ["gateway:8080"], ["127.0.0.1:1"], ["[::1]:8080"], ["[::1]"], ["h:65535"], ["h:"], [""]]
        {
            check_that(Version::HTTP_11, "/v1/models", &hosts, true);
        }
        check_that(Version::HTTP_11, "http://Gateway:80/v1/models", &["gateway:80"], true);
        check_that(Version::HTTP_2, "http://gateway/v1/models", &["gateway"], true);
    }

    #[test]
    fn whoever_says_it_elsewhere_or_cannot_say_it_passes() {
        check_that(Version::HTTP_2, "http://gateway/v1/models", &[], true);
        check_that(Version::HTTP_10, "/v1/models", &[], true);
    }

    #[test]
    fn a_server_that_is_not_named_or_twice_is_refused() {
        check_that(Version::HTTP_11, "/v1/models", &[], false);
        check_that(Version::HTTP_11, "http://gateway/v1/models", &[], false);
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            check_that(version, "/v1/models", &["gateway", "gateway"], false);
        }
    }

    #[test]
    fn names_that_are_none_and_other_servers_are_refused() {
        for host in ["a b", "a/b", "user@gateway", "a, b", "h:abc", "h:65536", "h:+1", "h:1:2", "[::1]:x"] {
            check_that(Version::HTTP_11, "/v1/models", &[host], false);
        }
        for host in ["other", "gateway:81", ""] {
            check_that(Version::HTTP_11, "http://gateway:80/v1/models", &[host], false);
        }
        check_that(Version::HTTP_2, "http://gateway/v1/models", &["other"], false);
        for target in ["http://gateway:abc/v1/models", "http://user@gateway/v1/models"] {
            check_that(Version::HTTP_2, target, &[], false);
        }
    }
}
