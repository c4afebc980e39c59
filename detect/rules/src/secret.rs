//! Detectors of secrets on their way.

pub mod egress;
