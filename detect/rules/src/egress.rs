//! Rules about what leaves.

pub mod beacon;
mod candidates;
pub mod denied_burst;
pub mod denied_post;
pub mod new_domain;
pub mod new_recipient;
pub mod slow_post;
pub mod tunnel;
pub mod typosquat;
