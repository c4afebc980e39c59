//! Detectors of agents that go in circles, and what counts as a step of an agent.

mod evidence;
mod failing;
pub mod fleet;
pub mod no_progress;
mod progress;
pub mod repeat;
pub mod retry_storm;
mod step;
