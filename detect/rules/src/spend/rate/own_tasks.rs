//! What the tasks of one agent cost, while they run: nobody needs to know when one is over.

use detect_core::packed;

use super::agent::Strictness;
use super::team::Team;

/// Mean and variance of the logarithms of what its tasks cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnTasks {
    mean: f32,
    variance: f32,
    count: u16,
    /// Tasks of this day, and those of a usual one.
    today: u16,
    daily: f32,
}
packed!(OwnTasks { mean, variance, count, today, daily });

/// So many tasks must be known.
const KNOWN: u16 = 40;
/// More are not remembered.
const MEMORY: u16 = 300;
/// As many tasks as the prior spread is worth.
const PRIOR_WEIGHT: f64 = 10.0;
/// No agent's tasks are steadier, in octaves.
const SPREAD_LEAST: f64 = 0.4;
/// Nor has any fewer of them in a day: a chance is shared by so many.
const DAILY_LEAST: f64 = 10.0;
/// A day counts as one of so many.
const DAYS: f32 = 5.0;
/// A task is too dear only from so many octaves above the usual on.
const OCTAVES: f64 = 2.0;

/// What a task of the agent usually costs.
#[derive(Debug, Clone, Copy)]
struct Usual {
    middle: f64,
    spread: f64,
}

/// A task that is dearer than the agent's tasks are.
#[derive(Debug, Clone, Copy)]
pub struct Dear {
    /// The logarithm of what a task usually costs.
    pub middle: f64,
    /// Octaves above it, without what all have in common.
    pub octaves: f64,
    pub count: u32,
}

impl OwnTasks {
    /// Whether enough is known.
    pub fn is_known(&self) -> bool {
        self.count >= KNOWN
    }

    /// Ends a day.
    pub fn end_day(&mut self) {
        let today = f32::from(std::mem::take(&mut self.today));
        self.daily = if self.daily > 0.0 { self.daily + (today - self.daily) / DAYS } else { today };
    }

    /// Judges and learns that a task went on from one cost to another, by their logarithms; a new task had none before.
    /// How far such tasks deviate is learned of all of the organisation.
    pub fn go_on(
        &mut self,
        before: Option<f64>,
        now: f64,
        shared: f64,
        strictness: Strictness,
        organisation: &mut Team,
    ) -> Option<Dear> {
        if !self.is_known() {
            self.learn(before, now);
            return None;
        }
        let usual = self.usual(organisation.task_spread());
        let octaves = now - shared - usual.middle;
        // What is a finding is learned as far as it would just have been none.
        let most = if octaves >= OCTAVES {
            let chance = strictness.tasks / f64::from(self.daily).max(self.today.into()).max(DAILY_LEAST);
            usual.middle + shared + usual.spread * organisation.bound_of_tasks(usual.spread, chance)
        } else {
            f64::INFINITY
        };
        let dear = (now >= most).then_some(Dear { middle: usual.middle, octaves, count: self.count.into() });
        let (before, now) = (before.map(|log| log.min(most)), now.min(most));
        let deviations = |log: f64| (log - shared - usual.middle) / usual.spread;
        organisation.learn_task(usual.spread, before.map(deviations), deviations(now));
        self.learn(before, now);
        dear
    }

    fn learn(&mut self, before: Option<f64>, now: f64) {
        let mean = f64::from(self.mean);
        let square = |log: f64| (log - mean) * (log - mean);
        if before.is_none() {
            self.today = self.today.saturating_add(1);
            self.count = (self.count + 1).min(MEMORY);
        }
        let weight = 1.0 / f64::from(self.count.max(1));
        let (step, squares) = match before {
            None => (now - mean, square(now) * (1.0 - weight) - f64::from(self.variance)),
            Some(before) => (now - before, square(now) - square(before)),
        };
        self.mean = (mean + step * weight) as f32;
        self.variance = (f64::from(self.variance) + squares * weight).max(0.0) as f32;
    }

    fn usual(&self, prior: f64) -> Usual {
        let count = f64::from(self.count);
        let square = (f64::from(self.variance) * count + prior * prior * PRIOR_WEIGHT) / (count + PRIOR_WEIGHT);
        Usual { middle: self.mean.into(), spread: square.sqrt().max(SPREAD_LEAST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_go_on_are_known_as_those_that_cost_all_at_once() {
        let (mut one, mut other) = (OwnTasks::default(), OwnTasks::default());
        for number in 0..200 {
            let log = 14.0 + f64::from(number % 7) / 2.0;
            one.learn(None, log);
            other.learn(None, log - 1.0);
            other.learn(Some(log - 1.0), log);
        }
        let (one, other) = (one.usual(1.0), other.usual(1.0));
        assert!((one.middle - 15.5).abs() < 0.1 && (one.spread - 1.0).abs() < 0.1, "{one:?}");
        assert!((one.middle - other.middle).abs() < 0.1 && (one.spread - other.spread).abs() < 0.1, "{other:?}");
    }

    #[test]
    fn a_task_far_above_the_others_is_dear_and_one_a_little_above_is_not() {
        let strictness = Strictness { sums: 1e-3, tasks: 1e-3, rise: 10.0, deviations: 4.0, floor: 0.0 };
        let (mut tasks, mut organisation) = (OwnTasks::default(), Team::default());
        for number in 0..200 {
            let log = 14.0 + f64::from(number % 7) / 2.0;
            assert!(tasks.go_on(None, log, 0.0, strictness, &mut organisation).is_none());
        }
        assert!(tasks.go_on(None, 18.0, 0.0, strictness, &mut organisation).is_none());
        let dear = tasks.go_on(Some(18.0), 22.0, 0.0, strictness, &mut organisation).expect("dear");
        assert!((dear.octaves - 6.5).abs() < 0.2 && dear.count > 150, "{dear:?}");
        // The same is ordinary where all spend so much more.
        assert!(tasks.go_on(Some(18.0), 22.0, 4.0, strictness, &mut organisation).is_none());
    }
}
