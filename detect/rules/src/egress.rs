//! Detectors of what leaves.

pub mod beacon;
mod candidates;
pub mod class;
pub mod denied_burst;
pub mod denied_post;
pub mod new_domain;
pub mod popular;
pub mod reach;
pub mod request;
pub mod secret;
pub mod slow_post;
pub mod typosquat;
