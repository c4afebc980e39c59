//! One agent: what it spent lately, what it usually spends, and whether the one is unusual beside the other. Small, since there
//! are many.

use detect_core::packed;
use operations::calendar::DAY;

use super::case::Course;
use super::common::Common;
use super::logarithm::log2;
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
    /// How far days lie above the usual, added up, and on the average of the last ones, in octaves.
    creep: f32,
    lately: f32,
    /// Octaves that all had in common while it spent lately.
    shared: f32,
    pub found: Found,
}
packed!(Agent { spent, past, own, hours, today, creep, lately, shared, found });

/// How strict it is: what follows from the budget of false alarms.
#[derive(Debug, Clone, Copy)]
pub struct Strictness {
    /// The chance of a sum that is a finding, and how many standard deviations above the usual one of a normal distribution is.
    pub chance: f64,
    pub deviations: f64,
    /// The part of its team's usual agent-hour below which nothing matters.
    pub floor: f64,
}

/// What the others do, and what is usual among them.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub team: &'a Team,
    pub like: &'a Like,
    /// For how many seconds agents of its template are known.
    pub like_age: i64,
    /// Octaves that all have in common now.
    pub shared: f64,
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
const COURSES: [Course; 3] = [Course::Hour, Course::Hours, Course::Day];
/// Octaves that make a new agent unusual beside others of its template, and days of theirs that are needed.
const NEW_OCTAVES: f64 = 2.2;
const NEW_DEVIATIONS: f64 = 2.8;
const LIKE_LEAST: u32 = 30;
const LIKE_AGE: i64 = 6 * DAY;
/// A task is too dear only so many octaves above the agent's dearest hours: few large tasks make some agents up.
const TASK_ABOVE: f64 = 0.5;
/// How far added up days must lie above the usual: in standard deviations, less a part of one each.
const CREEP_SPREAD: f64 = 0.6;
const CREEP_PRIOR: f64 = 5.0;
const CREEP_SLACK: f64 = 0.7;
const CREEP_BOUND: f64 = 5.7;
const CREEP_OCTAVES: f64 = 1.0;
/// An agent that works so many days and never within two hours of this one does not work at night,
const NIGHT_DAYS: u32 = 5;
const NIGHT_AROUND: usize = 2;
/// or where one of its team works there, never within so many.
const NIGHT_FAR: usize = 4;
/// nor does its team if so small a part of its agent-hours lies there.
const NIGHT_PART: f64 = 0.004;
const NIGHT_PART_OTHERS: f64 = 0.2;
const NIGHT_TEAM_HOURS: u32 = 60;

impl Agent {
    /// Whether it has a past of its own.
    pub fn is_known(&self) -> bool {
        self.past[0].count() >= HOURS_KNOWN && self.past[2].count() >= DAYS_KNOWN
    }

    /// By how many octaves the last hour is above its usual, if it has one.
    pub fn above_usual(&self, micros: u64) -> Option<f64> {
        (self.is_known() && micros > 0).then(|| log2(micros as f64) - self.past[0].usual(1.0).middle)
    }

    /// Learns what is over, and says if days creep up.
    pub fn learn(
        &mut self,
        closed: Closed,
        strictness: Strictness,
        team: &mut Team,
        like: &mut Like,
    ) -> Option<Excess> {
        let second = self.spent.second();
        let shared = f64::from(self.shared);
        let mut creep = None;
        for (window, micros) in closed.sums.into_iter().enumerate().filter(|(_, micros)| *micros > 0) {
            let usual = self.past[window].usual(team.spread(window));
            let known = usual.count >= COUNT_LEAST[window];
            if window == 2 {
                creep = self.creep(micros as f64, usual, shared);
                let mean = log2(micros as f64 / f64::from(closed.busy.max(1)));
                like.days.learn(mean);
                (self.hours, self.today) = (self.hours | self.today, 0);
            }
            // What is a finding is learned as far as it would just have been none.
            let most = shared + usual.bound(team.bound(window, strictness.chance)).max(usual.middle + OCTAVES_LEAST);
            let log = log2(micros as f64);
            self.past[window].learn(if known { log.min(most) } else { log });
            if known {
                team.learn_deviations(window, usual.deviations(log - shared));
                team.learn_spread(window, self.past[window].usual(usual.spread).spread);
            }
            if window == 0 {
                like.hours.learn(log);
                team.learn_hour(second, micros as f64);
            }
        }
        creep
    }

    /// Whether a task costs more than the agent's hours ever did; one that is not known has none.
    pub fn is_above_hours(&self, log: f64, team: &Team) -> bool {
        self.is_known() && log >= self.past[0].usual(team.spread(0)).beyond_highest() + TASK_ABOVE
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
        let windows = running.into_iter().enumerate().filter_map(|(window, micros)| {
            let usual = self.past[window].usual(around.team.spread(window));
            let log = log2(micros as f64);
            let log = log - around.shared;
            let octaves = log - usual.middle;
            let is_spike = usual.count >= COUNT_LEAST[window]
                && octaves >= OCTAVES_LEAST
                && log >= usual.bound(around.team.bound(window, strictness.chance))
                && log >= usual.beyond_highest();
            is_spike.then(|| excess(COURSES[window], micros, usual, octaves))
        });
        windows.max_by(|one, other| one.octaves.total_cmp(&other.octaves)).or_else(|| self.night(running, around))
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
        let usual = self.past[0].usual(around.team.spread(0));
        let second = self.spent.second();
        let works = |around: usize| {
            (24 - around..=24 + around).any(|off| self.hours >> ((hour_of_day(second) + off) % 24) & 1 == 1)
        };
        let (part, all) = around.team.part_of_hours(second, NIGHT_AROUND);
        let nobody = !works(NIGHT_AROUND) && part <= NIGHT_PART;
        // One of the team may build at night; an agent that ends hours before is none of them.
        let others_only = !works(NIGHT_FAR) && part <= NIGHT_PART_OTHERS;
        let octaves = log2(running[1] as f64) - usual.middle;
        let is_night =
            self.past[2].count() >= NIGHT_DAYS && all >= NIGHT_TEAM_HOURS && (nobody || others_only) && octaves >= -0.3;
        is_night.then(|| excess(Course::Night, running[1], usual, octaves))
    }

    /// Adds up by how much days lie above the usual.
    fn creep(&mut self, micros: f64, usual: Usual, shared: f64) -> Option<Excess> {
        if usual.count < COUNT_LEAST[2] {
            return None;
        }
        let octaves = log2(micros) - usual.middle - shared;
        let count = f64::from(usual.count);
        let seen = (usual.high - usual.middle) / 1.282;
        let spread = ((seen * seen * count + CREEP_SPREAD * CREEP_SPREAD * CREEP_PRIOR) / (count + CREEP_PRIOR)).sqrt();
        let deviations = (octaves / spread).clamp(-2.0, 2.5);
        self.creep = (f64::from(self.creep) + deviations - CREEP_SLACK).clamp(0.0, 2.0 * CREEP_BOUND) as f32;
        self.lately = (f64::from(self.lately) + (octaves - f64::from(self.lately)) / 2.0) as f32;
        let lately = f64::from(self.lately);
        (f64::from(self.creep) >= CREEP_BOUND && lately >= CREEP_OCTAVES && octaves >= CREEP_OCTAVES)
            .then(|| excess(Course::Creep, micros as u64, usual, lately))
    }
}

fn excess(course: Course, micros: u64, usual: Usual, octaves: f64) -> Excess {
    Excess { course, micros: micros as f64, usual: usual.middle, highest: usual.highest, count: usual.count, octaves }
}

/// What comes back within so many seconds is no news.
pub const MEMORY: i64 = DAY + 12 * HOUR;
