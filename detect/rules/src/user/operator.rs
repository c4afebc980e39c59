//! The operators of user rules: what has to come together before events that match are an alert.
//!
//! Each is a file of its own with its parameters and its state, and one line in the list below. States are kept by key in
//! tables that are bounded and fair between tenants; nothing here opens, updates or resolves an alert.

pub mod absence;
mod burn;
mod distinct;
mod first_seen;
pub mod memory_budget;
mod rarity;
mod rate;
mod recent_events;
mod repeat;
pub mod sequence;
mod window;

use detect_core::detector_state::DetectorState;
use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use serde::{Deserialize, Serialize};

use super::value::RuleColumn;
use crate::condition::{Condition, Truth};
use memory_budget::MemoryBudget;
use recent_events::RecentEvents;

/// A wrong parameter: its name, and what it must be.
pub type Wrong = (String, String);

/// An event that matches, with the key of its state.
#[derive(Clone, Copy)]
pub struct Seen<'a, 'e> {
    /// The event.
    pub event: &'a EventRow<'e>,
    /// The state that it belongs to.
    pub key: u64,
    /// The second that windows count: of recording, or of the event if it was old by then. What is learnt counts recorded time.
    pub second: i64,
    /// The name of the rule, under which failures are counted.
    pub rule: &'a str,
}

/// What an event completed.
#[derive(Debug, Default)]
pub struct Hit {
    /// The number that was reached.
    pub observed: i64,
    /// Tells apart what has an alert of its own for each value; zero otherwise.
    pub value: u64,
    /// What belongs to it and came before.
    pub before: Before,
}

/// The parameters of an operator.
trait Operator {
    /// Checks them; the wrong one is named.
    fn check(&self) -> Result<(), Wrong>;

    /// The column that it is about, if it is about one.
    fn column(&self) -> Option<&str>;

    /// The bytes that its states take if all that may be are there.
    fn bytes(&self) -> u64;

    /// Its state, which is empty; `None` if it has none that events alone drive.
    fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>>;
}

/// The state of an operator.
pub trait Machine: DetectorState + Send {
    /// Takes an event that matches; a hit if it completes something.
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit>;
}

macro_rules! operators {
    ($($field:ident $module:ident::$type:ident $what:literal;)*) => {
        /// The operator of a rule as it is written: at most one table.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Operators {
            $(
                #[doc = $what]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$module::$type>,
            )*
        }

        /// Name and meaning of each operator.
        pub const OPERATORS: &[(&str, &str)] = &[$((stringify!($field), $what)),*];

        impl Operators {
            /// The names of those that are written.
            pub fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_some() { names.push(stringify!($field)); })*
                names
            }

            /// Checks the parameters; the wrong one is named.
            pub fn check(&self) -> Result<(), Wrong> {
                $(
                    if let Some(operator) = &self.$field {
                        operator.check().map_err(|(name, message)| (format!("{}.{name}", stringify!($field)), message))?;
                    }
                )*
                Ok(())
            }

            /// The column that it is about, if it is about one.
            pub fn column(&self) -> Option<&str> {
                $(if let Some(operator) = &self.$field { return operator.column(); })*
                None
            }

            /// The bytes that its states take if all that may be are there.
            pub fn bytes(&self) -> u64 {
                $(if let Some(operator) = &self.$field { return operator.bytes(); })*
                0
            }

            /// The state of the operator, which is empty; `None` if every match is a hit. The parameters were checked.
            pub fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
                $(if let Some(operator) = &self.$field { return operator.build(key, budget); })*
                None
            }
        }
    };
}

// Field, type of the parameters (with `check`, `column`, `bytes` and `build`), meaning.
operators! {
    repeat repeat::Repeat "The same value of a column again and again, with no other between.";
    rate rate::Rate "Many events in a window.";
    distinct distinct::Distinct "Many different values of a column in a window.";
    first_seen first_seen::FirstSeen "A value that this key never had before.";
    rarity rarity::Rarity "A value that few other keys have.";
    burn burn::Burn "A sum that uses up a budget too fast, by several windows.";
    sequence sequence::Sequence "Events of several kinds, one after the other.";
    absence absence::Absence "Something that should follow does not.";
}

/// Checks that a parameter lies in its range.
fn check_range(name: &str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), Wrong> {
    if range.contains(&value) {
        return Ok(());
    }
    Err((name.to_owned(), format!("is {value}; it must be {} to {}", range.start(), range.end())))
}

/// Checks that a parameter names a column.
fn check_column(name: &str) -> Result<RuleColumn, Wrong> {
    RuleColumn::new(name).map_err(|message| ("column".to_owned(), message))
}

/// Whether a condition of a rule holds for an event. What cannot be computed does not, and is counted.
pub fn holds(condition: &Condition, event: &EventRow<'_>, rule: &str, findings: &mut Findings) -> bool {
    let answer = condition.ask(event);
    if answer == Truth::Failed {
        findings.note_failed(rule);
    }
    answer == Truth::Yes
}

/// The state of the event's key.
fn state<'t, V: Default + detect_core::pack::Pack>(
    table: &'t mut Table<V>,
    seen: Seen<'_, '_>,
    findings: &mut Findings,
) -> &'t mut V {
    table.entry(seen.key, seen.event, findings)
}
