//! One silence or maintenance window: which alerts it hides, and when.

use serde::{Deserialize, Serialize};

use super::matcher::{Matcher, all_match};
use crate::alert::Alert;
use crate::filter::Filter;
use ledger::Timestamp;

/// Hides alerts for which all matchers and the filter hold, from a start to an end; a maintenance window does so again and again.
///
/// Repeated windows are that far apart in UTC: they know no summer time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What is hidden.
    pub matchers: Vec<Matcher>,
    /// A filter that must hold beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Why.
    pub reason: String,
    /// From when on.
    pub starts: Timestamp,
    /// Until when, itself excluded.
    pub ends: Timestamp,
    /// Seconds from one start to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// When the repetition ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Silence {
    /// Whether it is about this alert, at whatever time.
    pub fn covers(&self, alert: &Alert) -> bool {
        // No term is about the time: whoever records a silence sees to that.
        let holds = |filter: &Filter| filter.matches(alert, Timestamp::EPOCH);
        match &self.filter {
            Some(filter) if self.matchers.is_empty() => holds(filter),
            filter => all_match(&self.matchers, alert) && filter.as_ref().is_none_or(holds),
        }
    }

    /// When the window that `now` lies in ends.
    pub fn active_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.window(now).filter(|end| now < *end)
    }

    /// When the latest window before `now` ended.
    pub fn ended_before(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.window(now)?;
        if end <= now {
            return Some(end);
        }
        self.window(now.unix_micros().checked_sub(self.period()?).map(Timestamp::from_unix_micros)?)
            .filter(|end| *end <= now)
    }

    /// When it hides nothing any more for good.
    pub fn last_end(&self) -> Timestamp {
        if self.period().is_some() { self.until.unwrap_or(self.ends) } else { self.ends }
    }

    /// The end of the latest window that began at or before `now`.
    fn window(&self, now: Timestamp) -> Option<Timestamp> {
        let [starts, ends, last_end] = [self.starts, self.ends, self.last_end()].map(Timestamp::unix_micros);
        let length = ends.checked_sub(starts).filter(|length| *length > 0)?;
        let Some(period) = self.period() else {
            return (now >= self.starts).then_some(self.ends);
        };
        // Past the end of the repetition the last window is the latest one.
        let now = now.unix_micros().min(last_end.saturating_sub(1));
        let offset = now.checked_sub(starts).filter(|offset| *offset >= 0)?;
        let start = starts.checked_add(offset - offset % period)?;
        Some(Timestamp::from_unix_micros(start.saturating_add(length).min(last_end)))
    }

    /// Microseconds from one start to the next. A window that is longer than that is always open.
    fn period(&self) -> Option<i64> {
        let seconds = i64::try_from(self.every_seconds?).ok().filter(|seconds| *seconds > 0)?;
        seconds.checked_mul(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000_000;
    const DAY: i64 = 24 * HOUR;

    fn moment(micros: i64) -> Timestamp {
        Timestamp::from_unix_micros(micros)
    }

    fn silence(starts: i64, ends: i64, every_seconds: Option<u64>, until: Option<i64>) -> Silence {
        let (starts, ends, until) = (moment(starts), moment(ends), until.map(moment));
        Silence { matchers: Vec::new(), filter: None, reason: String::new(), starts, ends, every_seconds, until }
    }

    #[test]
    fn a_silence_is_open_from_its_start_to_its_end() {
        let once = silence(100, 200, None, None);
        let check = |now, active: Option<i64>, ended: Option<i64>| {
            let found = (once.active_until(moment(now)), once.ended_before(moment(now)));
            assert_eq!(found, (active.map(moment), ended.map(moment)), "{now}");
        };
        check(99, None, None);
        check(100, Some(200), None);
        check(199, Some(200), None);
        check(200, None, Some(200));
    }

    #[test]
    fn a_window_comes_back_until_its_last_day() {
        let nightly = silence(2 * HOUR, 4 * HOUR, Some(24 * 3_600), Some(3 * DAY + 3 * HOUR));
        let check = |now, active: Option<i64>, ended: Option<i64>| {
            let found = (nightly.active_until(moment(now)), nightly.ended_before(moment(now)));
            assert_eq!(found, (active.map(moment), ended.map(moment)), "{}", now / HOUR);
        };
        check(HOUR, None, None);
        check(3 * HOUR, Some(4 * HOUR), None);
        check(5 * HOUR, None, Some(4 * HOUR));
        check(DAY + 3 * HOUR, Some(DAY + 4 * HOUR), Some(4 * HOUR));
        // The last one is cut short.
        check(3 * DAY + 2 * HOUR, Some(3 * DAY + 3 * HOUR), Some(2 * DAY + 4 * HOUR));
        check(9 * DAY, None, Some(3 * DAY + 3 * HOUR));
    }

    proptest! {
        #[test]
        fn any_times_give_an_answer(starts: i64, ends: i64, every: Option<u64>, until: Option<i64>, now: i64) {
            let (silence, now, starts) = (silence(starts, ends, every, until), moment(now), moment(starts));
            if let Some(end) = silence.active_until(now) {
                prop_assert!(now >= starts && now < end && end <= silence.last_end());
            }
            prop_assert!(silence.ended_before(now).is_none_or(|end| end <= now));
        }
    }
}
