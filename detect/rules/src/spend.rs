//! Detectors of money: unusual rates, budgets, models without a price. What is pure arithmetic is in `anomaly`, `calibration`
//! and `budget::forecast`; no detector here stops anything.

pub mod anomaly;
pub mod budget;
mod calibration;
pub mod rate;
pub mod unpriced_model;
