//! Takes a configuration apart and puts together what is in order. Only where a part is wrong is decided here; what is wrong with it is
//! said by types and checks.

use std::cell::Cell;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Problem, line};
use crate::limits::{CONFIG_PROBLEMS_MAX, CONFIG_READ_BYTES_MAX};

/// One step from a table or list to what it holds.
#[derive(Debug, Clone)]
pub(super) enum PathSegment {
    Key(String),
    /// A number, and the name that stands there.
    Entry(usize, Option<String>),
}

/// Whether a value fits where it stands.
pub(super) type Fits<'a> = &'a dyn Fn(&Value) -> Result<(), Vec<String>>;

/// How often the file is read again in search of what is wrong. A large file of many mistakes is not taken apart to the end.
pub(super) struct Effort {
    pub(super) readings_max: usize,
    pub(super) readings: Cell<usize>,
}

impl Effort {
    pub(super) fn of(text: &str) -> Self {
        Self { readings_max: CONFIG_READ_BYTES_MAX / text.len().max(1), readings: Cell::new(0) }
    }

    /// Counts one more; false if that is too many.
    pub(super) fn spend(&self) -> bool {
        self.readings.set(self.readings.get() + 1);
        !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.readings.get() > self.readings_max
    }
}

pub(super) struct Mender<'a> {
    text: &'a str,
    lines: &'a DeTable<'a>,
    effort: &'a Effort,
    pub(super) problems: Vec<Problem>,
    /// Sinks that were left out: that others name them is no mistake.
    lost_sinks: Vec<String>,
}

impl<'a> Mender<'a> {
    /// Has not looked yet.
    pub(super) fn new(text: &'a str, lines: &'a DeTable<'a>, effort: &'a Effort) -> Self {
        Self { text, lines, effort, problems: Vec::new(), lost_sinks: Vec::new() }
    }

    /// What is left of a value when everything that does not fit is taken out of it and told.
    pub(super) fn mend(&mut self, place: &[PathSegment], value: Value, fits: Fits<'_>) -> Option<Value> {
        if self.is_done() {
            return None;
        }
        let Err(errors) = fits(&value) else { return Some(value) };
        match value {
            Value::Table(table) if fits(&Value::Table(Table::new())).is_ok() => Some(self.grow(place, table, fits)),
            Value::Table(table) => self.shrink(place, table, fits),
            Value::Array(list) if list.iter().all(Value::is_table) && fits(&Value::Array(Vec::new())).is_ok() => {
                Some(self.collect(place, list, fits))
            }
            _ => {
                self.tell(place, errors);
                None
            }
        }
    }

    /// Whether nothing more is told.
    fn is_done(&self) -> bool {
        self.problems.len() >= CONFIG_PROBLEMS_MAX || self.effort.is_over()
    }

    /// A table in which every setting may be left out is built up again.
    fn grow(&mut self, place: &[PathSegment], mut table: Table, fits: Fits<'_>) -> Value {
        // Others name sinks, so sinks come first.
        let first = table.remove_entry("sink");
        let pieces = first.into_iter().chain(table).map(|(key, value)| (PathSegment::Key(key), value)).collect();
        self.rebuild(place, pieces, fits, |pieces| {
            let entry = |(step, value): &(PathSegment, Value)| match step {
                PathSegment::Key(key) => Some((key.clone(), value.clone())),
                PathSegment::Entry(..) => None,
            };
            Value::Table(pieces.iter().filter_map(entry).collect())
        })
    }

    /// A list of tables is built up again.
    fn collect(&mut self, place: &[PathSegment], list: Vec<Value>, fits: Fits<'_>) -> Value {
        let named = |(at, value): (usize, Value)| {
            let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
            (PathSegment::Entry(at, name), value)
        };
        let pieces = list.into_iter().enumerate().map(named).collect();
        self.rebuild(place, pieces, fits, |pieces| {
            Value::Array(pieces.iter().map(|(_, value)| value.clone()).collect())
        })
    }

    /// Puts pieces together again, without those of which nothing is left. What fits is found by halving, so that a mistake
    /// costs as many readings of the file as the number of pieces has digits, not as many as there are pieces.
    fn rebuild(
        &mut self,
        place: &[PathSegment],
        pieces: Vec<(PathSegment, Value)>,
        fits: Fits<'_>,
        whole: fn(&[(PathSegment, Value)]) -> Value,
    ) -> Value {
        let mut kept: Vec<(PathSegment, Value)> = Vec::new();
        let mut rest = pieces;
        while !rest.is_empty() && !self.is_done() {
            let count = longest(rest.len(), |count| fits(&whole(&[&kept, &rest[..count]].concat())).is_ok());
            let mut after = rest.split_off(count);
            kept.append(&mut rest);
            rest = after.split_off(after.len().min(1));
            // The first that does not fit.
            for (step, value) in after {
                let with = |value: &Value| fits(&whole(&[kept.as_slice(), &[(step.clone(), value.clone())]].concat()));
                let place = [place, std::slice::from_ref(&step)].concat();
                match (self.mend(&place, value, &with), &step) {
                    (Some(value), _) => kept.push((step, value)),
                    (None, PathSegment::Entry(_, name)) if matches!(&place[0], PathSegment::Key(key) if key == "sink") =>
                    {
                        self.lost_sinks.extend(name.clone());
                    }
                    (None, _) => {}
                }
            }
        }
        whole(&kept)
    }

    /// From a table that needs some settings, those that do not fit are taken out as long as it can do without them.
    fn shrink(&mut self, place: &[PathSegment], mut table: Table, fits: Fits<'_>) -> Option<Value> {
        // Whether something is missing only because it was taken out.
        let mut robbed = false;
        while let Err(errors) = fits(&Value::Table(table.clone())) {
            if self.is_done() {
                return None;
            }
            let found = culprit(&table, &errors, fits);
            let found = found.filter(|culprit| culprit.rank != Rank::Needed || errors.len() == 1);
            let Some(Culprit { rank, key, error }) = found else {
                if !robbed {
                    self.tell(place, errors);
                }
                return None;
            };
            robbed |= !error.contains("unknown field");
            self.tell(&[place, &[PathSegment::Key(key.clone())]].concat(), vec![error]);
            if rank == Rank::Needed {
                return None;
            }
            table.remove(&key);
        }
        Some(Value::Table(table))
    }

    fn tell(&mut self, place: &[PathSegment], messages: Vec<String>) {
        let lost = |message: &String| {
            self.lost_sinks.iter().any(|name| message.contains(&format!("{name:?} is no sink that takes alerts")))
        };
        let messages: Vec<String> = messages.into_iter().filter(|message| !lost(message)).collect();
        let (line, shown) = (self.line(place), show(place));
        let problem = |message: String| {
            let message = with_hint(message);
            // Some messages begin with their place; once is enough.
            let place = if message.starts_with(&shown) { String::new() } else { shown.clone() };
            Problem { place, line, message }
        };
        self.problems.extend(messages.into_iter().map(problem));
    }

    /// The line of a place, or of what is nearest around it.
    fn line(&self, place: &[PathSegment]) -> Option<usize> {
        let mut found = None;
        let mut table = Some(self.lines);
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in place {
            match step {
                PathSegment::Key(key) => {
                    let (key, inner) = table?.iter().find(|(name, _)| name.get_ref() == key)?;
                    found = Some(key.span().start);
                    value = Some(inner);
                }
                PathSegment::Entry(at, _) => {
                    let inner = value?.get_ref().as_array()?.get(*at)?;
                    found = Some(inner.span().start);
                    value = Some(inner);
                }
            }
            table = value.and_then(|value| value.get_ref().as_table());
        }
        found.map(|at| line(self.text, at))
    }
}

/// What a table is without a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// In order.
    Mended,
    /// Wrong in another way.
    Other,
    /// Wrong, because the setting must be there.
    Needed,
}

/// A setting that is wrong, with what was said of it.
struct Culprit {
    rank: Rank,
    key: String,
    error: String,
}

/// The setting that is wrong, if one is.
fn culprit(table: &Table, errors: &[String], fits: Fits<'_>) -> Option<Culprit> {
    // Nothing need be tried if an error names it.
    let stranger = errors.iter().find_map(|error| {
        let key = quoted_after(error, "unknown field").filter(|key| table.contains_key(*key))?;
        Some(Culprit { rank: Rank::Other, key: key.to_owned(), error: error.clone() })
    });
    if stranger.is_some() {
        return stranger;
    }
    let first = errors.first()?;
    let mut candidates = Vec::new();
    // Every message about an entry has its name, so without it every message is another one.
    for key in table.keys().filter(|key| *key != "name" && *key != "type") {
        let mut without = table.clone();
        without.remove(key);
        let (rank, error) = match fits(&Value::Table(without)) {
            Ok(()) => (Rank::Mended, first),
            Err(others) if others == errors => continue,
            Err(others) if others.iter().any(|other| other.contains(&format!("missing field `{key}`"))) => {
                (Rank::Needed, first)
            }
            // It is about the one that is gone.
            Err(others) => (Rank::Other, errors.iter().find(|error| !others.contains(error)).unwrap_or(first)),
        };
        candidates.push((rank, !error.contains(key.as_str()), key, error));
    }
    candidates.sort();
    let (rank, silent, key, error) = candidates.first()?;
    // A setting that must be there is not wrong because a message is about the whole entry.
    let by_type = error.contains("invalid ") || error.contains("unknown variant");
    if *rank == Rank::Needed && *silent && !by_type {
        return None;
    }
    let alone = candidates.iter().filter(|(other, ..)| other == rank).count() == 1;
    let is_sure = *rank == Rank::Mended || alone || !silent;
    is_sure.then(|| Culprit { rank: *rank, key: (*key).clone(), error: (*error).clone() })
}

/// The largest number up to `max` of which `holds` is true, if it is true of all smaller ones.
fn longest(max: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, max + 1);
    // Mostly it is all of them, or few are wrong and stand far apart.
    let mut middle = max;
    while low + 1 < high {
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
        middle = low.midpoint(high);
    }
    low
}

/// The first word in backticks after these words.
fn quoted_after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message.split_once(words)?.1.trim_start().strip_prefix('`')?.split('`').next()
}

/// A message of serde about a name that it does not know, with the name that was probably meant.
fn with_hint(message: String) -> String {
    let unknown = ["unknown field", "unknown variant"].iter().find_map(|words| quoted_after(&message, words));
    let Some((unknown, (said, expected))) = unknown.zip(message.split_once(", expected ")) else { return message };
    let names = expected.split('`').skip(1).step_by(2);
    match detect_core::text::nearest(unknown, names) {
        Some(near) => format!("{said}; did you mean `{near}`? expected {expected}"),
        None => message,
    }
}

fn show(place: &[PathSegment]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            PathSegment::Key(name) | PathSegment::Entry(_, Some(name)) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            PathSegment::Entry(at, None) => text.extend(["[", &at.to_string(), "]"]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_hold_are_found() {
        for max in 0..20 {
            for limit in 0..=max {
                assert_eq!(longest(max, |count| count <= limit), limit, "of {max}");
            }
        }
    }
}
