//! A record of the dialect that the first byte chooses. What must hold stands in `ingest/src/fuzzing.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzzing::dialect(bytes));
