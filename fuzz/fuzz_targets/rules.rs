//! Reads whatever bytes come as rules, checks them and decides by them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    domain::fuzz::rules(bytes);
    policy::fuzz::rules(bytes);
});
