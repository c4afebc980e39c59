//! One agent: what it spent lately, what it usually spends, and whether the one is unusual beside the other. Small, since there
//! are many.

use detect_core::packed;
use operations::calendar::DAY;

use super::case::Course;
use super::common::Common;
use super::logarithm::log2;
use super::own_tasks::OwnTasks;
use super::past::{Past, Usual};
use super::spent::{Closed, HOUR, Spent};
use super::team::{Found, Like, Team, hour_of_day};

/// An agent of which a spend is known.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    pub spent: Spent,
    /// Hours, blocks of four hours, and days with spend.
    past: [Past; 3],
    /// Its own part of what is common to its team.
    pub own: Common,
    /// The hours of the day in which it spent before today, and today: a bit for each.
    hours: u32,
    today: u32,
    /// Octaves that all had in common while it spent lately.
    shared: f32,
    /// By how many standard deviations its hours lie above the usual, added up.
    rise: f32,
    /// What its tasks cost.
    pub tasks: OwnTasks,
    pub found: Found,
}
packed!(Agent { rise, spent, tasks, past, own, hours, today, shared, found });

/// How strict it is: what follows from the budget of false alarms.
#[derive(Debug, Clone, Copy)]
pub struct Strictness {
    /// The chances, in an agent-day, of a sum and of a task that are findings.
    pub sums: f64,
    pub tasks: f64,
    /// How many standard deviations hours must lie above the usual, added up.
    pub rise: f64,
    /// And how many those of a new agent.
    pub deviations: f64,
    /// The part of its team's usual agent-hour below which nothing matters.
    pub floor: f64,
}

/// What the others do, and what is usual among them.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub team: &'a Team,
    pub organisation: &'a Team,
    pub like: &'a Like,
    /// For how many seconds agents of its template are known.
    pub like_age: i64,
    /// Octaves that all have in common now.
    pub shared: f64,
}

/// What is learned of many from each.
pub struct Known<'a> {
    pub team: &'a mut Team,
    pub organisation: &'a mut Team,
    pub like: &'a mut Like,
}

/// What was found: amounts in micro-USD, the rest by their logarithms.
#[derive(Debug, Clone, Copy)]
pub struct Excess {
    pub course: Course,
    pub micros: f64,
    pub usual: f64,
    pub highest: f64,
    pub count: u32,
    /// Octaves above the usual, without what all have in common.
    pub octaves: f64,
}

/// With so many hours and days an agent is judged by itself.
const HOURS_KNOWN: u32 = 16;
const DAYS_KNOWN: u32 = 4;
/// Windows with fewer values are not judged.
const COUNT_LEAST: [u32; 3] = [HOURS_KNOWN, 6, 4];
/// Nothing less than about twice the usual is a spike.
const OCTAVES_LEAST: f64 = 1.1;
/// Sums of an agent-day of which one could be so large by itself.
const PER_DAY: [f64; 3] = [40.0, 12.0, 2.0];
const COURSES: [Course; 3] = [Course::Hour, Course::Hours, Course::Day];
/// Octaves that make a new agent unusual beside others of its template, and days of theirs that are needed.
const NEW_OCTAVES: f64 = 2.2;
const NEW_DEVIATIONS: f64 = 3.6;
const LIKE_LEAST: u32 = 30;
const LIKE_AGE: i64 = 6 * DAY;
/// Hours that stay above the usual: one counts as so many standard deviations at most and at least, less a part of one,
/// since hours of one day are alike.
const RISE_MOST: f64 = 3.0;
const RISE_LEAST: f64 = 2.0;
const RISE_SLACK: f64 = 0.8;
/// What ended longer ago is learned and not told: nobody works now.
const RISE_FRESH: i64 = 2 * HOUR;
/// A task is out of hand from two of the agent's hours on, in octaves, if its last hour is twice the usual, too, or from eight.
const TASK_HOURS: f64 = 1.0;
const TASK_HOUR: f64 = 1.0;
const TASK_MANY_HOURS: f64 = 3.0;
/// Where its own tasks are not known, one is too dear only so many octaves above its dearest hours: few large tasks make some
/// agents up.
const TASK_ABOVE: f64 = 0.5;
/// An agent that works so many days and never within two hours of this one does not work at night,
const NIGHT_DAYS: u32 = 5;
const NIGHT_AROUND: usize = 2;
/// or where one of its team works there, never within so many.
const NIGHT_FAR: usize = 4;
/// nor does its team if so small a part of its agent-hours lies there.
const NIGHT_PART: f64 = 0.004;
const NIGHT_PART_OTHERS: f64 = 0.2;
const NIGHT_TEAM_HOURS: u32 = 60;
/// It is told once it has cost nearly as much as an hour of work.
const NIGHT_OCTAVES: f64 = -0.3;

impl Agent {
    /// What is usual for a window: who varies from hour to hour is expected to vary from day to day.
    fn usual(&self, window: usize, hour: Usual, team: &Team) -> Usual {
        if window == 0 { hour } else { self.past[window].usual(hour.spread * team.spread(window)) }
    }

    /// Whether it has a past of its own.
    pub fn is_known(&self) -> bool {
        self.past[0].count() >= HOURS_KNOWN && self.past[2].count() >= DAYS_KNOWN
    }

    /// By how many octaves the last hour is above its usual, if it has one.
    pub fn above_usual(&self, micros: u64) -> Option<f64> {
        (self.is_known() && micros > 0).then(|| log2(micros as f64) - self.past[0].usual(1.0).middle)
    }

    /// Learns what is over, and says if hours stay above the usual.
    pub fn learn(&mut self, closed: Closed, strictness: Strictness, known: Known<'_>) -> Option<Excess> {
        let Known { team, organisation, like } = known;
        let second = self.spent.second();
        let is_fresh = second - closed.second <= RISE_FRESH;
        let shared = f64::from(self.shared).max(team.level()).max(organisation.level());
        let mut rise = None;
        for (window, micros) in closed.sums.into_iter().enumerate().filter(|(_, micros)| *micros > 0) {
            let hour = self.past[0].usual(team.spread(0));
            let usual = self.usual(window, hour, team);
            let log = log2(micros as f64);
            if usual.count < COUNT_LEAST[window] {
                self.past[window].learn(log);
            } else {
                // What is a finding is learned as far as it would just have been none.
                let bound = organisation.bound(window, usual.spread, strictness.sums / PER_DAY[window]);
                let most = shared + usual.bound(bound).max(usual.middle + OCTAVES_LEAST);
                self.past[window].learn(log.min(most));
                let deviations = usual.deviations(log - shared);
                organisation.learn_deviations(window, usual.spread, deviations);
                team.learn_spread(window, if window == 0 { usual.spread } else { usual.spread / hour.spread });
                if window == 0 {
                    rise = self.rise(micros, usual, log - shared, deviations, strictness).filter(|_| is_fresh);
                    team.learn_level(second, log - usual.middle);
                    organisation.learn_level(second, log - usual.middle);
                }
            }
            match window {
                0 => {
                    like.hours.learn(log);
                    team.learn_hour(closed.second, micros as f64);
                }
                2 => {
                    like.days.learn(log2(micros as f64 / f64::from(closed.busy.max(1))));
                    self.tasks.end_day();
                    (self.hours, self.today) = (self.hours | self.today, 0);
                }
                _ => {}
            }
        }
        rise
    }

    /// Adds up by how much hours lie above the usual.
    fn rise(&mut self, micros: u64, usual: Usual, log: f64, deviations: f64, strictness: Strictness) -> Option<Excess> {
        let risen = f64::from(self.rise) + deviations.clamp(-RISE_LEAST, RISE_MOST) - RISE_SLACK;
        self.rise = risen.clamp(0.0, 2.0 * strictness.rise) as f32;
        (risen >= strictness.rise && deviations >= RISE_SLACK)
            .then(|| excess(Course::Rise, micros, usual, log - usual.middle))
    }

    /// Whether a task costs as much as two hours of the agent while its last hour is unusual, too, or as much as eight hours: a
    /// large task at the usual pace is no runaway, nor is what one of many does that all began to spend at once.
    pub fn is_out_of_hand(&self, log: f64, shared: f64) -> bool {
        let middle = self.past[0].middle() + shared;
        let hour = log2(self.spent.running()[0] as f64);
        self.is_known() && (log >= middle + TASK_HOURS && hour >= middle + TASK_HOUR || log >= middle + TASK_MANY_HOURS)
    }

    /// Whether a task costs more than the agent's hours ever did; one that is not known has none.
    pub fn is_above_hours(&self, log: f64, team: &Team) -> bool {
        self.is_known() && log >= self.past[0].usual(team.spread(0)).highest + TASK_ABOVE
    }

    /// Notes how much all have in common in the last step, and answers with what that is over the last hour or so, or now.
    pub fn share(&mut self, octaves: f64, is_new_step: bool) -> f64 {
        if is_new_step {
            self.shared = (f64::from(self.shared) + (octaves - f64::from(self.shared)) / 8.0) as f32;
        }
        octaves.max(self.shared.into())
    }

    /// Notes the hour in which it spends.
    pub fn note_hour(&mut self, second: i64) {
        self.today |= 1 << hour_of_day(second);
    }

    /// Judges what is still running: sums only grow, so a spike is said while it happens.
    pub fn judge(&self, strictness: Strictness, around: Around<'_>) -> Option<Excess> {
        let running = self.spent.running();
        if (running[0] as f64) < strictness.floor * around.team.hour() {
            return None;
        }
        if !self.is_known() {
            return self.newcomer(running, strictness, around);
        }
        let above = |window: usize| log2(running[window] as f64) - around.shared - self.past[window].middle();
        let mut worst: Option<Excess> = None;
        // Most calls are within what is usual, and their windows cost no more than that.
        for window in (0..running.len()).filter(|window| above(*window) >= OCTAVES_LEAST) {
            let spike = self.spike(window, running[window], strictness, around);
            worst = [worst, spike].into_iter().flatten().max_by(|one, other| one.octaves.total_cmp(&other.octaves));
        }
        worst.or_else(|| self.night(running, around))
    }

    /// One window, if it is far above the usual.
    fn spike(&self, window: usize, micros: u64, strictness: Strictness, around: Around<'_>) -> Option<Excess> {
        let hour = self.past[0].usual(around.team.spread(0));
        let usual = self.usual(window, hour, around.team);
        let log = log2(micros as f64) - around.shared;
        let bound = around.organisation.bound(window, usual.spread, strictness.sums / PER_DAY[window]);
        (usual.count >= COUNT_LEAST[window] && log >= usual.bound(bound) && log >= usual.highest)
            .then(|| excess(COURSES[window], micros, usual, log - usual.middle))
    }

    /// A new agent beside others of its template.
    fn newcomer(&self, running: [u64; 3], strictness: Strictness, around: Around<'_>) -> Option<Excess> {
        let busy = self.spent.busy();
        let (past, micros, prior, deviations) = if busy >= 2 {
            (around.like.days, running[2] / u64::from(busy), 0.8, NEW_DEVIATIONS)
        } else {
            (around.like.hours, running[0], 1.0, strictness.deviations)
        };
        let usual = past.usual(prior);
        let octaves = log2(micros as f64) - usual.middle - around.shared;
        let unusual = usual.count >= LIKE_LEAST
            && around.like_age >= LIKE_AGE
            && octaves >= NEW_OCTAVES
            && log2(micros as f64) - around.shared >= usual.bound(deviations);
        unusual.then(|| excess(Course::New, micros, usual, octaves))
    }

    /// Spend at an hour at which neither the agent nor its team ever works, as much as in an hour of work.
    fn night(&self, running: [u64; 3], around: Around<'_>) -> Option<Excess> {
        let second = self.spent.second();
        let works = |around: usize| {
            (24 - around..=24 + around).any(|off| self.hours >> ((hour_of_day(second) + off) % 24) & 1 == 1)
        };
        let (part, all) = around.team.part_of_hours(second, NIGHT_AROUND);
        let nobody = !works(NIGHT_AROUND) && part <= NIGHT_PART;
        // One of the team may build at night; an agent that ends hours before is none of them.
        let others_only = !works(NIGHT_FAR) && part <= NIGHT_PART_OTHERS;
        if !(nobody || others_only) || all < NIGHT_TEAM_HOURS || self.past[2].count() < NIGHT_DAYS {
            return None;
        }
        let usual = self.past[0].usual(around.team.spread(0));
        let octaves = log2(running[1] as f64) - usual.middle;
        (octaves >= NIGHT_OCTAVES).then(|| excess(Course::Night, running[1], usual, octaves))
    }
}

fn excess(course: Course, micros: u64, usual: Usual, octaves: f64) -> Excess {
    Excess { course, micros: micros as f64, usual: usual.middle, highest: usual.highest, count: usual.count, octaves }
}

/// What comes back within so many seconds is no news.
pub const MEMORY: i64 = DAY + 12 * HOUR;
