//! What every detector is made of: the event as detectors see it, the engine that shows it to them, bounded states, episodes.
//!
//! Everything here and in `detect-rules` is pure: no clock, no files, no network, no randomness, no async, so the same events
//! give the same findings. What runs detectors over a ledger is `detect-runner`.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod alert_budget;
pub mod aspects;
pub mod clock;
pub mod cost;
pub mod detector;
pub mod detector_state;
pub mod egress;
pub mod engine;
pub mod episode;
pub mod event;
pub mod event_columns;
mod event_order;
pub mod failure;
pub mod findings;
pub mod fixed_list;
mod index;
pub mod key;
pub mod limits;
mod name_order;
pub mod named;
pub mod openers;
pub mod pack;
pub mod parameters;
pub mod person;
pub mod recent;
pub mod rule;
pub mod sample;
pub mod scope;
pub mod second;
pub mod shared;
pub mod spec;
pub mod surroundings;
pub mod table;
pub mod text;
pub mod timers;
pub mod witness;

#[cfg(test)]
mod fixtures;
