//! Why the shared store is not there, in words for a log.
//!
//! Never in the words of the library, which may name the address, nor of the server: some repeat the command that they
//! refuse, and that may be the one with the password. The operating system's words name neither.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why there is no connection, or none any more.
pub(crate) enum Fault {
    Redis(RedisError),
    /// The handshake failed.
    Tls(io::Error),
}

impl From<RedisError> for Fault {
    fn from(fault: RedisError) -> Self {
        Self::Redis(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(fault) => write_redis(fault, f),
            Self::Tls(fault) => write!(f, "no TLS with it: {fault}"),
        }
    }
}

/// The library's own form tells everything that the server said.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn write_redis(fault: &RedisError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(cause) = of_the_system(fault) {
        return match cause.kind() {
            io::ErrorKind::TimedOut => f.write_str("it gave no answer in time"),
            _ => write!(f, "no connection: {cause}"),
        };
    }
    if let Some(words) = of_the_server(fault) {
        return f.write_str(words);
    }
    match fault.code().filter(|code| is_code(code)) {
        Some(code) => write!(f, "it answered with the error {code}"),
        None => f.write_str(fault.category()),
    }
}

/// What the operating system said, which the library shares among its copies of a fault.
fn of_the_system(fault: &RedisError) -> Option<&io::Error> {
    let source = fault.source()?;
    let shared = source.downcast_ref::<Arc<dyn Error + Send + Sync>>().map(|shared| &**shared);
    shared.map_or_else(|| source.downcast_ref(), |shared| shared.downcast_ref())
}

/// What a server means that answers, but does not do what is asked.
fn of_the_server(fault: &RedisError) -> Option<&'static str> {
    Some(match (fault.kind(), fault.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => "it refuses the user or the password",
        (_, Some("NOAUTH")) => "it wants a password, and the address has none",
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => "its user may not run what is needed: scripts and all keys",
        (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => "it is still loading its data",
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => "it is a replica that takes no writes",
        (ErrorKind::Server(ServerErrorKind::NoScript), _) => "it has forgotten the scripts: it was started anew",
        (_, Some("MISCONF")) => "it takes no writes as long as it cannot save them",
        (_, Some("OOM")) => "its memory is full",
        _ => return None,
    })
}

/// Whether it is the word that stands before an error of the server, and no more.
fn is_code(code: &str) -> bool {
    code.len() <= 24 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shared::dial::Address;
    use crate::shared::tests::server::RedisServer;
    use crate::shared::tests::trusting;

    const PASSWORD: &str = "canary-of-a-password";

    /// What is said of an address to which there is no connection.
    fn said(url: &str) -> String {
        let address = Address::parse(url, &trusting(None)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fault = runtime.block_on(async {
            let mut connection = address.connect(Duration::from_secs(5)).await?;
            redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut connection).await?;
            Ok::<(), Fault>(())
        });
        let fault = fault.expect_err("no connection");
        let (shown, debugged) = (fault.to_string(), format!("{fault:?}"));
        assert!(!shown.contains(PASSWORD) && !debugged.contains(PASSWORD), "{shown} {debugged}");
        shown
    }

    /// A server that answers every command with an error.
    fn refusing(error: &'static str) -> String {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, mut piece) = (listener.accept().unwrap().0, [0; 4096]);
            while let Ok(length @ 1..) = stream.read(&mut piece) {
                // A command of RESP begins with the count of its parts.
                let commands = piece[..length].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"*"));
                if stream.write_all(error.repeat(commands.count()).as_bytes()).is_err() {
                    return;
                }
            }
        });
        format!("redis://127.0.0.1:{port}")
    }

    #[test]
    fn a_server_that_is_not_there_is_told_by_the_systems_words() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let refused = said(&format!("redis://user:{PASSWORD}@127.0.0.1:{free}"));
        assert!(refused.starts_with("no connection: ") && refused.contains("refused"), "{refused}");
        let absent = said(&format!("redis+unix:///absent/redis.sock?pass={PASSWORD}"));
        assert!(absent.starts_with("no connection: ") && absent.contains("No such file"), "{absent}");
        assert_eq!(
            Fault::from(RedisError::from(io::Error::from(io::ErrorKind::TimedOut))).to_string(),
            "it gave no answer in time"
        );
    }

    #[test]
    fn what_a_server_repeats_of_a_command_is_not_told() {
        let echoing = "-ERR unknown command `AUTH`, with args beginning with: `canary-of-a-password`\r\n";
        assert_eq!(said(&refusing(echoing)), "it answered with the error ERR");
        assert_eq!(said(&refusing("-canary-of-a-password\r\n")), "extension error");
        assert_eq!(
            said(&refusing("-NOPERM canary-of-a-password\r\n")),
            "its user may not run what is needed: scripts and all keys"
        );
    }

    #[test]
    fn a_server_that_wants_another_password_is_told_as_that() {
        let Some(server) = RedisServer::start_secured() else { return };
        assert_eq!(said(&format!("{}?pass={PASSWORD}", server.url())), "it refuses the user or the password");
        assert_eq!(said(&server.url()), "it wants a password, and the address has none");
    }
}
