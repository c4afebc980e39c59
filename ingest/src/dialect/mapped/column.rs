//! What a mapping makes a column of: values of the record, a constant, or a text of several; by a table of words, or in another unit.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger::column::Quantity;
use ledger::events::column;

use super::form::Form;
use super::keep::Fact;
use super::pointers::{Pointer, Values};
use super::unit::{self, Unit};
use super::written::{Mistakes, TableAt, Value, scalar};
use crate::bounds::NO_NUMBER;
use crate::dialect::json::read;
use crate::dialect::native::fields::{self, Field, Slot};
use crate::dialect::native::scalar::Scalar;
use crate::dialect::tool;
use crate::event::Draft;
use crate::limits::{MAPPING_PARTS_MAX, MAPPING_WORDS_MAX};
use crate::timestamp::Stated;

/// Names that a mapping sets beside columns: the input and the result of a call, and the id of the API key of a model call.
const OTHERS: [&str; 3] = ["input", "result", "api_key"];
/// Columns that stand elsewhere in a rule.
const ELSEWHERE: [&str; 4] = ["kind", "source", "family", "content"];

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    name: &'static str,
    target: Target,
    made_of: MadeOf,
    words: Option<Words>,
    unit: Unit,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Field(Slot),
    Input,
    Result,
    ApiKey,
}

#[derive(Debug, Clone)]
enum MadeOf {
    /// The first of these that says something.
    First(Vec<usize>),
    Constant(String),
    /// A text of several parts; nothing if one of them says nothing.
    Text(Vec<Part>),
}

#[derive(Debug, Clone)]
enum Part {
    Constant(String),
    At(usize),
}

/// What the source's words mean.
#[derive(Debug, Clone)]
struct Words {
    meanings: BTreeMap<String, String>,
    otherwise: Option<String>,
}

/// The names of all that can be set.
pub fn names() -> Vec<&'static str> {
    let names = fields::all().map(|field| field.name).filter(|name| !ELSEWHERE.contains(name));
    names.chain(OTHERS).collect()
}

/// The keys of a column that is a table.
const KEYS: [&str; 7] = ["at", "value", "text", "words", "otherwise", "unit", "times"];

impl Column {
    /// Reads a column, with the pointers of which it is made.
    pub fn read(
        name: &'static str,
        value: &Value<'_>,
        form: &mut Form,
        mistakes: &mut Mistakes,
    ) -> Option<(Self, Vec<Pointer>)> {
        let target = match name {
            "input" => Target::Input,
            "result" => Target::Result,
            "api_key" => Target::ApiKey,
            name => Target::Field(Field::by_name(name)?.slot),
        };
        let mut column = Self { name, target, made_of: MadeOf::First(Vec::new()), words: None, unit: Unit::AsItIs };
        if value.get_ref().as_table().is_none() {
            let (numbers, pointers) = form.pointers(value, name, mistakes)?;
            column.made_of = MadeOf::First(numbers);
            return Some((column, pointers));
        }
        let table = TableAt::of(value, name, &KEYS, mistakes)?;
        let (made_of, pointers) = MadeOf::read(&table, form, mistakes)?;
        column.made_of = made_of;
        column.words = Words::read(&table, mistakes);
        column.unit = unit::read(&table, column.quantity(), mistakes)?;
        if matches!(target, Target::Input | Target::Result) && table.get("at").is_none() {
            mistakes.tell(&table.at, format!("`{name}` is a value of the record: write a pointer"));
        }
        column.check_words(&table, mistakes);
        Some((column, pointers))
    }

    /// The name of the column.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What must be set before: the tool before the input of its call, and both before columns that say more than the input does.
    pub fn order(&self) -> usize {
        ["tool", "input"].iter().position(|name| *name == self.name).unwrap_or(2)
    }

    /// How the values of which it is made are facts; `None` if they are content.
    pub fn fact(&self) -> Option<Fact> {
        match self.target {
            Target::Input | Target::Result | Target::Field(Slot::ContentText(_) | Slot::Content) => None,
            // By a table of words anything may stand there.
            Target::Field(Slot::Integer(_) | Slot::Time(_) | Slot::CacheWriteHour) if self.words.is_none() => {
                Some(Fact::Number)
            }
            Target::Field(Slot::FreeText(_) | Slot::Url) => Some(Fact::FreeText(self.name)),
            Target::Field(_) | Target::ApiKey => Some(Fact::Name),
        }
    }

    fn quantity(&self) -> Option<unit::Of> {
        match self.target {
            Target::Field(Slot::Time(_)) => Some(unit::Of::Moment),
            Target::Field(Slot::Integer(_)) => {
                let column = ledger::events::TABLE.by_name(self.name)?;
                match column.semantics {
                    ledger::column::Semantics::Number(quantity) => Some(unit::Of::Number(quantity)),
                    _ => None,
                }
            }
            Target::Field(Slot::CacheWriteHour) => Some(unit::Of::Number(Quantity::Tokens)),
            _ => None,
        }
    }

    /// Tells of constants and meanings that the column does not take.
    fn check_words(&self, table: &TableAt<'_>, mistakes: &mut Mistakes) {
        let Target::Field(slot) = self.target else { return };
        let mut check = |at: &str, word: &str| {
            let (mut draft, value) = (Draft::default(), Scalar::Text(Cow::Borrowed(word)));
            let is_taken = if self.is_number() {
                self.set_number(slot, &value, &mut draft)
            } else {
                slot.set_text(&mut draft, &value)
            };
            if !is_taken && let Some(value) = table.get(at) {
                mistakes.tell(&value.span(), format!("`{}` is {}, not {word:?}", self.name, slot.expected()));
            }
        };
        if let MadeOf::Constant(word) = &self.made_of {
            check("value", word);
        }
        if let Some(words) = &self.words {
            words.meanings.values().for_each(|word| check("words", word));
            words.otherwise.iter().for_each(|word| check("otherwise", word));
        }
    }

    fn is_number(&self) -> bool {
        matches!(self.target, Target::Field(Slot::Integer(_) | Slot::Time(_) | Slot::CacheWriteHour))
    }

    /// Sets the column. What the record says and the column does not take is void, and told.
    pub fn set(&self, values: &Values<'_>, draft: &mut Draft) {
        let slot = match self.target {
            Target::Field(slot) => slot,
            Target::Input => return self.set_input(values, draft),
            Target::Result => {
                draft.result = self.raw(values).map(str::to_owned);
                return;
            }
            Target::ApiKey => {
                let text = self.value(values).and_then(|value| value.text().map(Cow::into_owned));
                return draft.api_key = text.unwrap_or_default();
            }
        };
        let Some(value) = self.value(values) else { return };
        let Some(value) = self.meaning(value) else { return draft.void(self.name) };
        let is_taken =
            if self.is_number() { self.set_number(slot, &value, draft) } else { slot.set_text(draft, &value) };
        if !is_taken {
            draft.void(self.name);
        }
        // What is put together may hold a secret that no value of the record has.
        if let (MadeOf::Text(_), Slot::Text(column) | Slot::FreeText(column) | Slot::ContentText(column), Some(text)) =
            (&self.made_of, slot, value.text())
        {
            draft.columns.join_text(column, &text);
        }
    }

    fn set_number(&self, slot: Slot, value: &Scalar, draft: &mut Draft) -> bool {
        match (slot, self.unit.apply(value)) {
            (_, unit::Read::AsItIs) => slot.set_number(draft, value),
            (Slot::Time(column), unit::Read::Moment(Stated::At(micros))) => {
                draft.columns.set_time(column, micros);
                true
            }
            (_, unit::Read::Moment(stated)) => stated == Stated::Nothing,
            (_, unit::Read::Number(NO_NUMBER)) => false,
            (_, unit::Read::Number(number)) => slot.set_number(draft, &Scalar::Integer(number)),
        }
    }

    fn set_input(&self, values: &Values<'_>, draft: &mut Draft) {
        let Some(input) = self.raw(values) else { return };
        let tool = draft.columns.text(column::TOOL).unwrap_or_default().to_owned();
        tool::set_call(draft, &tool, input);
    }

    /// The JSON of the first value that says something.
    fn raw<'a>(&self, values: &Values<'a>) -> Option<&'a str> {
        let MadeOf::First(numbers) = &self.made_of else { return None };
        let mut found = numbers.iter().filter_map(|number| values.get(*number));
        found.find(|value| !crate::dialect::is_empty(value.get())).map(serde_json::value::RawValue::get)
    }

    /// What the column is made of in this record; `None` if the record says nothing.
    fn value<'a>(&'a self, values: &Values<'a>) -> Option<Scalar<'a>> {
        match &self.made_of {
            MadeOf::First(_) => self.raw(values).map(|raw| read(raw).unwrap_or(Scalar::Other)),
            MadeOf::Constant(text) => Some(Scalar::Text(Cow::Borrowed(text))),
            MadeOf::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Constant(constant) => text.push_str(constant),
                        Part::At(number) => {
                            let scalar: Scalar = read(values.get(*number)?.get()).ok()?;
                            text.push_str(&scalar.text().filter(|text| !text.is_empty())?);
                        }
                    }
                }
                Some(Scalar::Text(Cow::Owned(text)))
            }
        }
    }

    /// What a word of the source means; `None` of one that is not in the table.
    fn meaning<'a>(&'a self, value: Scalar<'a>) -> Option<Scalar<'a>> {
        let Some(words) = &self.words else { return Some(value) };
        let meaning = value.text().and_then(|word| words.meanings.get(word.as_ref())).or(words.otherwise.as_ref())?;
        Some(Scalar::Text(Cow::Borrowed(meaning)))
    }
}

impl MadeOf {
    fn read(table: &TableAt<'_>, form: &mut Form, mistakes: &mut Mistakes) -> Option<(Self, Vec<Pointer>)> {
        let ways = ["at", "value", "text"];
        let said: Vec<_> = ways.iter().filter_map(|way| Some((*way, table.get(way)?))).collect();
        let [(way, value)] = said[..] else {
            mistakes.tell(&table.at, "a column says one of `at`, `value` and `text`");
            return None;
        };
        match way {
            "at" => form.pointers(value, way, mistakes).map(|(numbers, pointers)| (Self::First(numbers), pointers)),
            "value" => {
                let constant = scalar(value.get_ref());
                if constant.is_none() {
                    mistakes.tell(&value.span(), "`value` is a text, a number, a time, or true and false");
                }
                constant.map(|constant| (Self::Constant(constant), Vec::new()))
            }
            _ => Self::read_text(value, form, mistakes),
        }
    }

    /// Reads `"{/repository}#{/number}"`.
    fn read_text(value: &Value<'_>, form: &mut Form, mistakes: &mut Mistakes) -> Option<(Self, Vec<Pointer>)> {
        let (mut parts, mut pointers) = (Vec::new(), Vec::new());
        let mut rest = super::written::text(value, "text", mistakes)?;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((pointer, after)) = after.split_once('}') else {
                mistakes.tell(&value.span(), "`text` has a `{` without its `}`");
                return None;
            };
            parts.push(Part::Constant(before.to_owned()));
            let (number, pointer) = form.parse(pointer, &value.span(), mistakes)?;
            parts.push(Part::At(number));
            pointers.push(pointer);
            rest = after;
        }
        parts.push(Part::Constant(rest.to_owned()));
        if pointers.is_empty() || pointers.len() > MAPPING_PARTS_MAX {
            mistakes.tell(
                &value.span(),
                format!("`text` names 1 to {MAPPING_PARTS_MAX} pointers, such as \"{{/owner}}/{{/name}}\""),
            );
            return None;
        }
        Some((Self::Text(parts), pointers))
    }
}

impl Words {
    fn read(table: &TableAt<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let otherwise = table.get("otherwise").and_then(|value| word(value, "otherwise", mistakes));
        let Some(written) = table.get("words") else {
            if let Some(value) = table.get("otherwise") {
                mistakes.tell(&value.span(), "`otherwise` goes with `words`");
            }
            return None;
        };
        let Some(words) = written.get_ref().as_table() else {
            mistakes.tell(&written.span(), "`words` is a table: { passed = \"success\", failed = \"error\" }");
            return None;
        };
        if words.is_empty() || words.len() > MAPPING_WORDS_MAX {
            mistakes.tell(&written.span(), format!("`words` has 1 to {MAPPING_WORDS_MAX} words"));
        }
        let mut meanings = BTreeMap::new();
        for (name, value) in words.iter().take(MAPPING_WORDS_MAX) {
            if let Some(meaning) = word(value, "words", mistakes) {
                meanings.insert(name.get_ref().to_string(), meaning);
            }
        }
        Some(Self { meanings, otherwise })
    }
}

fn word(value: &Value<'_>, what: &str, mistakes: &mut Mistakes) -> Option<String> {
    let word = scalar(value.get_ref());
    if word.is_none() {
        mistakes.tell(&value.span(), format!("what `{what}` gives is a text, a number, or true and false"));
    }
    word
}
