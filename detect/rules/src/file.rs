//! Rules about what agents do with files.

mod sweep;
pub mod unusual;
mod workspace;
