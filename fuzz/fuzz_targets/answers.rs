//! libFuzzer's door to `garage_fuzz::answers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::answers::check(data));
