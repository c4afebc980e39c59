//! Detectors of what is done to the detectors' own state.

pub mod alerts;
pub mod flood;
