//! Reads whatever bytes come as scorecards with a blend, or as the document of `apply`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    policy::fuzz::blend(bytes);
    domain::fuzz::desired(bytes);
});
