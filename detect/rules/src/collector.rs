//! Detectors of the collectors themselves.

pub mod silent;
