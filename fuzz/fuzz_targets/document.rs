#![no_main]

#[expect(dead_code, reason = "a target has one entry")]
#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::document(data));
