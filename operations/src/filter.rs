//! The filter that pages, the API, `tail` and alert routes share: terms with blanks between them, all of which must hold.
//!
//! ```text
//! team:payments,web kind:egress.http outcome:deny host:*.example.com cost>5 -user:bob "free text" since:2h until:14:03
//! ```
//!
//! A filter is read here and asked of whatever has [`Fields`]: a row of a ledger, an alert. What a word stands for is one table,
//! [`words::ALL`]. How a filter becomes SQL is known to `query`, which reads the same table. Nothing here has a clock: the moment to
//! which `since:2h` refers is a parameter.

mod alert;
mod display;
mod error;
mod evaluate;
mod moment;
mod parse;
mod pattern;
mod quantity;
mod row;
mod scan;
#[cfg(test)]
mod tests;
pub mod words;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use alert::text as alert_text;
pub use error::{FilterError, nearest};
pub use evaluate::{Fields, Value};
pub use moment::Moment;
pub use pattern::{Pattern, Piece};
pub use quantity::Unit;
pub use row::time_text;
pub use words::{Source, Word};

/// What a filter is asked of: it decides which words there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Records of `events`.
    Events,
    /// Entries of `operations`.
    Operations,
    /// Alerts with what people did about them.
    Alerts,
    /// Sessions; words of records ask whether the session has such a record.
    Sessions,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Events, Self::Operations, Self::Alerts, Self::Sessions];

    /// What they are called in sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Operations => "operations",
            Self::Alerts => "alerts",
            Self::Sessions => "sessions",
        }
    }
}

/// Where a term looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A word of the table.
    Word(&'static Word),
    /// A column of a ledger by its own name, with its ids in `events` and `operations`.
    Column {
        /// The name.
        name: &'static str,
        /// Its id in `events`.
        events: Option<u8>,
        /// Its id in `operations`.
        operations: Option<u8>,
    },
    /// A field of the JSON in `record`.
    Record(String),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// More.
    Greater,
    /// As much or more.
    AtLeast,
    /// Less.
    Less,
    /// As much or less.
    AtMost,
}

impl Comparison {
    /// All of them, the longer signs first, since they begin like the shorter ones.
    pub const ALL: [Self; 5] = [Self::AtLeast, Self::AtMost, Self::Greater, Self::Less, Self::Equal];

    /// The sign, in filters and in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Less => "<",
            Self::AtMost => "<=",
        }
    }
}

/// What a term asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// A searched text has this in it, whatever the case of letters.
    Text(Pattern),
    /// A value in the place fits one of the patterns.
    Is(Place, Vec<Pattern>),
    /// A number in the place compares like this with a number in the place's own unit.
    Compare(Place, Comparison, i64),
    /// It goes on at this moment or later.
    Since(Moment),
    /// It began before this moment.
    Until(Moment),
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether it must not hold.
    pub negated: bool,
    /// What it asks.
    pub test: Test,
}

/// Terms that must all hold; without terms it holds for everything. As text it is canonical: what is read from it is the same filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter in which any word may stand that some subject knows.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::read(text, None)
    }

    /// Reads a filter for one subject, and refuses words that it does not know.
    pub fn parse_for(subject: Subject, text: &str) -> Result<Self, FilterError> {
        parse::read(text, Some(subject))
    }

    /// Reads a filter of alerts as detectors find them, for routes and silences: what people did and what time it is decides nothing
    /// there.
    pub fn parse_for_delivery(text: &str) -> Result<Self, FilterError> {
        let filter = Self::parse_for(Subject::Alerts, text)?;
        match filter.terms.iter().find(|term| !term.is_about_the_finding()) {
            Some(term) => Err(FilterError::not_for_delivery(term)),
            None => Ok(filter),
        }
    }

    /// A filter of these terms, for callers whose parameters are older than the grammar.
    pub fn of(terms: Vec<Term>) -> Self {
        Self { terms }
    }

    /// The terms.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether it holds for everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Both must hold.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Whether it says what something must be, and not only what it must not be.
    pub fn is_selective(&self) -> bool {
        self.terms.iter().any(|term| {
            !term.negated
                && match &term.test {
                    Test::Is(_, any) => any.iter().all(|pattern| !pattern.is_any() && !pattern.is_empty()),
                    Test::Text(pattern) => !pattern.is_any(),
                    Test::Compare(..) | Test::Since(_) | Test::Until(_) => false,
                }
        })
    }

    /// The names of the content columns of `events` or `operations` that it looks into; free text looks into them only where they
    /// may be read anyway.
    pub fn content_columns(&self, ledger: ledger::LedgerName) -> Vec<&'static str> {
        let table = ledger::Table::of(ledger);
        let places = self.terms.iter().filter_map(Term::place);
        let ids = places.flat_map(|place| place.ids(ledger));
        let columns = ids.filter_map(|id| table.by_id(id)).filter(|column| column.part == ledger::Part::Content);
        columns.map(|column| column.name).collect()
    }
}

impl Term {
    /// Where it looks, if that is one place.
    pub fn place(&self) -> Option<&Place> {
        match &self.test {
            Test::Is(place, _) | Test::Compare(place, ..) => Some(place),
            Test::Text(_) | Test::Since(_) | Test::Until(_) => None,
        }
    }

    /// Whether a detector's finding decides it.
    fn is_about_the_finding(&self) -> bool {
        match &self.test {
            Test::Since(_) | Test::Until(_) => false,
            Test::Is(Place::Word(word), _) | Test::Compare(Place::Word(word), ..) => !word.is_of_people,
            Test::Text(_) | Test::Is(..) | Test::Compare(..) => true,
        }
    }
}

impl Place {
    /// The word, or the name of the column, or of the field.
    pub fn name(&self) -> String {
        match self {
            Self::Word(word) => word.word.to_owned(),
            Self::Column { name, .. } if words::find(name).is_some() => format!("column.{name}"),
            Self::Column { name, .. } => (*name).to_owned(),
            Self::Record(field) => format!("record.{field}"),
        }
    }

    /// The column of a ledger by its own name, whatever words there are.
    pub fn column(name: &str) -> Option<Self> {
        let of = |ledger| ledger::Table::of(ledger).by_name(name);
        let (events, operations) = (of(ledger::LedgerName::Events), of(ledger::LedgerName::Operations));
        let found = events.or(operations)?;
        Some(Self::Column {
            name: found.name,
            events: events.map(|column| column.id),
            operations: operations.map(|column| column.id),
        })
    }

    /// The columns of a ledger that it reads.
    pub fn ids(&self, ledger: ledger::LedgerName) -> Vec<u8> {
        use ledger::LedgerName::{Events, Operations};
        match (self, ledger) {
            (Self::Word(word), Events) => word.events.ids().to_vec(),
            (Self::Word(word), Operations) => word.operations.ids().to_vec(),
            (Self::Column { events, .. }, Events) => events.iter().copied().collect(),
            (Self::Column { operations, .. }, Operations) => operations.iter().copied().collect(),
            (Self::Record(_), Events) => vec![ledger::events::column::RECORD.id()],
            (Self::Record(_), Operations) => vec![ledger::operations::column::RECORD.id()],
        }
    }

    /// Whether a subject has it. Sessions have what their records have.
    pub fn is_of(&self, subject: Subject) -> bool {
        match (self, subject) {
            (Self::Word(word), Subject::Events) => word.events != Source::None,
            (Self::Word(word), Subject::Operations) => word.operations != Source::None,
            (Self::Word(word), Subject::Alerts) => !word.alerts.is_empty(),
            (Self::Word(word), Subject::Sessions) => !word.sessions.is_empty() || word.events != Source::None,
            (Self::Column { events, .. }, Subject::Events | Subject::Sessions) => events.is_some(),
            (Self::Column { operations, .. }, Subject::Operations) => operations.is_some(),
            (Self::Record(_), Subject::Events | Subject::Operations | Subject::Sessions) => true,
            (Self::Column { .. } | Self::Record(_), Subject::Alerts) => false,
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Filter {
    type Error = FilterError;

    fn try_from(text: String) -> Result<Self, FilterError> {
        Self::parse(&text)
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.to_string()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}
