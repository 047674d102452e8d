//! libFuzzer's door to `garage_fuzz::settings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::settings::check(data));
