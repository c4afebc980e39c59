//! Detectors of what leaves, and whose it is.

pub mod denied_post;
mod scope;
