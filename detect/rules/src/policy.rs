//! Detectors of what policies allow and of who weakens them.

pub mod weak;
