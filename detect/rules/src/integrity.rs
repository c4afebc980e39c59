//! Detectors of what is wrong with the record itself: gaps, contradictions, clocks. Their rules are named by what is affected.

pub mod bad_value;
pub mod conflict;
pub mod gap;
pub mod skew;
