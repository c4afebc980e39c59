//! Detectors of money: unusual rates, budgets, models without a price. What is pure arithmetic is in `rate::past`,
//! `anomaly` and `budget::forecast`; no detector here stops anything.

pub mod anomaly;
pub mod budget;
pub mod rate;
pub mod unpriced_model;
