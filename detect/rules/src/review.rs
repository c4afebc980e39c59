//! Rules about reviews of changes.

pub mod bypass;
