#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| dynamometer_fuzz::study(input));
