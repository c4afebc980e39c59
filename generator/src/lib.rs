//! A fleet of coding agents that follows from a seed: who works in it, thirty days of ordinary work, and six stories that go wrong,
//! told in the bytes that real systems send. For `tachograph demo`, and for tests and measurements that need a whole fleet.
//!
//! It is pure: it has no clock, reads and sends nothing, and the same seed and start give the same bytes. What the bytes mean is known in
//! `ingest`; what they are labelled with, which stands beside them and never in them, in [`Label`].

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod baseline;
mod fleet;
mod live;
mod numbers;
mod records;
mod rhythm;
mod stories;
mod tasks;
mod wire;
mod work;

pub use baseline::Baseline;
pub use fleet::{Agent, Fleet, ORGANISATION, Region, Scale, UNPRICED_MODEL};
pub use live::Live;
pub use rhythm::Rhythm;
pub use stories::{Story, Subject};
pub use wire::{Door, Label, Speed, Wire};

/// Where everything follows from: the fleet, its days and its stories.
#[derive(Debug, Clone)]
pub struct Generator {
    fleet: Fleet,
    seed: u64,
}

impl Generator {
    /// The fleet of a seed.
    pub fn new(seed: u64, scale: Scale) -> Self {
        Self { fleet: Fleet::new(seed, scale), seed }
    }

    /// Who works in it.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The days before `end`, in microseconds since 1970 UTC: one list for each day, the oldest first, each in order of time. All sessions
    /// have ended by then.
    pub fn baseline(&self, end: i64) -> Baseline<'_> {
        Baseline::new(&self.fleet, self.seed, end)
    }

    /// What happens from `start` on, in order of time and without an end: ordinary work and the stories in it.
    pub fn live(&self, start: i64, speed: Speed) -> Live<'_> {
        Live::new(&self.fleet, self.seed, start, speed)
    }
}

#[cfg(test)]
mod tests;
