//! Dialect `mapped`: JSON of a source that nobody knows here, read by a mapping that its user writes in TOML.
//!
//! A mapping says which records are which kind of event, what columns are made of, and which other members are facts; every member
//! that it does not name is content. docs/sources/mapped.md is the reference for who writes one, and docs/examples/mapped.toml the
//! worked example, whose tests are the examples of the dialect in the list. A file is read in `form`; nothing else here does I/O.

mod column;
mod expected;
mod form;
mod keep;
mod pointers;
mod unit;
mod when;
mod written;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ledger::events::column as columns;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::bounded::read_text;
use crate::dialect::json::{read, why_not};
use crate::dialect::native::set_fingerprints;
use crate::dialect::usage::Usage;
use crate::dialect::{Decoded, Dialect, SKIP_MAPPED, record_text};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::limits::{MAPPING_FILE_BYTES_MAX, RECORD_EVENTS_MAX};
use crate::timestamp::Stated;
use column::Column;
pub use expected::TestFailure;
use keep::{Keep, Marker};
use pointers::{Pointer, Pointers, Values};
use when::When;
pub use written::Mistake;

/// Dialect `mapped` as it stands in the list: what it does is said by each collector's mapping. Here it is that of the worked example.
pub struct Mapped;

/// The worked example.
const EXAMPLE: &str = include_str!("../../../docs/examples/mapped.toml");
static EXAMPLE_MAPPING: LazyLock<Option<Mapping>> =
    LazyLock::new(|| Mapping::parse(Path::new("mapped.toml"), EXAMPLE).ok());
static EXAMPLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let tests = EXAMPLE_MAPPING.iter().flat_map(|mapping| &mapping.tests);
    tests.filter(|test| test.has_events()).map(expected::Test::record).collect()
});

/// The most trust that a mapping may say.
const TRUST: Trust = Trust::ControlPlane;

/// What the records of a source mean, as its user says.
#[derive(Debug)]
pub struct Mapping {
    name: String,
    trust: Trust,
    /// Where the list of events stands in a record that holds several.
    split: Option<Pointer>,
    /// Whether an event without an id is the same as another one of the same bytes.
    is_same_by_bytes: bool,
    pointers: Pointers,
    skips: Vec<When>,
    rules: Vec<Rule>,
    /// What is a fact of the record around its events.
    of_record: Keep,
    tests: Vec<expected::Test>,
}

/// What the events mean for which some conditions hold.
#[derive(Debug)]
struct Rule {
    when: When,
    kind: String,
    source: String,
    family: String,
    trust: Option<Trust>,
    columns: Vec<Column>,
    /// The source counts cached tokens in the input, too.
    has_cached: bool,
    keep: Keep,
}

/// Why the file of a mapping is not taken.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It cannot be read.
    #[error("the mapping {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It says something that is not in order.
    #[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong {
        /// All of it, in the order of the file.
        mistakes: Vec<Mistake>,
    },
}

impl Mapping {
    /// Reads the file of a mapping. Its tests are not run.
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let failed = |source| MappingError::Read { path: path.to_owned(), source };
        let text = read_text(path, MAPPING_FILE_BYTES_MAX).map_err(failed)?;
        Self::parse(path, &text).map_err(|mistakes| MappingError::Wrong { mistakes })
    }

    /// The events of a record, each with all that the record says, or why there are none.
    fn events<'a>(&self, record: &'a RawValue) -> Result<Vec<&'a RawValue>, String> {
        let Some(split) = &self.split else {
            let is_object = record.get().starts_with('{');
            let message = "the record is no JSON object; where it is a list of events, the mapping says `split = \"\"`";
            return if is_object { Ok(vec![record]) } else { Err(message.to_owned()) };
        };
        let list = split.steps.iter().try_fold(record, |value, step| Pointers::member(value, step));
        let events: Option<Vec<&RawValue>> = list.and_then(|list| read(list.get()).ok());
        let events = events.ok_or_else(|| format!("the mapping {} splits a list that is not there", self.name))?;
        if events.len() > RECORD_EVENTS_MAX {
            return Err(format!("the record holds more than {RECORD_EVENTS_MAX} events"));
        }
        Ok(events)
    }

    /// The rule of an event; `None` if it is skipped.
    fn rule(&self, values: &Values<'_>) -> Result<Option<&Rule>, String> {
        if self.skips.iter().any(|skip| skip.holds(values)) {
            return Ok(None);
        }
        let rule = self.rules.iter().find(|rule| rule.when.holds(values));
        rule.map(Some).ok_or_else(|| format!("no rule of the mapping {} is about it; add one, or [[skip]]", self.name))
    }

    fn fill<'a>(&'a self, text: &'a str, received: i64, drafts: &mut Drafts) -> Result<Decoded, String> {
        let record: &RawValue = read(text).map_err(|error| why_not(&error))?;
        let of_record = self.pointers.of_record(record);
        let mut kept = Vec::new();
        for event in self.events(record)? {
            let values = self.pointers.of_event(&of_record, event);
            let rule = self.rule(&values)?;
            kept.push(rule.map(|rule| &rule.keep));
            if let Some(rule) = rule {
                let draft = drafts.add();
                rule.fill(&values, received, draft);
                if self.is_same_by_bytes {
                    draft.identity.push_str(event.get());
                }
            }
        }
        // The first event carries the record, and so what is content of the others.
        let Some(draft) = drafts.iter_mut().next() else { return Ok(Decoded::Skip(SKIP_MAPPED)) };
        let keep = match (&self.split, &kept[..]) {
            (None, [Some(keep)]) => keep,
            _ => &self.of_record,
        };
        Marker { draft, text, events: &kept }.mark_event(keep, &FieldPath::root(), "record", record);
        Ok(Decoded::Events)
    }
}

impl Rule {
    /// Sets the columns of an event.
    fn fill(&self, values: &Values<'_>, received: i64, draft: &mut Draft) {
        draft.set_origin(&self.source, &self.family, &self.kind);
        if let Some(trust) = self.trust {
            draft.columns.set_text(columns::TRUST, trust.as_str());
        }
        for column in &self.columns {
            column.set(values, draft);
        }
        if draft.action.is_none() {
            let result = draft.result.take();
            set_fingerprints(draft, &self.kind, None);
            draft.result = result;
        }
        if self.has_cached {
            without_cached(draft);
        }
        let [time, observed] = [columns::TIME, columns::OBSERVED]
            .map(|column| draft.columns.time(column).map_or(Stated::Nothing, Stated::At));
        draft.set_times(time, observed, received);
        let who = [columns::USER, columns::WORKSPACE, columns::TEAM, columns::ORG];
        if who.into_iter().any(|column| draft.columns.text(column).is_some()) {
            draft.columns.set_text(columns::ATTRIBUTION, "direct");
        }
    }
}

/// Takes what was cached out of the input.
fn without_cached(draft: &mut Draft) {
    let counted = |column| draft.columns.integer(column);
    let usage = Usage {
        input: counted(columns::TOKENS_IN),
        cache_read: counted(columns::TOKENS_CACHE_READ),
        cache_write: counted(columns::TOKENS_CACHE_WRITE),
        ..Usage::default()
    };
    usage.without_cached().set(draft);
}

impl Dialect for Mapping {
    fn name(&self) -> &'static str {
        Mapped.name()
    }

    fn doc(&self) -> &'static str {
        Mapped.doc()
    }

    fn trust(&self) -> Trust {
        self.trust
    }

    fn takes_mapping(&self) -> bool {
        true
    }

    fn examples(&self) -> &'static [&'static str] {
        &[]
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "record") {
            Ok(text) => text,
            Err(other) => return other,
        };
        self.fill(text, received, drafts).unwrap_or_else(Decoded::Unparsed)
    }
}

impl Dialect for Mapped {
    fn name(&self) -> &'static str {
        "mapped"
    }

    fn doc(&self) -> &'static str {
        "JSON of any source, read by a mapping that you write: which records are which kind of event, what columns are made of, what is \
         skipped, and tests beside it, which `tachograph config check` runs. The collector names the file by `mapping`; it is read \
         again on SIGHUP. See docs/sources/mapped.md."
    }

    fn trust(&self) -> Trust {
        TRUST
    }

    // What a collector's mapping says is asked of the mapping itself.
    fn trust_unsaid(&self) -> Trust {
        Trust::Agent
    }

    fn takes_mapping(&self) -> bool {
        true
    }

    fn examples(&self) -> &'static [&'static str] {
        &EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        match &*EXAMPLE_MAPPING {
            Some(mapping) => mapping.decode(record, received, drafts),
            None => Decoded::Unparsed("the collector has no mapping".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
