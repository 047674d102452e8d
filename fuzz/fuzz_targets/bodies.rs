//! libFuzzer's door to `garage_fuzz::bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::bodies::check(data));
