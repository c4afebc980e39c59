//! Pieces: a stretch cut where days begin and where prices change, with what each piece costs. Pure.
//!
//! Cutting changes no sum: the money of a stretch is added up in parts too small to see, and a piece gets the whole micro-USD by which the
//! sum grew. So the same holds for months, days and the whole, and nothing that was told of a time that is over changes later.

use std::sync::Arc;

use ledger::Timestamp;
use operations::calendar::{DAY, Period};

use super::rates::{Applied, Timeline};
use super::stretch::{State, Stretch};
use crate::limits;

const MICROS_OF_SECOND: i64 = 1_000_000;
const MICROS_OF_HOUR: u128 = 3_600_000_000;
/// As clouds bill storage: a month is 730 hours, whichever month it is.
const MICROS_OF_MONTH: u128 = 730 * MICROS_OF_HOUR;

/// A part of a stretch, within one day and at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The midnight with which the day of its beginning began, UTC.
    pub(crate) day: Timestamp,
    pub(crate) started: Timestamp,
    /// `None` while it goes on.
    pub(crate) ended: Option<Timestamp>,
    /// Whether it is the last one of a stretch that is over.
    pub(crate) is_last: bool,
    pub(crate) seconds: i64,
    /// Which rate of the table it is billed by.
    pub(crate) rate: Option<usize>,
    /// In micro-USD; `None` without a price.
    pub(crate) cost: Option<i64>,
    pub(crate) storage: Option<i64>,
}

/// A sum whose whole part alone is seen.
#[derive(Debug, Clone, Copy, Default)]
struct Sum(u128);

impl Sum {
    /// Adds `rate` for so many microseconds, where it is meant for `per` of them, and says by how much the whole part grew.
    fn add(&mut self, rate: u64, micros: i64, per: u128) -> i64 {
        let before = self.0 / per;
        let part = u128::from(rate).saturating_mul(u128::try_from(micros).unwrap_or(0));
        self.0 = self.0.saturating_add(part);
        i64::try_from(self.0 / per - before).unwrap_or(i64::MAX)
    }
}

/// The pieces of one stretch, in order.
#[derive(Debug)]
pub(super) struct Pieces {
    stretch: Stretch,
    timeline: Arc<Timeline>,
    /// Which price of the timeline comes next, and the one that holds.
    next_price: usize,
    applied: Option<Applied>,
    at: Timestamp,
    end: Timestamp,
    /// From this second on days are told apart; before it months are.
    days_from: i64,
    seconds: Sum,
    cost: Sum,
    storage: Sum,
}

/// From which second on days are told apart at `now`: the beginning of a month, so that no month is told in both ways.
pub(super) fn days_from(now: Timestamp) -> i64 {
    Period::Month.window(now.unix_seconds().saturating_sub(limits::COMPUTE_DAYS * DAY), 0).start
}

impl Pieces {
    /// Those of a stretch, which goes on until `now` if it has no end, at these prices.
    pub(super) fn of(stretch: Stretch, timeline: Arc<Timeline>, now: Timestamp) -> Self {
        Self {
            stretch,
            timeline,
            next_price: 0,
            applied: None,
            at: stretch.from,
            end: stretch.until.map_or(now, |(until, _)| until),
            days_from: days_from(now),
            seconds: Sum::default(),
            cost: Sum::default(),
            storage: Sum::default(),
        }
    }

    /// The stretch that they are pieces of.
    pub(super) fn stretch(&self) -> &Stretch {
        &self.stretch
    }

    /// The moment after `at` with which the next day or month begins.
    fn cut(&self) -> Timestamp {
        let second = self.at.unix_seconds();
        let period = if second < self.days_from { Period::Month } else { Period::Day };
        Timestamp::from_unix_seconds(period.window(second, 0).end)
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let started = self.at;
        if started >= self.end {
            return None;
        }
        while let Some((_, applied)) = self.timeline.get(self.next_price).filter(|(from, _)| *from <= started) {
            self.applied = *applied;
            self.next_price += 1;
        }
        let change = self.timeline.get(self.next_price).map_or(Timestamp::MAX, |(from, _)| *from);
        self.at = self.cut().min(change).min(self.end);
        let micros = self.at.micros_since(started);
        let is_end = self.at == self.end;
        let price = self.applied.map(|applied| applied.price);
        let hourly = price.map(|price| match self.stretch.state {
            State::Running => price.running,
            State::Stopped => price.stopped,
        });
        Some(Piece {
            day: Timestamp::from_unix_seconds(Period::Day.window(started.unix_seconds(), 0).start),
            started,
            ended: (!is_end || self.stretch.until.is_some()).then_some(self.at),
            is_last: is_end && self.stretch.until.is_some(),
            seconds: self.seconds.add(1, micros, MICROS_OF_SECOND as u128),
            rate: self.applied.map(|applied| applied.rate),
            cost: hourly.map(|hourly| self.cost.add(hourly.as_micros(), micros, MICROS_OF_HOUR)),
            storage: price
                .and_then(|price| price.storage)
                .map(|monthly| self.storage.add(monthly.as_micros(), micros, MICROS_OF_MONTH)),
        })
    }
}
