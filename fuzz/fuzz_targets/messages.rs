//! libFuzzer's door to `garage_fuzz::messages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::messages::check(data));
