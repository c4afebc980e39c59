//! Detectors of what leaves.

pub mod denied_post;
