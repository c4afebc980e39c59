//! The parameters of `spend.rate`.

use detect_core::parameters;
use operations::Money;

parameters! {
    /// `[detect.rules."spend.rate"]`.
    pub struct Parameters {
        /// The budget of false alarms: so many alerts on a thousand agent-days of ordinary work.
        false_alarms: u32 = 20, in 1..=10_000;
        /// Five minutes that cost less than so many dollars are never a finding.
        min_usd: u32 = 5, in 0..=1_000_000;
        /// The mean of about half a day of work may be so many percent of that of two weeks.
        creep_percent: u32 = 200, in 110..=100_000;
        /// Hours of the week begin this many minutes before those of UTC.
        utc_offset_minutes: i16 = 0, in -840..=840;
        /// An episode is resolved after this many seconds without a finding.
        quiet_seconds: u32 = 3_600, in 300..=604_800;
    }
}

impl Parameters {
    /// What five minutes must cost to be a finding.
    pub fn least(&self) -> Money {
        Money::from_dollars(self.min_usd)
    }
}
