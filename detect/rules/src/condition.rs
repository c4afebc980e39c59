//! Conditions of user rules: the part of CEL, the Common Expression Language (<https://cel.dev>), that asks about one event.
//!
//! A condition is read and typed against the columns once and then evaluated as a small tree over the row itself. Nothing is
//! copied, only columns that are asked for are read, the only loop is over one event's list, and `matches` is linear in the
//! text: the cost of a condition is bounded by its own length times that of the texts. There is no clock and no state.
//!
//! What a column does not say is `null`, and asking anything of it but `==`, `!=` and `in` has no answer. As in CEL, `&&` and
//! `||` get by without the answers that do not matter; a condition without an answer does not hold.

mod check;
mod eval;
mod lex;
mod parse;

#[cfg(test)]
mod tests;

use detect_core::event::EventRow;
use detect_core::text::nearest;
use ledger::{Column, Part};

use crate::limits::CONDITION_BYTES_MAX;
use check::{Checker, Type};
use eval::Node;

/// Where in a condition something is wrong, and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Offset in bytes from the start of the condition.
    pub at: usize,
    /// What is wrong and what to write in its place.
    pub message: String,
}

impl ConditionError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// How a condition answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Yes,
    /// It does not, or asks about what the event does not say.
    No,
    /// It computes what cannot be computed, such as a quotient by zero; it counts as not held.
    Failed,
}

/// A condition that fits the columns.
#[derive(Debug)]
pub struct Condition {
    node: Node,
    columns: Vec<&'static Column>,
}

impl Condition {
    /// Reads and types a condition.
    pub fn new(source: &str) -> Result<Self, ConditionError> {
        if source.len() > CONDITION_BYTES_MAX {
            let message = format!("it has {} bytes, at most {CONDITION_BYTES_MAX} are read", source.len());
            return Err(ConditionError::new(CONDITION_BYTES_MAX, message));
        }
        let expression = parse::parse(source)?;
        let mut checker = Checker::default();
        let (node, found) = checker.check(&expression)?;
        if found != Type::Bool {
            let message = format!("a condition is true or false, this is {found}; compare it with something");
            return Err(ConditionError::new(expression.at, message));
        }
        Ok(Self { node: node.cheapest_first(), columns: checker.columns })
    }

    /// Asks an event.
    pub fn ask(&self, event: &EventRow<'_>) -> Truth {
        self.node.answer(event)
    }

    /// Whether it reads columns made from content, which are gone once content is erased.
    pub fn reads_content(&self) -> bool {
        self.columns.iter().any(|column| column.part == Part::Content)
    }
}

/// The column with this name, as rules may use it: `content` itself and the bytes of records are none.
pub fn column(name: &str) -> Result<&'static Column, String> {
    let usable = || ledger::events::TABLE.columns.iter().filter(|column| is_usable(column));
    usable().find(|column| column.name == name).ok_or_else(|| {
        let hint = match ledger::events::TABLE.by_name(name) {
            Some(_) => "; rules do not read it".to_owned(),
            None => nearest(name, usable().map(|column| column.name).chain([RECORDED]))
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default(),
        };
        format!("unknown column `{}`{hint}", detect_core::text::bounded(name))
    })
}

/// The moment of recording: it stands in the leaf and so is no column of the table.
const RECORDED: &str = "recorded";

fn is_usable(column: &Column) -> bool {
    use ledger::events::column as c;
    column.kind != ledger::Kind::Bytes && column.id != c::CONTENT.id()
}
