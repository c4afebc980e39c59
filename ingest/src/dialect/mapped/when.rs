//! Conditions of a mapping on an event: what a pointer leads to is one of some words, begins like something, or is there.

use serde_json::value::RawValue;

use super::form::Form;
use super::pointers::Values;
use super::written::{Mistakes, TableAt, Value, list, scalar};
use crate::dialect::json::read;
use crate::dialect::native::scalar::Scalar;
use crate::limits::{MAPPING_PARTS_MAX, MAPPING_WORDS_MAX};

/// Conditions that hold together.
#[derive(Debug, Default)]
pub struct When(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    at: usize,
    test: Test,
}

#[derive(Debug)]
enum Test {
    OneOf(Vec<String>),
    Not(Vec<String>),
    Prefix(String),
    Exists(bool),
}

/// The keys of a condition. One of those after `at` is said.
const KEYS: [&str; 6] = ["at", "is", "is_not", "one_of", "prefix", "exists"];

impl When {
    /// Reads a list of conditions.
    pub fn read(table: &TableAt<'_>, form: &mut Form, mistakes: &mut Mistakes) -> Self {
        let written = table.list("when", MAPPING_PARTS_MAX, mistakes);
        Self(written.into_iter().filter_map(|value| Condition::read(value, form, mistakes)).collect())
    }

    /// Whether there are none, so that they always hold.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them hold.
    pub fn holds(&self, values: &Values<'_>) -> bool {
        self.0.iter().all(|condition| condition.test.holds(values.get(condition.at)))
    }
}

impl Condition {
    fn read(value: &Value<'_>, form: &mut Form, mistakes: &mut Mistakes) -> Option<Self> {
        let table = TableAt::of(value, "a condition", &KEYS, mistakes)?;
        let said: Vec<_> = KEYS[1..].iter().filter_map(|key| Some((*key, table.get(key)?))).collect();
        let [(key, value)] = said[..] else {
            mistakes.tell(&table.at, format!("a condition says one of {}", KEYS[1..].join(", ")));
            return None;
        };
        let test = Test::read(key, value, mistakes);
        table.required("at", mistakes)?;
        let at = form.pointer(table.get("at")?, "at", mistakes)?;
        Some(Self { at, test: test? })
    }
}

impl Test {
    fn read(key: &str, value: &Value<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let mut word = |value: &Value<'_>| {
            let word = scalar(value.get_ref());
            if word.is_none() {
                mistakes.tell(&value.span(), format!("`{key}` is compared with a text, a number, or true and false"));
            }
            word
        };
        match key {
            "is" => Some(Self::OneOf(vec![word(value)?])),
            "is_not" => Some(Self::Not(vec![word(value)?])),
            "prefix" => word(value).map(Self::Prefix),
            "exists" => {
                let exists = value.get_ref().as_bool();
                if exists.is_none() {
                    mistakes.tell(&value.span(), "`exists` is true or false");
                }
                exists.map(Self::Exists)
            }
            _ => {
                let words = list(value, key, MAPPING_WORDS_MAX, mistakes);
                words.into_iter().map(|word| scalar(word.get_ref())).collect::<Option<_>>().map(Self::OneOf).or_else(
                    || {
                        mistakes.tell(&value.span(), "`one_of` is a list of texts, numbers, or true and false");
                        None
                    },
                )
            }
        }
    }

    fn holds(&self, value: Option<&RawValue>) -> bool {
        let text = || {
            let scalar = value.and_then(|value| read::<Scalar>(value.get()).ok())?;
            scalar.text().map(std::borrow::Cow::into_owned)
        };
        match self {
            Self::OneOf(words) => text().is_some_and(|text| words.contains(&text)),
            Self::Not(words) => text().is_none_or(|text| !words.contains(&text)),
            Self::Prefix(prefix) => text().is_some_and(|text| text.starts_with(prefix)),
            Self::Exists(exists) => value.is_some() == *exists,
        }
    }
}
