//! Streams of records: frames of the boundary's socket, lines, JSON. What must hold stands in `ingest/src/fuzzing.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzzing::frames(bytes));
