//! The write-ahead log: the frames, the files, the scan that tells a torn tail from corruption.
//!
//! A WAL file holds whole batches. A commit is the frames up to and including a COMMIT frame:
//! `[INPUT* CLOSE] [OPEN] EVENT* INPUT* COMMIT`; it is valid as a whole or not at all.

pub mod file;
pub mod frame;
pub mod scan;
