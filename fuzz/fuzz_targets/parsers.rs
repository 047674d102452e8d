//! libFuzzer's door to `garage_fuzz::parsers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| garage_fuzz::parsers::check(data));
