//! Detectors of what agents run.

pub mod risky;
pub mod words;
