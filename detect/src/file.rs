//! Detectors of what agents do with files.

pub mod paths;
pub mod unusual;
