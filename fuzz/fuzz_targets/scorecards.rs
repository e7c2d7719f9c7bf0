//! Reads whatever bytes come as scorecards of every format: read or refused, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    scorecards::fuzz::csv(bytes);
    scorecards::fuzz::any(bytes);
});
