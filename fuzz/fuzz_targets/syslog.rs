//! The bytes of a syslog connection, in chunks of any size. What must hold stands in `ingest/src/fuzzing.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzzing::syslog(bytes));
