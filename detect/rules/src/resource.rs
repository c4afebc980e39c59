//! Rules about what agents use of their machines.

pub mod excess;
