//! Reads whatever bytes come as a configuration file of either format.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    config::fuzz(bytes);
});
