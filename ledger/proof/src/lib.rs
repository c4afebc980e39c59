//! The pure verifier of a Tachograph ledger: what is hashed, how it is hashed and how it is signed.
//!
//! Nothing here reads a file, opens a socket or looks at a clock, and the only dependencies are `sha2` and
//! `ed25519-dalek`: an auditor reads the package in an hour. The byte layouts of leaf data, headers, inputs and notes are told field by
//! field in `ledger/FORMAT.md`; this package is their only implementation. The parts of events are not here: writer and verifier have
//! a codec each, so that a mistake in one cannot pass the other.

// A test that meets what it does not expect should stop there and say so.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod base64;
pub mod digest;
pub mod header;
pub mod inputs;
pub mod leaf;
pub mod note;
pub mod tree;

pub use digest::Digest;
pub use header::Header;
