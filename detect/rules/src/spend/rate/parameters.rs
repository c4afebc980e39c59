//! The parameters of `spend.rate`.

use detect_core::parameters;

parameters! {
    /// `[detect.rules."spend.rate"]`.
    pub struct Parameters {
        /// The budget of false alarms: so many alerts on a thousand agent-days of ordinary work.
        false_alarms: u32 = 1, in 1..=10_000;
        /// An agent's hour that costs less than so many percent of an ordinary hour of its team's agents is never a finding.
        floor_percent: u32 = 2, in 0..=10_000;
        /// Days and hours begin this many minutes before those of UTC.
        utc_offset_minutes: i16 = 0, in -840..=840;
        /// An episode is resolved after this many seconds without a finding.
        quiet_seconds: u32 = 3_600, in 300..=604_800;
    }
}
