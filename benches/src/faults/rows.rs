//! The rows of the fault matrix that a broken upstream can cause: what breaks, who else could answer, what is expected.

use crate::faults::judge::Expect;
use crate::faults::play::Fault;

/// In which ways a row is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// Streams and whole answers.
    Both,
    /// Streams only.
    Streams,
    /// Whole answers only.
    Whole,
}

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Only the upstream that breaks.
    Alone,
    /// A good one after it.
    Backed,
}

/// One line of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number.
    pub number: u8,
    /// What the upstream does.
    pub fault: Fault,
    /// In which ways it is tried.
    pub modes: Modes,
    /// Who may answer.
    pub chain: Chain,
    /// What should come of it.
    pub expect: Expect,
}

const fn row(number: u8, fault: Fault, modes: Modes, chain: Chain, expect: Expect) -> Row {
    Row { number, fault, modes, chain, expect }
}

use Chain::{Alone, Backed};
use Expect::{Answer, Broken, Error, FailOver};
use Modes::{Both, Streams, Whole};

/// All of them.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row(1, Fault::Unreachable, Both, Backed, FailOver),
    row(1, Fault::Unreachable, Both, Alone, Error(502)),
    row(4, Fault::ResetBeforeHead, Both, Backed, FailOver),
    row(4, Fault::ResetBeforeHead, Both, Alone, Error(502)),
    row(5, Fault::Stale, Both, Alone, Answer),
    row(6, Fault::ResetAfterHead, Streams, Backed, FailOver),
    row(6, Fault::ResetAfterHead, Streams, Alone, Error(502)),
    row(7, Fault::ResetMid, Streams, Backed, Broken),
    row(8, Fault::SlowHead, Streams, Backed, FailOver),
    row(8, Fault::SlowHead, Streams, Alone, Error(504)),
    row(9, Fault::StallBeforeContent, Streams, Backed, FailOver),
    row(9, Fault::StallMid, Streams, Backed, Broken),
    row(11, Fault::RateLimited, Both, Backed, FailOver),
    row(11, Fault::RateLimited, Both, Alone, Error(429)),
    row(11, Fault::RateLimitedDate, Both, Alone, Error(429)),
    row(11, Fault::RateLimitedAbsurd, Both, Alone, Error(429)),
    row(12, Fault::Status500, Both, Backed, FailOver),
    row(12, Fault::Status500, Both, Alone, Error(502)),
    row(12, Fault::Status502, Both, Backed, FailOver),
    row(12, Fault::Status503, Both, Backed, FailOver),
    row(12, Fault::Status504, Both, Backed, FailOver),
    row(12, Fault::Status504, Both, Alone, Error(504)),
    row(12, Fault::Status529, Both, Backed, FailOver),
    row(13, Fault::Status400, Both, Backed, Error(400)),
    row(13, Fault::Status422, Both, Backed, Error(422)),
    row(13, Fault::Status401, Both, Backed, FailOver),
    row(13, Fault::Status404, Both, Backed, FailOver),
    row(14, Fault::ErrorUnder200, Both, Backed, FailOver),
    row(14, Fault::ErrorUnder200, Both, Alone, Error(502)),
    row(15, Fault::ErrorEventFirst, Streams, Backed, FailOver),
    row(15, Fault::ErrorEventMid, Streams, Backed, Broken),
    row(16, Fault::MalformedFirst, Streams, Backed, FailOver),
    row(16, Fault::MalformedMid, Streams, Backed, Broken),
    row(17, Fault::EndBeforeContent, Streams, Backed, FailOver),
    row(17, Fault::EndMid, Streams, Backed, Broken),
    row(17, Fault::CloseMid, Streams, Backed, Broken),
    row(17, Fault::HalfEventMid, Streams, Backed, Broken),
    row(18, Fault::Truncated, Whole, Backed, FailOver),
    row(18, Fault::Truncated, Whole, Alone, Error(502)),
    row(18, Fault::NotJson, Whole, Backed, FailOver),
    row(19, Fault::NoUsage, Both, Alone, Answer),
    row(20, Fault::UsageTwice, Streams, Alone, Answer),
    row(21, Fault::NoType, Both, Alone, Answer),
    row(21, Fault::WebPage, Both, Backed, FailOver),
    row(22, Fault::HugeLineFirst, Streams, Backed, FailOver),
    row(22, Fault::HugeLineMid, Streams, Backed, Broken),
    row(23, Fault::Gzip, Whole, Alone, Answer),
    row(23, Fault::Bomb, Whole, Backed, FailOver),
    row(24, Fault::Split, Both, Alone, Answer),
    row(24, Fault::Drip, Both, Alone, Answer),
    row(28, Fault::CloseIdle, Both, Alone, Answer),
];

/// Rows that no broken peer of this program can cause, or that are shown better elsewhere: where.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("2, 3", "providers: resolve and tls tests; gateway: tls"),
    ("10", "providers: connect tests (keep-alive of pooled connections)"),
    ("25", "dialect: golden, splits"),
    ("29, 30", "gateway: engine"),
    ("31, 32, 39, 40", "ledger: spool and worker tests; here: `faults kills`"),
    ("34, 35, 38", "signalbox: up tests; here: `faults restarts`"),
    ("37", "gateway: limits, redis_server"),
    ("49, 51, 54", "providers: address tests; gateway: secrets, privacy, bodies"),
    ("50, 52, 53", "gateway: traces; seal: key hashes; engine: tenants"),
    ("55", "not there: `Idempotency-Key` of callers is not read"),
];

impl Modes {
    /// Whether streams, whole answers, or both are tried.
    pub fn each(self) -> &'static [bool] {
        match self {
            Self::Both => &[true, false],
            Self::Streams => &[true],
            Self::Whole => &[false],
        }
    }
}
