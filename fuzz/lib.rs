//! What the fuzz target `ledger` and its corpus share with the property test of the ledger. What holds of records is `ingest::fuzzing`.

#[path = "../ledger/tests/hostile/sample.rs"]
pub mod sample;
