//! The kinds of `operations` entries: one list, from which the tables of FORMAT.md, views of SQL, and who is told of what derive.
//!
//! A kind is one file below (or one for a family of kinds that belong together) and one line in [`ALL`]. It says its word, the type
//! of its record, who writes it, whether it is about forwarding itself, what a view shows of it and what follows from it. What
//! entries amount to is a projection's business and stands in none of these files.

pub mod alert;
pub mod alert_notice;
pub mod alert_step;
pub mod budget_report;
pub mod budget_request;
pub mod configuration;
pub mod delivery;
pub mod detection;
pub mod export;
pub mod field;
pub mod log;
pub mod login;
pub mod query;
pub mod sink_order;
#[cfg(test)]
mod tests;
pub mod token;
pub mod window;

use std::marker::PhantomData;

use ledger::operations::column;
use ledger::{AppendError, Entry, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use field::Field;

/// All kinds, in the order in which FORMAT.md lists them.
pub const ALL: &[Info] = &[
    alert::ALERT.info,
    alert_step::ACKNOWLEDGED.info,
    alert_step::ASSIGNED.info,
    alert_step::NOTED.info,
    alert_step::CLOSED.info,
    alert_step::REOPENED.info,
    alert_notice::NOTICED.info,
    delivery::HIDDEN.info,
    window::SILENCED.info,
    window::MAINTAINED.info,
    window::SILENCE_EXPIRED.info,
    window::MAINTENANCE_EXPIRED.info,
    budget_request::BUDGET_SET.info,
    budget_request::RESERVED.info,
    budget_request::COMMITTED.info,
    budget_request::RELEASED.info,
    budget_request::EVENTS_OBSERVED.info,
    budget_request::EVENTS_MATCHED.info,
    budget_report::DECIDED.info,
    budget_report::BALANCE.info,
    export::RECEIPT.info,
    export::INTENT.info,
    export::REJECTED.info,
    export::RETRY.info,
    export::REPLAYED.info,
    sink_order::PAUSE.info,
    sink_order::RESUME.info,
    sink_order::BACKFILL.info,
    sink_order::BACKFILL_END.info,
    delivery::SENT.info,
    detection::CURSOR,
    detection::RULES,
    detection::OUTAGE,
    token::TOKEN.info,
    login::LOGIN.info,
    login::LOGIN_REFUSED.info,
    configuration::CONFIG.info,
    configuration::PRICES.info,
    configuration::RATES.info,
    configuration::CERTIFICATE.info,
    query::QUERY.info,
    query::CONTENT_READ.info,
    log::MANIFEST.info,
    log::TORN.info,
];

/// What a kind's state belongs to: a section of FORMAT.md each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Alerts, and what hides them.
    Alerts,
    /// Hard budgets.
    Budgets,
    /// What sinks were sent.
    Exports,
    /// Everything else.
    Others,
}

/// What is known of a kind beside the type of its record.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// The word in column `kind`.
    pub word: &'static str,
    /// What its state belongs to.
    pub family: Family,
    /// Who writes it: what stands in column `actor`.
    pub actor: &'static str,
    /// The record, and what follows from it: Markdown for a cell of a table.
    pub doc: &'static str,
    /// Whether it is about forwarding itself, or as frequent as what is forwarded. Such an entry is never exported, and a
    /// follower that writes it does not count it as work: its own entries would wake it for ever.
    pub is_internal: bool,
    /// The largest record that is read.
    pub record_bytes_max: usize,
    /// What a view of SQL shows of it.
    pub fields: &'static [Field],
}

impl Info {
    const fn new(word: &'static str, family: Family, actor: &'static str, doc: &'static str) -> Self {
        let record_bytes_max = ledger::limits::VALUE_BYTES_MAX;
        Self { word, family, actor, doc, is_internal: false, record_bytes_max, fields: &[] }
    }

    const fn internal(self) -> Self {
        Self { is_internal: true, ..self }
    }

    const fn at_most(self, record_bytes_max: usize) -> Self {
        Self { record_bytes_max, ..self }
    }

    const fn shown_as(self, fields: &'static [Field]) -> Self {
        Self { fields, ..self }
    }

    /// An entry with a record that is JSON already.
    pub fn entry_of(&self, envelope: &Envelope<'_>, record: &str) -> Entry {
        let mut entry = Entry::new();
        entry.set_text(column::KIND, self.word);
        entry.set_text(column::SUBJECT, envelope.subject);
        if let Some(revision) = envelope.revision {
            entry.set_integer(column::REVISION, revision);
        }
        entry.set_text(column::ACTOR, envelope.actor);
        entry.set_text_if(column::FROM, envelope.from);
        entry.set_text_if(column::TO, envelope.to);
        entry.set_text(column::RECORD, record);
        entry
    }
}

/// What an entry says beside its record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelope<'a> {
    /// What it happened to.
    pub subject: &'a str,
    /// Number of the step in the subject's life, from 1, where steps are counted.
    pub revision: Option<i64>,
    /// Who did it.
    pub actor: &'a str,
    /// The first position that it is about, or the state before.
    pub from: Option<&'a str>,
    /// The position after the last that it is about, or the state after.
    pub to: Option<&'a str>,
}

/// A kind whose records are `R`s: writes entries of it and reads them.
pub struct Kind<R> {
    /// What is known of it beside that.
    pub info: Info,
    record: PhantomData<fn() -> R>,
}

impl<R> Kind<R> {
    /// The kind, for a package that owns the type of its record.
    pub const fn of(info: Info) -> Self {
        Self { info, record: PhantomData }
    }

    /// The word in column `kind`.
    pub const fn word(&self) -> &'static str {
        self.info.word
    }

    /// Whether a row is of this kind.
    pub fn is_of(&self, row: &Row<'_>) -> bool {
        row.text(column::KIND) == Some(self.info.word)
    }
}

impl<R: Serialize> Kind<R> {
    /// The entry to append.
    pub fn entry(&self, envelope: &Envelope<'_>, record: &R) -> Result<Entry, AppendError> {
        let record = serde_json::to_string(record).map_err(|_| AppendError::InvalidGroup("a record is not JSON"))?;
        Ok(self.info.entry_of(envelope, &record))
    }
}

impl<R: DeserializeOwned> Kind<R> {
    /// The record of a row; `None` for rows of other kinds, and for records that are too long or that we did not write.
    pub fn read(&self, row: &Row<'_>) -> Option<R> {
        self.is_of(row).then(|| self.parse(row.text(column::RECORD)?)).flatten()
    }

    /// The record in a text, as [`Kind::read`] reads it.
    pub fn parse(&self, record: &str) -> Option<R> {
        (record.len() <= self.info.record_bytes_max).then(|| serde_json::from_str(record).ok()).flatten()
    }
}

/// The kind of this word.
pub fn find(word: &str) -> Option<&'static Info> {
    ALL.iter().find(|info| info.word == word)
}

/// Whether entries of this kind are never exported.
pub fn is_internal(word: &str) -> bool {
    find(word).is_some_and(|info| info.is_internal)
}

/// The table of a family for FORMAT.md.
pub fn table(family: Family) -> String {
    let rows = ALL.iter().filter(|info| info.family == family);
    let rows = rows.map(|Info { word, actor, doc, .. }| format!("| `{word}` | {actor} | {doc} |\n"));
    std::iter::once("| kind | actor | record, and what follows |\n|---|---|---|\n".to_owned()).chain(rows).collect()
}
