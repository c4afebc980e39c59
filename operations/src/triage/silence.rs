//! One silence or maintenance window: which alerts it hides, and when.

use serde::{Deserialize, Serialize};

use super::matcher::{Matcher, all_match};
use crate::alert::Alert;

/// Hides alerts for which all matchers hold, from a start to an end; a maintenance window does so again and again.
///
/// Times are microseconds since 1970 UTC. Repeated windows are that far apart in UTC: they know no summer time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What is hidden.
    pub matchers: Vec<Matcher>,
    /// Why.
    pub reason: String,
    /// From when on.
    pub starts: i64,
    /// Until when, itself excluded.
    pub ends: i64,
    /// Seconds from one start to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// When the repetition ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl Silence {
    /// Whether it is about this alert, at whatever time.
    pub fn covers(&self, alert: &Alert) -> bool {
        all_match(&self.matchers, alert)
    }

    /// When the window that `now` lies in ends.
    pub fn active_until(&self, now: i64) -> Option<i64> {
        self.window(now).filter(|end| now < *end)
    }

    /// When the latest window before `now` ended.
    pub fn ended_before(&self, now: i64) -> Option<i64> {
        let end = self.window(now)?;
        if end <= now {
            return Some(end);
        }
        self.window(now.checked_sub(self.period()?)?).filter(|end| *end <= now)
    }

    /// When it hides nothing any more for good.
    pub fn last_end(&self) -> i64 {
        if self.period().is_some() { self.until.unwrap_or(self.ends) } else { self.ends }
    }

    /// The end of the latest window that began at or before `now`.
    fn window(&self, now: i64) -> Option<i64> {
        let length = self.ends.checked_sub(self.starts).filter(|length| *length > 0)?;
        let Some(period) = self.period() else {
            return (now >= self.starts).then_some(self.ends);
        };
        // Past the end of the repetition the last window is the latest one.
        let now = now.min(self.last_end().saturating_sub(1));
        let offset = now.checked_sub(self.starts).filter(|offset| *offset >= 0)?;
        let start = self.starts.checked_add(offset - offset % period)?;
        Some(start.saturating_add(length).min(self.last_end()))
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
    use crate::triage::DAY;
    use proptest::prelude::*;

    const HOUR: i64 = DAY / 24;

    fn silence(starts: i64, ends: i64, every_seconds: Option<u64>, until: Option<i64>) -> Silence {
        Silence { matchers: Vec::new(), reason: String::new(), starts, ends, every_seconds, until }
    }

    #[test]
    fn a_silence_is_open_from_its_start_to_its_end() {
        let once = silence(100, 200, None, None);
        let check = |now, active, ended| {
            assert_eq!((once.active_until(now), once.ended_before(now)), (active, ended), "{now}");
        };
        check(99, None, None);
        check(100, Some(200), None);
        check(199, Some(200), None);
        check(200, None, Some(200));
    }

    #[test]
    fn a_window_comes_back_until_its_last_day() {
        let nightly = silence(2 * HOUR, 4 * HOUR, Some(24 * 3_600), Some(3 * DAY + 3 * HOUR));
        let check = |now, active, ended| {
            assert_eq!((nightly.active_until(now), nightly.ended_before(now)), (active, ended), "{}", now / HOUR);
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
            let silence = silence(starts, ends, every, until);
            if let Some(end) = silence.active_until(now) {
                prop_assert!(now >= starts && now < end && end <= silence.last_end());
            }
            prop_assert!(silence.ended_before(now).is_none_or(|end| end <= now));
        }
    }
}
