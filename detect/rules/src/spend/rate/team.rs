//! What is usual in a team and among what is alike (one template, one kind of run): when they work, what an hour of an agent costs,
//! what a task costs. One for many agents, so it may be larger than theirs.

use detect_core::packed;
use detect_core::second::Second;

use super::common::Common;
use super::level::Level;
use super::past::Past;
use super::spent::HOUR;
use super::tail::Tails;

/// A team, or an organisation.
#[derive(Debug, Clone, Default)]
pub struct Team {
    pub common: Common,
    /// Agent-hours with spend by hour of the day, in the time zone of the work.
    hours: [u32; 24],
    /// The mean spread of its agents' hours; that of their blocks and days as a part of it.
    spread: [Mean; 3],
    /// The mean of what its agents spend in an hour of work, in micro-USD.
    hour: Mean,
    /// By how much samples of all together deviate: what is measured is a square.
    restless: Mean,
    /// The mean of what its agents' last hours are above their usual ones: these are weighed by the steps in them.
    bias: Mean,
    /// By how much its agents' hours of the last day are above their usual ones.
    level: Level,
    /// How far hours, blocks and days, and tasks, lie above the usual of their agents, and how widely tasks spread: known of an
    /// organisation, since what is rare needs many.
    sums: [Tails; 3],
    tasks: Tails,
    task_spread: Mean,
    pub found: Found,
}
packed!(Team { common, hours, spread, hour, restless, bias, level, sums, tasks, task_spread, found });

/// A mean that forgets slowly.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    mean: f32,
    count: u16,
}
packed!(Mean { mean, count });

impl Mean {
    pub fn learn(&mut self, value: f64) {
        self.count = (self.count + 1).min(2_000);
        self.mean = (f64::from(self.mean) + (value - f64::from(self.mean)) / f64::from(self.count)) as f32;
    }

    /// The mean, on top of as many values of `prior` as `weight` says.
    pub fn above(self, prior: f64, weight: f64) -> f64 {
        let count = f64::from(self.count);
        if count + weight > 0.0 { (f64::from(self.mean) * count + prior * weight) / (count + weight) } else { prior }
    }
}

/// The latest finding: what goes on is not found again, and what comes back soon only if it is worse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// Octaves above the usual.
    peak: f32,
    time: Second,
}
packed!(Found { peak, time });

/// By so many octaves.
const WORSE: f64 = 0.6;

impl Found {
    /// Whether an excess is news. It is noted.
    pub fn is_news(&mut self, second: i64, octaves: f64, memory: i64) -> bool {
        let passed = second - self.time.get() > memory;
        let news = passed || octaves > f64::from(self.peak) + WORSE;
        self.time = Second::new(second);
        if news {
            self.peak = octaves as f32;
        }
        news
    }

    /// Whether something was found not longer ago.
    pub fn is_within(self, second: i64, memory: i64) -> bool {
        second - self.time.get() <= memory
    }
}

/// Before anything is known of a team: the spread of an hour, and that of a block and a day as a part of it.
const SPREAD: [f64; 3] = [0.6, 0.8, 0.65];
/// And the octaves by which tasks spread.
const TASK_SPREAD: f64 = 1.3;

impl Team {
    /// Learns an hour of an agent.
    pub fn learn_hour(&mut self, second: i64, micros: f64) {
        let slot = &mut self.hours[hour_of_day(second)];
        *slot = slot.saturating_add(1);
        self.hour.learn(micros);
        let sample = self.common.mean() * self.common.weight().sqrt();
        self.restless.learn(sample.clamp(-8.0, 8.0) * sample.clamp(-8.0, 8.0));
    }

    /// Adds an agent's last hour to what is common now: by how many octaves it is above its usual.
    pub fn add(&mut self, second: i64, octaves: f64) {
        let bias = self.bias.above(0.0, 20.0);
        self.bias.learn(octaves.clamp(-2.0, 2.0));
        self.common.add(second, octaves - bias);
    }

    /// Learns how widely an agent's sums of one length spread.
    pub fn learn_spread(&mut self, window: usize, spread: f64) {
        self.spread[window].learn(spread);
    }

    /// How widely they do.
    pub fn spread(&self, window: usize) -> f64 {
        self.spread[window].above(SPREAD[window], 20.0)
    }

    /// Learns by how many standard deviations a sum lies above the usual of its agent.
    pub fn learn_deviations(&mut self, window: usize, spread: f64, deviations: f64) {
        self.sums[window].learn(spread, None, deviations);
    }

    /// By how many it must, to be as rare as this.
    pub fn bound(&self, window: usize, spread: f64, chance: f64) -> f64 {
        self.sums[window].bound(spread, chance)
    }

    /// Learns by how many standard deviations a task lies above the usual of its agent, and by how many it did before.
    pub fn learn_task(&mut self, spread: f64, before: Option<f64>, now: f64) {
        self.tasks.learn(spread, before, now);
        self.task_spread.learn(spread);
    }

    /// By how many it must, to be as rare as this.
    pub fn bound_of_tasks(&self, spread: f64, chance: f64) -> f64 {
        self.tasks.bound_of_things(spread, chance)
    }

    /// How widely the tasks of an agent spread.
    pub fn task_spread(&self) -> f64 {
        self.task_spread.above(TASK_SPREAD, 20.0)
    }

    /// Learns by how many octaves an hour is above the usual of its agent.
    pub fn learn_level(&mut self, second: i64, octaves: f64) {
        self.level.learn(second, octaves);
    }

    /// By how many octaves its agents' hours of the last day are above their usual ones; nothing where they are below.
    pub fn level(&self) -> f64 {
        self.level.octaves()
    }

    /// The mean of an agent's hour of work, in micro-USD.
    pub fn hour(&self) -> f64 {
        self.hour.above(0.0, 0.0)
    }

    /// By how many of its own standard deviations all together are above their usual.
    pub fn deviation(&self, common: Common) -> f64 {
        common.mean() * common.weight().sqrt() / self.restless.above(4.0, 50.0).sqrt().max(1.0)
    }

    /// The part of all agent-hours with spend that lies within `around` hours of this one, and how many there are.
    pub fn part_of_hours(&self, second: i64, around: usize) -> (f64, u32) {
        let all: u32 = self.hours.iter().sum();
        let near = (24 - around..=24 + around).map(|off| self.hours[(hour_of_day(second) + off) % 24]);
        let near: u32 = near.sum();
        (if all > 0 { f64::from(near) / f64::from(all) } else { 1.0 }, all)
    }
}

/// The hour of the day.
pub fn hour_of_day(second: i64) -> usize {
    (second.div_euclid(HOUR).rem_euclid(24)) as usize
}

/// What agents of one template have cost: hours of work, and the mean of these over a day.
#[derive(Debug, Clone, Default)]
pub struct Like {
    pub hours: Past,
    pub days: Past,
    /// When the first of them was seen.
    since: Second,
}
packed!(Like { hours, days, since });

impl Like {
    /// For how many seconds they are known; from now on, if they were not.
    pub fn age(&mut self, second: i64) -> i64 {
        if self.since == Second::default() {
            self.since = Second::new(second);
        }
        second - self.since.get()
    }
}

/// Half octaves of the cost of a task, from 16 micro-USD.
const TASK_BINS: usize = 64;
const FINE: f64 = 2.0;
const FIRST: f64 = 4.0;

/// How many tasks came to cost so much, while they run: nobody needs to know when one is over.
#[derive(Debug, Clone)]
pub struct Tasks {
    reached: [u32; TASK_BINS],
}
packed!(Tasks { reached });

impl Default for Tasks {
    fn default() -> Self {
        Self { reached: [0; TASK_BINS] }
    }
}

/// What tasks of one kind cost.
#[derive(Debug, Clone, Copy)]
pub struct UsualTask {
    pub middle: f64,
    pub spread: f64,
    pub count: u32,
    /// How many came to cost as much as the one in question.
    pub as_dear: u32,
}

impl Tasks {
    /// Learns that a task went on from one cost to another, by their logarithms; the first one is less than nothing for a new task.
    pub fn learn(&mut self, before: Option<f64>, now: f64) {
        let first = before.map_or(0, |log| bin(log) + 1);
        for at in first..=bin(now) {
            self.reached[at] = self.reached[at].saturating_add(1);
        }
    }

    /// What is usual, for a task that costs so much.
    pub fn usual(&self, log: f64) -> UsualTask {
        let count = self.reached[0];
        let middle = self.quantile(0.5);
        let spread = [(0.159, 1.0), (0.05, 1.645), (0.02, 2.054)]
            .iter()
            .map(|(above, deviations)| (self.quantile(*above) - middle) / deviations)
            .fold(0.4, f64::max);
        UsualTask { middle, spread, count, as_dear: self.reached[bin(log)] }
    }

    /// The cost that this part of all tasks reaches.
    fn quantile(&self, part: f64) -> f64 {
        let bound = f64::from(self.reached[0]) * part;
        let at = self.reached.iter().rposition(|reached| f64::from(*reached) >= bound).unwrap_or(0);
        let (here, next) = (self.reached[at], self.reached.get(at + 1).copied().unwrap_or(0));
        let within = if here > next { (f64::from(here) - bound) / f64::from(here - next) } else { 0.0 };
        FIRST + (at as f64 + within) / FINE
    }
}

fn bin(log: f64) -> usize {
    ((log - FIRST) * FINE).clamp(0.0, (TASK_BINS - 1) as f64) as usize
}
