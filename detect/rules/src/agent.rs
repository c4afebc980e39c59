//! Detectors of agents that do nothing any more, or what nobody asked for.

pub mod stuck;
pub mod unasked;
