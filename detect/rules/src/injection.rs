//! Rules about texts that give agents instructions.

pub mod followed;
pub mod planted;
