//! libFuzzer's door to `garage_fuzz::cursors`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::cursors::check(data));
