//! What of a record a mapping says is a fact; everything else in it is content, whatever a later release of the source adds.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::pointers::{Pointer, number};
use crate::dialect::json::read;
use crate::dialect::members::{self, CONTENT_MEMBERS_MAX, MORE, shown};
use crate::dialect::native::scalar::Scalar;
use crate::encoding::FieldPath;
use crate::event::Draft;
use crate::timestamp::Stated;

/// How a value is a fact, the least first: where several columns are made of one value, the last of these holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A number, a truth or a time; any other text that stands there is content.
    Number,
    /// A text that names something; what is no text is content.
    Name,
    /// The same, of a text in which anything may be written: secrets are searched under this name.
    FreeText(&'static str),
    /// Whatever stands there.
    Whole,
}

/// Facts by where they stand, from the record, or from the event in it.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    fact: Option<Fact>,
    inside: BTreeMap<String, Keep>,
    /// The events of the record stand here as a list.
    is_split: bool,
}

impl Keep {
    /// Adds a fact.
    pub fn add(&mut self, steps: &[String], fact: Fact) {
        let node = self.at(steps);
        node.fact = node.fact.max(Some(fact));
    }

    /// Says that the events stand in the list at this place.
    pub fn split(&mut self, steps: &[String]) {
        self.at(steps).is_split = true;
    }

    fn at(&mut self, steps: &[String]) -> &mut Self {
        steps.iter().fold(self, |node, step| node.inside.entry(step.clone()).or_default())
    }

    /// Whether what stands at a place is a fact, or a part of one.
    pub fn holds(&self, pointer: &Pointer) -> bool {
        let mut node = self;
        for step in &pointer.steps {
            if node.fact == Some(Fact::Whole) {
                return true;
            }
            let Some(next) = node.inside.get(step) else { return false };
            node = next;
        }
        node.fact.is_some()
    }
}

/// Marks what is no fact of a record as content.
pub struct Marker<'m, 'a> {
    /// The draft that carries the record.
    pub draft: &'m mut Draft,
    /// The record's text.
    pub text: &'a str,
    /// Of each event in the record, in order, what is a fact; `None` of one that is none: all of it is content.
    pub events: &'m [Option<&'m Keep>],
}

impl<'a> Marker<'_, 'a> {
    /// Marks what stands in an event, or in a record: member by member, so that their names stay, even if nothing there is a fact.
    pub fn mark_event(&mut self, keep: &Keep, path: &FieldPath, name: &str, value: &'a RawValue) {
        if keep.fact.is_none() && value.get().starts_with('{') {
            return self.mark_members(keep, path, value);
        }
        self.mark(keep, path, name, value);
    }

    /// Marks what stands at a path under this name. It goes no deeper than the pointers do.
    fn mark(&mut self, keep: &Keep, path: &FieldPath, name: &str, value: &'a RawValue) {
        if keep.is_split && value.get().starts_with('[') {
            let items: Vec<&'a RawValue> = read(value.get()).unwrap_or_default();
            for (at, item) in items.into_iter().enumerate() {
                let path = path.item(at);
                match self.events.get(at).copied().flatten() {
                    Some(keep) => self.mark_event(keep, &path, name, item),
                    None => self.cut(path, name, item),
                }
            }
            return;
        }
        match keep.fact {
            Some(Fact::Whole) => self.draft.add_free_text(self.text, "other", path.clone(), Some(value)),
            Some(fact) if !value.get().starts_with(['{', '[']) => self.mark_scalar(fact, path, name, value),
            _ if keep.inside.is_empty() => self.cut(path.clone(), name, value),
            _ if value.get().starts_with('{') => self.mark_members(keep, path, value),
            _ if value.get().starts_with('[') => self.mark_items(keep, path, name, value),
            _ => self.cut(path.clone(), name, value),
        }
    }

    fn mark_scalar(&mut self, fact: Fact, path: &FieldPath, name: &str, value: &'a RawValue) {
        match fact {
            Fact::Number if !is_number(value) => self.cut(path.clone(), name, value),
            Fact::FreeText(column) => self.draft.add_free_text(self.text, column, path.clone(), Some(value)),
            Fact::Number | Fact::Name | Fact::Whole => {}
        }
    }

    /// Where a member is written twice, the first one says nothing and is content.
    fn mark_members(&mut self, keep: &Keep, path: &FieldPath, object: &'a RawValue) {
        let members: Vec<_> = members::of(object.get()).collect();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (name, _)) in members.iter().enumerate() {
            if let Some((step, _)) = keep.inside.get_key_value(name.as_str()) {
                last.insert(step, at);
            }
        }
        for (at, (name, value)) in members.iter().enumerate() {
            let own = if at < CONTENT_MEMBERS_MAX { shown(name.as_str()) } else { MORE };
            let path = path.then(name.as_str());
            match keep.inside.get(name.as_str()).filter(|_| last.get(name.as_str()) == Some(&at)) {
                Some(keep) => self.mark(keep, &path, own, value),
                None => self.cut(path, own, value),
            }
        }
    }

    fn mark_items(&mut self, keep: &Keep, path: &FieldPath, name: &str, list: &'a RawValue) {
        let known: BTreeMap<usize, &Keep> =
            keep.inside.iter().filter_map(|(step, keep)| Some((number(step)?, keep))).collect();
        let items: Vec<&'a RawValue> = read(list.get()).unwrap_or_default();
        for (at, item) in items.into_iter().enumerate() {
            let path = path.item(at);
            match known.get(&at) {
                Some(keep) => self.mark(keep, &path, name, item),
                None => self.cut(path, name, item),
            }
        }
    }

    fn cut(&mut self, path: FieldPath, name: &str, value: &'a RawValue) {
        self.draft.add_content(self.text, name.to_owned(), path, Some(value));
    }
}

/// Whether a value that is no list and no object writes a number, a truth or a time.
fn is_number(value: &RawValue) -> bool {
    match read::<Scalar>(value.get()) {
        Ok(Scalar::Text(text)) => text.trim().parse::<f64>().is_ok() || Stated::of(&text) != Stated::Unreadable,
        Ok(_) => true,
        Err(_) => false,
    }
}
