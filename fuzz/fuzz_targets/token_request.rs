#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nixa_fuzz::token_request(data));
