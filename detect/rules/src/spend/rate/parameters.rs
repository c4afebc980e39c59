//! The parameters of `spend.rate`.

use serde::{Deserialize, Serialize};

/// `[detect.rules."spend.rate"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// The budget of false alarms: so many alerts on a thousand agent-days of ordinary work: 1 to 10,000.
    pub false_alarms: u32,
    /// Five minutes that cost less than so many dollars are never a finding: 0 to 1,000,000.
    pub min_usd: u32,
    /// The mean of about half a day of work may be so many percent of that of two weeks: 110 to 100,000.
    pub creep_percent: u32,
    /// Hours of the week begin this many minutes before those of UTC: -840 to 840.
    pub utc_offset_minutes: i16,
    /// An episode is resolved after this many seconds without a finding: 300 to 604,800.
    pub quiet_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            enabled: true,
            false_alarms: 20,
            min_usd: 5,
            creep_percent: 200,
            utc_offset_minutes: 0,
            quiet_seconds: 3_600,
        }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("false_alarms", i64::from(self.false_alarms), 1, 10_000),
            ("min_usd", i64::from(self.min_usd), 0, 1_000_000),
            ("creep_percent", i64::from(self.creep_percent), 110, 100_000),
            ("utc_offset_minutes", i64::from(self.utc_offset_minutes), -840, 840),
            ("quiet_seconds", i64::from(self.quiet_seconds), 300, 604_800),
        ];
        match ranges.into_iter().find(|(_, value, low, high)| !(low..=high).contains(&value)) {
            Some((name, value, low, high)) => Err(format!("{name} is {value}; it must be {low} to {high}")),
            None => Ok(()),
        }
    }

    /// What five minutes must cost to be a finding, in micro-USD.
    pub fn min_micros(&self) -> u64 {
        u64::from(self.min_usd) * 1_000_000
    }
}
