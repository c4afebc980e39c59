//! What an agent did in each of the last sixty minutes: how many events, of what, how many denials, and how much money. Minutes in
//! which nothing happened take no room.

use std::collections::VecDeque;

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::observation::Doing;
use crate::limits::{FLEET_MINUTES, FLEET_REQUEST_MINUTES};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The newest minutes in which something happened, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Activity(VecDeque<Minute>);

/// One minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_field_names)] // It is the number of the minute.
pub(super) struct Minute {
    #[serde(rename = "m")]
    minute: i32,
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    events: u16,
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    acting: u16,
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    thinking: u16,
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    repeated: u16,
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    denied: u16,
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    allowed: u16,
    #[serde(rename = "c", default, skip_serializing_if = "is_nothing")]
    micros: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references.
fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references.
fn is_nothing(number: &u64) -> bool {
    *number == 0
}

/// What one event adds to its minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) doing: Doing,
    pub(super) is_repeated: bool,
    pub(super) is_request: bool,
    pub(super) is_denied: bool,
    pub(super) micros: u64,
}

/// The minute since 1970 in which a moment lies.
fn minute_of(moment: Timestamp) -> i32 {
    moment.unix_micros().div_euclid(MICROS_PER_MINUTE).try_into().unwrap_or(i32::MAX)
}

impl Activity {
    /// Counts an event; one that is older than the minutes that are kept counts nowhere.
    pub(super) fn add(&mut self, moment: Timestamp, step: Step) {
        let minute = minute_of(moment);
        let newest = self.0.back().map_or(minute, |last| last.minute.max(minute));
        let oldest = newest.saturating_sub(FLEET_MINUTES as i32 - 1);
        if minute < oldest {
            return;
        }
        while self.0.front().is_some_and(|first| first.minute < oldest) {
            self.0.pop_front();
        }
        // Nearly always the newest one.
        let after = self.0.iter().rposition(|held| held.minute <= minute).map_or(0, |at| at + 1);
        let is_there = |at: &usize| self.0.get(*at).is_some_and(|held| held.minute == minute);
        let at = if let Some(at) = after.checked_sub(1).filter(is_there) {
            at
        } else {
            self.0.insert(after, Minute { minute, ..Minute::default() });
            after
        };
        if let Some(held) = self.0.get_mut(at) {
            held.count(step);
        }
    }

    /// Events in a minute, by the newest sixty seconds: what remains of the minute before counts in part.
    pub(super) fn events_per_minute(&self, now: Timestamp) -> u32 {
        u32::try_from(self.sliding(now, |minute| u64::from(minute.events))).unwrap_or(u32::MAX)
    }

    /// Money in a minute, likewise, in micro-USD.
    pub(super) fn micros_per_minute(&self, now: Timestamp) -> u64 {
        self.sliding(now, |minute| minute.micros)
    }

    fn sliding(&self, now: Timestamp, number: impl Fn(&Minute) -> u64) -> u64 {
        let minute = minute_of(now);
        let left = (MICROS_PER_MINUTE - now.unix_micros().rem_euclid(MICROS_PER_MINUTE)) as u128;
        let of = |minute| self.0.iter().rev().find(|held| held.minute == minute).map_or(0, &number);
        let before = u128::from(of(minute.saturating_sub(1))) * left / MICROS_PER_MINUTE as u128;
        of(minute).saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    /// Requests of the last ten minutes that were denied, and that were allowed.
    pub(super) fn requests(&self, now: Timestamp) -> (u32, u32) {
        let from = i64::from(minute_of(now)) - FLEET_REQUEST_MINUTES + 1;
        let lately = self.0.iter().filter(|held| i64::from(held.minute) >= from);
        lately.fold((0, 0), |(denied, allowed), held| {
            (denied + u32::from(held.denied), allowed + u32::from(held.allowed))
        })
    }

    /// The sixty minutes up to `now`, oldest first: a letter for what each was full of, its events and its denials. From
    /// `waiting_since` on, minutes without acts are those of waiting.
    pub(super) fn strip(&self, now: Timestamp, waiting_since: Option<Timestamp>) -> Strip {
        let first = minute_of(now).saturating_sub(FLEET_MINUTES as i32 - 1);
        let waits_from = waiting_since.map(minute_of);
        let mut strip = Strip {
            from: Timestamp::from_unix_micros(i64::from(first) * MICROS_PER_MINUTE),
            kinds: String::with_capacity(FLEET_MINUTES),
            events: Vec::with_capacity(FLEET_MINUTES),
            denied: Vec::with_capacity(FLEET_MINUTES),
        };
        let mut held = self.0.iter().skip_while(|held| held.minute < first).peekable();
        for minute in first..first.saturating_add(FLEET_MINUTES as i32) {
            let here = held.next_if(|held| held.minute == minute).copied().unwrap_or_default();
            let waits = waits_from.is_some_and(|from| minute >= from);
            strip.kinds.push(here.letter(waits));
            strip.events.push(here.events.into());
            strip.denied.push(here.denied.into());
        }
        strip
    }
}

/// Sixty minutes as pictures need them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strip {
    pub(super) from: Timestamp,
    pub(super) kinds: String,
    pub(super) events: Vec<u32>,
    pub(super) denied: Vec<u32>,
}

impl Minute {
    fn count(&mut self, step: Step) {
        let add = |number: &mut u16, counts: bool| *number = number.saturating_add(u16::from(counts));
        add(&mut self.events, true);
        add(&mut self.acting, step.doing == Doing::Acting);
        add(&mut self.thinking, step.doing == Doing::Thinking);
        add(&mut self.repeated, step.is_repeated);
        add(&mut self.denied, step.is_request && step.is_denied);
        add(&mut self.allowed, step.is_request && !step.is_denied);
        self.micros = self.micros.saturating_add(step.micros);
    }

    /// What the minute was full of: repeating, acting, thinking, waiting for a person, other, or nothing.
    fn letter(self, waits: bool) -> char {
        match self {
            Self { events: 0, .. } if waits => 'w',
            Self { events: 0, .. } => '.',
            Self { repeated, events, .. } if u32::from(repeated) * 2 > u32::from(events) => 'r',
            Self { acting: 0, .. } if waits => 'w',
            Self { acting: 0, thinking: 0, .. } => 'o',
            Self { acting, thinking, .. } if acting >= thinking => 'a',
            Self { .. } => 't',
        }
    }
}
