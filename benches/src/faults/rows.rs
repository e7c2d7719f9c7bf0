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
    row(17, Fault::BareMarkerMid, Streams, Backed, Broken),
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

/// How many rows the matrix has.
pub const COUNT: u8 = 55;

/// Rows in which it is a caller who fails, or an operator who changes something.
pub const OF_OTHERS: &[u8] = &[26, 27, 34, 35, 36, 41, 42, 43, 44, 45, 46, 47, 48];

/// Rows that no peer of this program can cause, or that are shown better elsewhere: where.
pub const ELSEWHERE: &[(&[u8], &str)] = &[
    (&[2, 3], "providers: tests/it/connect.rs (a_lookup_without_an_answer_is_given_up), tests/it/tls.rs"),
    (&[10], "nothing: a peer that vanishes needs a network that drops packets; row 8 shows one that is silent"),
    (&[25], "dialect: tests/it/splits.rs, tests/it/calls.rs and the golden files with tools"),
    (&[29, 30], "gateway: tests/it/engine.rs"),
    (
        &[31, 32, 39, 40],
        "ledger: tests/kill.rs, src/tests/recovery.rs; signalbox: tests/it/crash.rs; here: `faults kills`",
    ),
    (
        &[33],
        "gateway: src/clock.rs (ids_increase_when_the_clock_goes_back); deadlines and limits know no other clock than the monotonic one",
    ),
    (&[37], "gateway: tests/it/key_limits.rs (gateways_share_limits_and_go_on_without_the_store)"),
    (&[38], "gateway: tests/it/cancel.rs (stopping_…, streams_that_outlast_the_drain_…); here: `faults restarts`"),
    (&[49], "providers: tests/it/guard.rs, src/address.rs"),
    (&[50], "signalbox: src/logs.rs (nobody_can_forge_a_line_or_drive_a_terminal), src/output.rs"),
    (
        &[51, 53, 54],
        "engine: tests/it (secrets_go_in_and_never_come_out); registry: data_of_another_organisation_…; gateway: tests/it/bodies.rs",
    ),
    (&[52], "nothing: gateway: src/layers/auth.rs looks keys up by their hashes and compares them in constant time"),
    (&[55], "gateway: tests/it/idempotency.rs"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_in_one_place() {
        for number in 1..=COUNT {
            let is_played = ROWS.iter().any(|row| row.number == number);
            let elsewhere = ELSEWHERE.iter().filter(|(rows, _)| rows.contains(&number)).count();
            assert_eq!(usize::from(is_played || OF_OTHERS.contains(&number)) + elsewhere, 1, "row {number}");
        }
    }
}
