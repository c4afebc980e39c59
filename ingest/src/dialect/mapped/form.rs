//! Reads the text of a mapping's file into a mapping, or says everything that is wrong with it. No file is opened here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use operations::access::Trust;
use toml::de::DeTable;

use super::column::{Column, names};
use super::expected::Test;
use super::keep::{Fact, Keep};
use super::pointers::{Pointer, Pointers};
use super::when::When;
use super::written::{Mistake, Mistakes, TableAt, Value, list, near, text};
use super::{Mapping, Rule};
use crate::dialect::native::fields::{Field, Slot};
use crate::dialect::native::scalar::Scalar;
use crate::dialect::quoted;
use crate::event::Draft;
use crate::limits::{MAPPING_PARTS_MAX, MAPPING_TABLES_MAX};

/// The keys of the whole file.
const KEYS: [&str; 11] =
    ["name", "source", "family", "trust", "split", "identity", "facts", "columns", "skip", "rule", "test"];
/// The keys of a rule.
const RULE_KEYS: [&str; 8] = ["kind", "when", "source", "family", "trust", "facts", "columns", "tokens_in_has_cached"];
/// Kinds that Tachograph itself gives.
const OWN_KINDS: [&str; 2] = ["unparsed", "conflict"];
/// The longest name of a mapping, a source or a kind.
const NAME_BYTES_MAX: usize = 64;

/// What is being read: the pointers that were met so far.
#[derive(Debug, Default)]
pub struct Form {
    pointers: Pointers,
    split: Option<Pointer>,
}

/// A column with the pointers of which it is made, and where it is written.
type Written = (Column, Vec<Pointer>, Range<usize>);

impl Form {
    /// The number of the pointer that a text writes.
    pub fn parse(&mut self, written: &str, at: &Range<usize>, mistakes: &mut Mistakes) -> Option<(usize, Pointer)> {
        let pointer = match Pointer::parse(written) {
            Ok(pointer) => pointer,
            Err(message) => {
                mistakes.tell(at, format!("{}: {message}", quoted(written)));
                return None;
            }
        };
        if let Some(message) = self.misplaced(&pointer) {
            mistakes.tell(at, message);
            return None;
        }
        let number = self.pointers.add(&pointer);
        if number.is_none() {
            mistakes.tell(at, "there are too many pointers");
        }
        Some((number?, pointer))
    }

    /// What is wrong with a pointer that begins at the whole record.
    fn misplaced(&self, pointer: &Pointer) -> Option<&'static str> {
        let split = match &self.split {
            _ if !pointer.of_record => return None,
            None => {
                return Some(
                    "`^` begins a pointer at the whole record where `split` says that it holds several events",
                );
            }
            Some(split) => split,
        };
        let overlaps = pointer.steps.starts_with(&split.steps) || split.steps.starts_with(&pointer.steps);
        overlaps.then_some("`^` names what stands beside the events; this pointer leads to them, or into them")
    }

    /// The number of the one pointer that a value writes.
    pub fn pointer(&mut self, value: &Value<'_>, what: &str, mistakes: &mut Mistakes) -> Option<usize> {
        let written = text(value, what, mistakes)?;
        self.parse(written, &value.span(), mistakes).map(|(number, _)| number)
    }

    /// The pointer that a value writes, or those of a list.
    pub fn pointers(
        &mut self,
        value: &Value<'_>,
        what: &str,
        mistakes: &mut Mistakes,
    ) -> Option<(Vec<usize>, Vec<Pointer>)> {
        let written = if value.get_ref().as_str().is_some() {
            vec![value]
        } else {
            list(value, what, MAPPING_PARTS_MAX, mistakes)
        };
        let mut found = Vec::new();
        for value in written {
            found.push(self.parse(text(value, what, mistakes)?, &value.span(), mistakes)?);
        }
        (!found.is_empty()).then(|| found.into_iter().unzip())
    }
}

impl Mapping {
    /// Reads the text of a file; `file` is its name in what is said of mistakes.
    pub fn parse(file: &Path, written: &str) -> Result<Self, Vec<Mistake>> {
        let (table, errors) = DeTable::parse_recoverable(written);
        let mut mistakes = Mistakes::default();
        for error in &errors {
            mistakes.tell(&error.span().unwrap_or_default(), error.message());
        }
        // What the rest of the file means is anybody's guess then.
        let mapping = errors.is_empty().then(|| read(&TableAt::whole(table.get_ref()), &mut mistakes));
        match mapping.filter(|_| mistakes.is_empty()) {
            Some(mapping) => Ok(mapping),
            None => Err(mistakes.in_order(file, written)),
        }
    }
}

fn read(whole: &TableAt<'_>, mistakes: &mut Mistakes) -> Mapping {
    whole.refuse_others(&KEYS, mistakes);
    let mut form = Form::default();
    let split = whole.text("split", mistakes).and_then(|written| {
        let pointer = Pointer::parse(written).and_then(|pointer| {
            if pointer.of_record { Err("`split` begins at the record without `^`".to_owned()) } else { Ok(pointer) }
        });
        let at = whole.get("split").map(Value::span).unwrap_or_default();
        pointer.map_err(|message| mistakes.tell(&at, message)).ok()
    });
    form.split.clone_from(&split);
    let name = word(whole, "name", mistakes).unwrap_or_default();
    if name.is_empty() && whole.get("name").is_none() {
        mistakes.tell(&whole.at, "`name` is missing: a word for the mapping, such as \"acme_ci\"");
    }
    let trust = trust(whole, mistakes).unwrap_or(Trust::Agent);
    let common = Common {
        source: word(whole, "source", mistakes),
        family: family(whole, mistakes),
        columns: columns(whole, &mut form, mistakes),
        facts: facts(whole, &mut form, mistakes),
    };
    let mut skips = Vec::new();
    for value in whole.list("skip", MAPPING_TABLES_MAX, mistakes) {
        let Some(table) = TableAt::of(value, "[[skip]]", &["when"], mistakes) else { continue };
        let when = When::read(&table, &mut form, mistakes);
        if when.is_empty() {
            mistakes.tell(&table.at, "[[skip]] without `when` skips everything");
        }
        skips.push(when);
    }
    let mut rules = Vec::new();
    let mut of_record = Keep::default();
    for value in whole.list("rule", MAPPING_TABLES_MAX, mistakes) {
        let Some(table) = TableAt::of(value, "[[rule]]", &RULE_KEYS, mistakes) else { continue };
        rules.extend(rule(&table, &common, trust, &mut form, &mut of_record, mistakes));
    }
    if rules.is_empty() && mistakes.is_empty() {
        mistakes.tell(&whole.at, "there is no [[rule]]: each says which records are which `kind` of event");
    }
    if let Some(split) = &split {
        of_record.split(&split.steps);
    }
    let tests = whole.list("test", MAPPING_TABLES_MAX, mistakes);
    let tests = tests.into_iter().filter_map(|value| Test::read(value, mistakes)).collect();
    let is_same_by_bytes = identity(whole, mistakes);
    let pointers = form.pointers;
    Mapping { name, trust, split, is_same_by_bytes, pointers, skips, rules, of_record, tests }
}

/// What a file says for all of its rules.
struct Common {
    source: Option<String>,
    family: Option<String>,
    columns: BTreeMap<&'static str, Written>,
    facts: Vec<(Pointer, Range<usize>)>,
}

fn rule(
    table: &TableAt<'_>,
    common: &Common,
    most: Trust,
    form: &mut Form,
    of_record: &mut Keep,
    mistakes: &mut Mistakes,
) -> Option<Rule> {
    let kind = word(table, "kind", mistakes);
    if table.get("kind").is_none() {
        mistakes.tell(&table.at, "`kind` is missing; the known ones stand in ingest/NATIVE.md");
    } else if kind.as_deref().is_some_and(|kind| OWN_KINDS.contains(&kind)) {
        mistakes.tell(&table.at, "this kind is given by Tachograph itself");
    }
    let source = word(table, "source", mistakes).or_else(|| common.source.clone());
    if source.is_none() {
        mistakes.tell(&table.at, "`source` is missing, here and for the whole file: such as \"acme.ci\"");
    }
    let family = family(table, mistakes).or_else(|| common.family.clone());
    if family.is_none() {
        mistakes.tell(&table.at, "`family` is missing, here and for the whole file: boundary, gateway or workspace");
    }
    let own_trust = trust(table, mistakes);
    if own_trust.is_some_and(|own| own > most) {
        mistakes.tell(&table.at, format!("`trust` of a rule is at most that of the file, which is `{most}`"));
    }
    let when = When::read(table, form, mistakes);
    let mut written = columns(table, form, mistakes);
    for (name, column) in &common.columns {
        written.entry(name).or_insert_with(|| column.clone());
    }
    let own_facts = facts(table, form, mistakes);
    let keep = kept(&written, common.facts.iter().chain(&own_facts), of_record, mistakes);
    let mut columns: Vec<Column> = written.into_values().map(|(column, ..)| column).collect();
    columns.sort_by_key(Column::order);
    let has_cached = table.flag("tokens_in_has_cached", mistakes);
    Some(Rule { when, kind: kind?, source: source?, family: family?, trust: own_trust, columns, has_cached, keep })
}

/// What stays in the record by a rule: of each event, and, added to `of_record`, of the record around it.
fn kept<'f>(
    columns: &BTreeMap<&'static str, Written>,
    facts: impl Iterator<Item = &'f (Pointer, Range<usize>)>,
    of_record: &mut Keep,
    mistakes: &mut Mistakes,
) -> Keep {
    let mut keep = Keep::default();
    let mut add = |pointer: &Pointer, fact: Fact, keep: &mut Keep| {
        let keep = if pointer.of_record { &mut *of_record } else { keep };
        keep.add(&pointer.steps, fact);
    };
    for (pointer, _) in facts {
        add(pointer, Fact::Whole, &mut keep);
    }
    for (column, pointers, _) in columns.values() {
        if let Some(fact) = column.fact() {
            for pointer in pointers {
                add(pointer, fact, &mut keep);
            }
        }
    }
    for (column, pointers, at) in columns.values().filter(|(column, ..)| column.fact().is_none()) {
        let held = |pointer: &&Pointer| if pointer.of_record { of_record.holds(pointer) } else { keep.holds(pointer) };
        if pointers.iter().any(|pointer| held(&pointer)) {
            let name = column.name();
            let message = format!(
                "`{name}` is content, and what it is made of is also a fact, by `facts` or a column: take one of them out"
            );
            mistakes.tell(at, message);
        }
    }
    keep
}

fn columns(table: &TableAt<'_>, form: &mut Form, mistakes: &mut Mistakes) -> BTreeMap<&'static str, Written> {
    let mut columns = BTreeMap::new();
    let Some(value) = table.get("columns") else { return columns };
    let known = names();
    let Some(written) = value.get_ref().as_table() else {
        mistakes.tell(&value.span(), "`columns` is a table: [columns] with a line for each");
        return columns;
    };
    for (key, at, value) in TableAt::whole(written).entries() {
        let Some(name) = known.iter().copied().find(|name| *name == key) else {
            mistakes.tell(&at, format!("unknown column {}{}", quoted(key), hint(key, &known)));
            continue;
        };
        if let Some((column, pointers)) = Column::read(name, value, form, mistakes) {
            columns.insert(name, (column, pointers, at));
        }
    }
    columns
}

/// What to write in place of a column that is not known.
fn hint(key: &str, known: &[&'static str]) -> String {
    match key {
        "kind" | "source" | "family" | "trust" => format!("; `{key}` stands beside `columns`, as a constant"),
        "content" => "; every member that is not named is content".to_owned(),
        _ if ledger::events::TABLE.by_name(key).is_some() => "; Tachograph sets it itself".to_owned(),
        _ => near(key, known.iter().copied()).unwrap_or_else(|| "; ingest/NATIVE.md lists them".to_owned()),
    }
}

fn facts(table: &TableAt<'_>, form: &mut Form, mistakes: &mut Mistakes) -> Vec<(Pointer, Range<usize>)> {
    let written = table.list("facts", MAPPING_TABLES_MAX, mistakes);
    let mut facts = Vec::new();
    for value in written {
        let Some(pointer) = text(value, "facts", mistakes) else { continue };
        let at = value.span();
        facts.extend(form.parse(pointer, &at, mistakes).map(|(_, pointer)| (pointer, at)));
    }
    facts
}

/// The text of a key that is a name: of a mapping, a source or a kind.
fn word(table: &TableAt<'_>, key: &str, mistakes: &mut Mistakes) -> Option<String> {
    let word = table.text(key, mistakes)?;
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-');
    if word.is_empty() || word.len() > NAME_BYTES_MAX || !word.bytes().all(legal) {
        let at = table.get(key).map(Value::span).unwrap_or_default();
        mistakes.tell(&at, format!("`{key}` is 1 to {NAME_BYTES_MAX} of a-z, 0-9, `_`, `.` and `-`"));
    }
    Some(word.to_owned())
}

fn family(table: &TableAt<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let word = table.text("family", mistakes)?;
    let slot = Field::by_name("family").map(|field| field.slot);
    let is_known = slot.is_some_and(|slot| slot.set_text(&mut Draft::default(), &Scalar::Text(word.into())));
    if !is_known {
        let at = table.get("family").map(Value::span).unwrap_or_default();
        mistakes.tell(&at, format!("`family` is {}", slot.map(Slot::expected).unwrap_or_default()));
    }
    Some(word.to_owned())
}

fn trust(table: &TableAt<'_>, mistakes: &mut Mistakes) -> Option<Trust> {
    let word = table.text("trust", mistakes)?;
    let trust = word.parse().ok();
    if trust.is_none() {
        let at = table.get("trust").map(Value::span).unwrap_or_default();
        let known = Trust::ALL.map(Trust::as_str).join(", ");
        mistakes.tell(&at, format!("`trust` is one of {known}, not {}", quoted(word)));
    }
    trust
}

/// Whether an event without an id is the same as another one of the same bytes.
fn identity(table: &TableAt<'_>, mistakes: &mut Mistakes) -> bool {
    let Some(word) = table.text("identity", mistakes) else { return false };
    if word != "bytes" {
        let at = table.get("identity").map(Value::span).unwrap_or_default();
        mistakes.tell(&at, "`identity` is \"bytes\", or left out; an id of the source is the column `source_id`");
    }
    true
}
