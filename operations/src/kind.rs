//! The kinds of `operations` entries, with their records.

pub mod alert;
pub mod alert_notice;
pub mod alert_step;
pub mod budget_report;
pub mod budget_request;
pub mod delivery;
pub mod export;
pub mod window;
