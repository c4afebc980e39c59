//! Detectors of agents that get around the people who decide.

pub mod bypass;
