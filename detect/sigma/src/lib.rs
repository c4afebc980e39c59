//! Sigma rules as user rules: what a detection, a correlation or a filter asks of an event becomes a condition over our columns.
//!
//! Nothing is dropped and nothing is weakened in silence. What has no column, no function or no operator here is named with its
//! reason, and the rule that it belongs to is not imported, or only in part and switched off. Everything here is pure: texts come in,
//! texts go out; no file is opened, and no event is looked at.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod aggregation;
mod anchors;
mod collection;
mod correlation;
mod detection;
mod document;
mod encoding;
mod expression;
mod import;
mod item;
pub mod limits;
mod modifiers;
mod network;
mod pattern;
mod shape;
mod source;
mod words;

#[cfg(test)]
mod tests;

pub use import::{Imported, Input, Options, Outcome, Written, import};
