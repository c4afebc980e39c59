//! Rules about leaving the sandbox, as sensors outside of it see it.

pub mod escape;
