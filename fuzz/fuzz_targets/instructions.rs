//! Reads whatever bytes come as routing instructions.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    policy::fuzz::instructions(bytes);
});
