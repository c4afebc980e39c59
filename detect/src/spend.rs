//! Detectors of money: unusual rates, budgets, models without a price.

pub mod anomaly;
pub mod budget;
mod cost;
pub mod unpriced_model;
