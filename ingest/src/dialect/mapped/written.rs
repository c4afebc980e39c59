//! Reads the tables of a mapping's file, and collects its mistakes with their places. What the tables mean is decided elsewhere.

use std::ops::Range;
use std::path::PathBuf;

use operations::filter::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::dialect::quoted;
use crate::limits::MAPPING_MISTAKES_MAX;

/// A mistake in a mapping's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// The mistakes of one file: each where it stands, in bytes.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<(usize, String)>);

impl Mistakes {
    /// Tells of one.
    pub fn tell(&mut self, at: &Range<usize>, message: impl Into<String>) {
        if self.0.len() < MAPPING_MISTAKES_MAX {
            self.0.push((at.start, message.into()));
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the order of the file's text.
    pub fn in_order(mut self, file: &std::path::Path, text: &str) -> Vec<Mistake> {
        self.0.sort_by_key(|(at, _)| *at);
        let located = |(at, message)| {
            let (line, column) = place(text, at);
            Mistake { file: file.to_owned(), line, column, message }
        };
        self.0.into_iter().map(located).collect()
    }
}

/// Line and character of a byte, both from 1.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.matches('\n').count(), 1 + before[line..].chars().count())
}

/// A value with where it stands.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// A table with where it stands.
#[derive(Clone)]
pub struct TableAt<'a> {
    table: &'a DeTable<'a>,
    /// Where it begins, for what is said of it as a whole.
    pub at: Range<usize>,
}

impl<'a> TableAt<'a> {
    /// The whole file.
    pub fn whole(table: &'a DeTable<'a>) -> Self {
        Self { table, at: 0..0 }
    }

    /// A value that has to be a table with no other keys than these.
    pub fn of(value: &'a Value<'a>, what: &str, keys: &[&str], mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            mistakes
                .tell(&value.span(), format!("{what} is a table, such as {{ {} = … }}", keys.first().unwrap_or(&"")));
            return None;
        };
        let table = Self { table, at: value.span() };
        table.refuse_others(keys, mistakes);
        Some(table)
    }

    /// Tells of the keys that are none of these, with the one that was probably meant.
    pub fn refuse_others(&self, keys: &[&str], mistakes: &mut Mistakes) {
        for key in self.table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            let known = || format!("; known are {}", keys.join(", "));
            let hint = near(key.get_ref(), keys.iter().copied()).unwrap_or_else(known);
            mistakes.tell(&key.span(), format!("unknown key {}{hint}", quoted(key.get_ref())));
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        self.table.get(key)
    }

    /// All keys with their values and where the keys stand.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Value<'a>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    /// The text of a key that may be left out.
    pub fn text(&self, key: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
        self.get(key).and_then(|value| text(value, key, mistakes))
    }

    /// The text of a key that must be there.
    pub fn required(&self, key: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
        if self.get(key).is_none() {
            mistakes.tell(&self.at, format!("`{key}` is missing"));
        }
        self.text(key, mistakes)
    }

    /// Whether a key says true.
    pub fn flag(&self, key: &str, mistakes: &mut Mistakes) -> bool {
        let Some(value) = self.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            mistakes.tell(&value.span(), format!("`{key}` is true or false"));
            false
        })
    }

    /// The values of a list, of at most so many; a single value is a list of one where that is meant.
    pub fn list(&self, key: &str, most: usize, mistakes: &mut Mistakes) -> Vec<&'a Value<'a>> {
        self.get(key).map_or_else(Vec::new, |value| list(value, key, most, mistakes))
    }
}

/// The values of a list, of at most so many.
pub fn list<'a>(value: &'a Value<'a>, what: &str, most: usize, mistakes: &mut Mistakes) -> Vec<&'a Value<'a>> {
    let Some(values) = value.get_ref().as_array() else {
        mistakes.tell(&value.span(), format!("`{what}` is a list: write […]"));
        return Vec::new();
    };
    if values.len() > most {
        mistakes.tell(&value.span(), format!("`{what}` has more than {most} entries"));
    }
    values.iter().take(most).collect()
}

/// A value that has to be a text.
pub fn text<'a>(value: &'a Value<'a>, what: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        mistakes.tell(&value.span(), format!("`{what}` is a text in quotes"));
    }
    text
}

/// What a text, number, truth or time writes, as text.
pub fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.as_ref().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        _ => None,
    }
}

/// The question whether another name was meant, if one is like it.
pub fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    nearest(name, names).map(|near| format!("; did you mean `{near}`?"))
}
