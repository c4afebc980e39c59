//! Detectors of what agents do with files.

pub mod paths;
pub mod secrets;
mod sweep;
pub mod unusual;
mod workspace;
