//! Detectors of what leaves.

pub mod beacon;
mod candidates;
mod class;
pub mod denied_burst;
pub mod denied_post;
pub mod new_domain;
mod popular;
mod reach;
mod request;
mod secret;
pub mod slow_post;
pub mod typosquat;
