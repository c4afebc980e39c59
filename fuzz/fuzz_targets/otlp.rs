//! The body of an export request of OpenTelemetry, and the records of its elements. What must hold stands in `ingest/src/fuzzing.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ingest::fuzzing::otlp(bytes));
