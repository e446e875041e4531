#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nixa_fuzz::registration(data));
