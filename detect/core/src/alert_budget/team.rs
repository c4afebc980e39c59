//! What one team had in its last weeks: agent-days, and alerts above low by kind; and which kinds are ordinary there.
//!
//! Every kind is told up to the same number, and that number is the largest with which all that is told stays within the budget:
//! who has little keeps all of it, so what is lowered is what there was most of. A high one counts as a quarter of a medium one, so
//! that it has to be four times as ordinary.

use std::collections::BTreeMap;

use crate::alert_budget::PerAgentDay;
use crate::limits::{BUDGET_AGENT_DAYS_MIN, BUDGET_DAYS_MIN, BUDGET_KINDS_MAX, BUDGET_RARE, BUDGET_WEEKS};
use crate::packed;

/// Counts by week, the newest first.
type Weeks = [u32; BUDGET_WEEKS];

/// How much a high alert may be more ordinary than a medium one.
const HIGH_SHARE: u64 = 4;
/// Budgets are told in thousandths.
const ONE: u64 = 1_000;

/// The last weeks of one team.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// The first day on which an agent did something, and the newest.
    days: Option<(i64, i64)>,
    agent_days: Weeks,
    kinds: BTreeMap<u64, Counts>,
}
packed!(Team { days, agent_days, kinds });

/// Alerts that have the rule, what it found, and how bad it calls that in common.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// A hash of them.
    pub hash: u64,
    /// Whether that is high.
    pub is_high: bool,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    is_high: bool,
    opened: Weeks,
    told: Weeks,
}
packed!(Counts { is_high, opened, told });

/// Why an alert is told at low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Alerts of its kind, with it,
    pub of_kind: u32,
    /// and of all kinds,
    pub all: u32,
    /// in so many days of agents,
    pub agent_days: u32,
    /// within so many days.
    pub days: u32,
}
packed!(Measured { of_kind, all, agent_days, days });

impl Team {
    /// Counts a day on which an agent did something.
    pub fn note_agent(&mut self, day: i64) {
        self.roll(day);
        let Some(week) = self.week(day) else { return };
        self.agent_days[week] = self.agent_days[week].saturating_add(1);
        let (first, newest) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), newest.max(day)));
    }

    /// Days of agents in the last weeks.
    pub fn agent_days(&self) -> u32 {
        sum(&self.agent_days)
    }

    /// Counts an alert above low; says what was measured if it is to be told at low.
    pub fn open(&mut self, kind: Kind, day: i64, allowed: PerAgentDay) -> Option<Measured> {
        self.roll(day);
        // What comes late from before these weeks counts in the oldest of them.
        let week = self.week(day).unwrap_or(BUDGET_WEEKS - 1);
        let is_new = !self.kinds.contains_key(&kind.hash);
        // Rules give few kinds; what is too much shares one.
        let hash = if is_new && self.kinds.len() >= BUDGET_KINDS_MAX { 0 } else { kind.hash };
        let counts = self.kinds.entry(hash).or_insert_with(|| Counts { is_high: kind.is_high, ..Counts::default() });
        let is_rare = sum(&counts.opened) < BUDGET_RARE;
        counts.opened[week] = counts.opened[week].saturating_add(1);
        let (of_kind, told, share) = (sum(&counts.opened), sum(&counts.told), counts.share());
        let all = self.kinds.values().fold(0_u32, |all, counts| all.saturating_add(sum(&counts.opened)));
        let budget = u64::from(self.agent_days()) * allowed.thousandths();
        let is_told = is_rare || !self.is_learnt() || {
            let after = (self.told() + 1) * ONE;
            after <= budget && (u64::from(told) + 1) * ONE <= self.level(budget).saturating_mul(share)
        };
        if !is_told {
            let days = u32::try_from(self.watched_days()).unwrap_or(u32::MAX);
            return Some(Measured { of_kind, all, agent_days: self.agent_days(), days });
        }
        if let Some(counts) = self.kinds.get_mut(&hash) {
            counts.told[week] = counts.told[week].saturating_add(1);
        }
        None
    }

    /// How many alerts were told above low in the last weeks.
    fn told(&self) -> u64 {
        self.kinds.values().map(|counts| u64::from(sum(&counts.told))).sum()
    }

    /// Up to how many of a kind are told, in thousandths: all together are within `budget`, also in thousandths, or there is no limit.
    fn level(&self, budget: u64) -> u64 {
        let mut kinds: Vec<(u64, u64)> =
            self.kinds.values().map(|counts| (u64::from(sum(&counts.opened)) * ONE, counts.share())).collect();
        // The rarest first; shares are few, so the products are exact.
        kinds.sort_unstable_by_key(|(opened, share)| opened * (HIGH_SHARE / share));
        let (mut left, mut shares) = (budget, kinds.iter().map(|(_, share)| share).sum::<u64>());
        for (opened, share) in kinds {
            if opened.saturating_mul(shares) > left.saturating_mul(share) {
                return left / shares;
            }
            (left, shares) = (left - opened.min(left), shares - share);
        }
        u64::MAX
    }

    /// Whether enough was measured.
    fn is_learnt(&self) -> bool {
        let days = self.days.map_or(0, |(first, newest)| newest - first);
        days >= BUDGET_DAYS_MIN && self.agent_days() >= BUDGET_AGENT_DAYS_MIN
    }

    /// Within how many days that was which is measured now.
    fn watched_days(&self) -> i64 {
        let Some((first, newest)) = self.days else { return 0 };
        let oldest_week = newest.div_euclid(7) - (BUDGET_WEEKS as i64 - 1);
        newest - first.max(oldest_week * 7) + 1
    }

    /// How many weeks before the newest a day is, if that is measured.
    fn week(&self, day: i64) -> Option<usize> {
        let newest = self.days.map_or(day, |(_, newest)| newest);
        let week = usize::try_from(newest.div_euclid(7) - day.div_euclid(7)).unwrap_or(0);
        (week < BUDGET_WEEKS).then_some(week)
    }

    /// Moves the weeks on to that of `day`, and forgets what has fallen out of them.
    fn roll(&mut self, day: i64) {
        let Some((first, newest)) = self.days else { return };
        let weeks = day.div_euclid(7) - newest.div_euclid(7);
        self.days = Some((first, newest.max(day)));
        if weeks <= 0 {
            return;
        }
        let by = usize::try_from(weeks).unwrap_or(BUDGET_WEEKS).min(BUDGET_WEEKS);
        shift(&mut self.agent_days, by);
        for counts in self.kinds.values_mut() {
            shift(&mut counts.opened, by);
            shift(&mut counts.told, by);
        }
        self.kinds.retain(|_, counts| sum(&counts.opened) > 0);
    }
}

impl Counts {
    /// How many shares of what is told a kind has.
    fn share(&self) -> u64 {
        if self.is_high { HIGH_SHARE } else { 1 }
    }
}

fn sum(weeks: &Weeks) -> u32 {
    weeks.iter().fold(0, |sum: u32, count| sum.saturating_add(*count))
}

fn shift(weeks: &mut Weeks, by: usize) {
    weeks.rotate_right(by);
    weeks[..by].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A team of so many agents, watched for four weeks, that had these alerts before, each of a kind with whether that is high.
    fn team(agents: u32, before: &[(u32, bool)]) -> Team {
        let mut team = Team::default();
        for day in 0..28 {
            (0..agents).for_each(|_| team.note_agent(day));
        }
        for (number, (opened, is_high)) in before.iter().enumerate() {
            let counts = Counts { is_high: *is_high, opened: [*opened, 0, 0, 0, 0], told: [0; BUDGET_WEEKS] };
            team.kinds.insert(number as u64 + 1, counts);
        }
        team
    }

    #[test]
    fn the_level_is_the_largest_that_stays_within_the_budget() {
        let check = |kinds: &[(u32, bool)], budget: u64, expected: u64| {
            assert_eq!(team(1, kinds).level(budget * ONE), expected, "{kinds:?} of {budget}");
        };
        check(&[], 5, u64::MAX);
        check(&[(3, false), (2, false)], 5, u64::MAX);
        check(&[(3, false), (2, false)], 4, 2_000);
        // The rare keep all, and the ordinary share what is left.
        check(&[(1, false), (2, false), (50, false), (80, false)], 13, 5_000);
        // A high one has four shares.
        check(&[(50, true), (80, false)], 10, 2_000);
        check(&[(50, true), (80, false)], 0, 0);
    }

    #[test]
    fn what_is_ordinary_is_lowered_and_what_is_rare_is_told() {
        let budget = PerAgentDay::try_from(0.1).unwrap();
        let check = |mut team: Team, kind: u64, is_high: bool, expected: Option<(u32, u32)>| {
            let measured = team.open(Kind { hash: kind, is_high }, 28, budget);
            assert_eq!(measured.map(|measured| (measured.of_kind, measured.all)), expected, "{kind}");
            assert_eq!(team.told(), u64::from(expected.is_none()));
        };
        // 140 agent-days: 14 alerts.
        check(team(5, &[(10, false), (2, false)]), 1, false, None);
        check(team(5, &[(40, false), (2, false)]), 2, false, None);
        check(team(5, &[(40, false), (9, false)]), 3, false, None);
        let mut ordinary = team(5, &[(40, false), (2, false)]);
        ordinary.kinds.get_mut(&1).unwrap().told[0] = 12;
        let lowered = ordinary.open(Kind { hash: 1, is_high: false }, 28, budget).unwrap();
        assert_eq!(lowered, Measured { of_kind: 41, all: 43, agent_days: 140, days: 29 });
        // Too little was seen to know what is ordinary.
        let mut young = Team::default();
        (0..6).for_each(|day| (0..9).for_each(|_| young.note_agent(day)));
        assert!((0..99).all(|_| young.open(Kind { hash: 1, is_high: false }, 6, budget).is_none()));
    }

    #[test]
    fn what_is_older_than_five_weeks_is_forgotten() {
        let mut team = team(1, &[(9, false)]);
        assert_eq!((team.agent_days(), team.kinds.len()), (28, 1));
        // The first of its four weeks has fallen out.
        team.note_agent(41);
        assert_eq!((team.agent_days(), team.kinds.len()), (22, 1));
        team.note_agent(70);
        assert_eq!((team.agent_days(), team.kinds.len(), team.watched_days()), (1, 0, 29));
        team.note_agent(3);
        assert_eq!(team.agent_days(), 1, "it comes too late to count");
    }
}
