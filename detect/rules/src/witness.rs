//! Rules about who tells of a session: witnesses that contradict each other, and those that are missing.

pub mod disagreement;
pub mod missing;
