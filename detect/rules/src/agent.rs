//! Detectors of agents that do nothing any more.

pub mod stuck;
