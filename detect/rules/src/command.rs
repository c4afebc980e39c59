//! Rules about commands.

pub mod risky;
