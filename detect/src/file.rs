//! Detectors of what agents do with files.

pub mod paths;
mod sweep;
pub mod unusual;
mod workspace;
