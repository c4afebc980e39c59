//! The pointers of a mapping, and what they lead to in a record. Each is looked for once, however many columns name it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::dialect::json::read;
use crate::dialect::members;
use crate::encoding::FieldPath;
use crate::limits::{MAPPING_POINTER_BYTES_MAX, MAPPING_POINTER_STEPS_MAX, MAPPING_POINTERS_MAX};

/// Marks a pointer that begins at the whole record, where records are split.
const OF_RECORD: char = '^';

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    /// Whether it begins at the whole record, and not at the event in it.
    pub of_record: bool,
    /// The names and numbers on the way.
    pub steps: Vec<String>,
}

impl Pointer {
    /// Reads a JSON pointer (RFC 6901), which may begin with `^`; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (of_record, pointer) = text.strip_prefix(OF_RECORD).map_or((false, text), |pointer| (true, pointer));
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            let example =
                "a pointer begins with `/`, such as \"/request/host\"; a constant is written { value = \"…\" }";
            return Err(example.to_owned());
        }
        let (bytes_max, steps_max) = (MAPPING_POINTER_BYTES_MAX, MAPPING_POINTER_STEPS_MAX);
        let steps: Vec<String> = FieldPath::of(pointer).steps().map(std::borrow::Cow::into_owned).collect();
        if text.len() > bytes_max || steps.len() > steps_max {
            return Err(format!("a pointer has at most {bytes_max} bytes and {steps_max} steps"));
        }
        Ok(Self { of_record, steps })
    }
}

/// All pointers of a mapping, each with its number.
#[derive(Debug, Default)]
pub struct Pointers {
    numbers: BTreeMap<Pointer, usize>,
    of_event: Node,
    of_record: Node,
}

/// What is looked for at a value and inside of it.
#[derive(Debug, Default)]
struct Node {
    /// The number of the pointer that ends here.
    end: Option<usize>,
    inside: BTreeMap<String, Node>,
}

impl Pointers {
    /// The number of a pointer; `None` if there are too many.
    pub fn add(&mut self, pointer: &Pointer) -> Option<usize> {
        if let Some(number) = self.numbers.get(pointer) {
            return Some(*number);
        }
        let number = self.numbers.len();
        if number == MAPPING_POINTERS_MAX {
            return None;
        }
        let mut node = if pointer.of_record { &mut self.of_record } else { &mut self.of_event };
        for step in &pointer.steps {
            node = node.inside.entry(step.clone()).or_default();
        }
        node.end = Some(number);
        self.numbers.insert(pointer.clone(), number);
        Some(number)
    }

    /// The member or item of a value to which a step leads.
    pub fn member<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
        if value.get().starts_with('[') {
            let items: Vec<&RawValue> = read(value.get()).ok()?;
            return items.get(number(step)?).copied();
        }
        members::of(value.get()).filter(|(name, _)| name.as_str() == step).last().map(|(_, value)| value)
    }

    /// What the pointers that begin at the record lead to, with room for the others.
    pub fn of_record<'a>(&self, record: &'a RawValue) -> Values<'a> {
        let mut values = Values(vec![None; self.numbers.len()]);
        self.of_record.find(record, &mut values.0);
        values
    }

    /// Adds what the others lead to in an event of that record.
    pub fn of_event<'a>(&self, of_record: &Values<'a>, event: &'a RawValue) -> Values<'a> {
        let mut values = of_record.clone();
        self.of_event.find(event, &mut values.0);
        values
    }
}

impl Node {
    /// Where a member is written twice, the last one counts.
    fn find<'a>(&self, value: &'a RawValue, found: &mut [Option<&'a RawValue>]) {
        if let Some(slot) = self.end.and_then(|number| found.get_mut(number)) {
            *slot = Some(value);
        }
        if self.inside.is_empty() {
            return;
        }
        if value.get().starts_with('[') {
            let items: Vec<&RawValue> = read(value.get()).unwrap_or_default();
            for (step, node) in &self.inside {
                if let Some(item) = number(step).and_then(|number| items.get(number)) {
                    node.find(item, found);
                }
            }
            return;
        }
        let mut last: BTreeMap<&str, (&Self, &'a RawValue)> = BTreeMap::new();
        for (name, member) in members::of(value.get()) {
            if let Some((step, node)) = self.inside.get_key_value(name.as_str()) {
                last.insert(step, (node, member));
            }
        }
        for (node, member) in last.into_values() {
            node.find(member, found);
        }
    }
}

/// The number that a step writes, in the one way in which an item of a list is named.
pub fn number(step: &str) -> Option<usize> {
    let number: usize = step.parse().ok()?;
    (number.to_string() == step).then_some(number)
}

/// What the pointers lead to.
#[derive(Debug, Clone)]
pub struct Values<'a>(Vec<Option<&'a RawValue>>);

impl<'a> Values<'a> {
    /// What a pointer leads to, unless that says nothing: null is as nothing.
    pub fn get(&self, number: usize) -> Option<&'a RawValue> {
        self.0.get(number).copied().flatten().filter(|value| value.get() != "null")
    }
}
