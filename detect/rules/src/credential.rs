//! Rules about keys and tokens.

pub mod long_lived;
