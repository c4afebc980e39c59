//! One event before it is complete: what a dialect fills in and enrichment adds to. Nothing here is redacted.

use std::borrow::Cow;
use std::fmt;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use super::{Columns, ContentField, FreeText};
use crate::dialect::is_empty;
use crate::encoding::FieldPath;
use crate::price::Billing;
use crate::timestamp::Stated;

/// Begins the mark of a value that was not taken; the column's name follows.
pub const VOID: &str = "void:";

/// A tool with its input; the same call gives the same `action_fp` whichever source reports it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Action {
    /// The tool's name.
    pub tool: String,
    /// JSON text of the input, or any other text.
    pub input: String,
}

/// One event before the pipeline and the finisher complete it.
#[derive(Default)]
pub struct Draft {
    /// The columns that the dialect knows. Not `collector`, `token`, `domain`, `cost_micros`, `price_version`, `*_fp`,
    /// `content*`, `redactions`, `cuts`, `record`; and of the URL only what [`Draft::url`] is split into.
    pub columns: Columns,
    /// Content of the record in any order. Only the record's first draft has it.
    pub content: Vec<ContentField>,
    /// Facts with a name in `redactions`. Only the record's first draft has them.
    pub free_text: Vec<FreeText>,
    /// The call behind `action_fp`.
    pub action: Option<Action>,
    /// The text or JSON behind `result_fp`.
    pub result: Option<String>,
    /// The URL as the source means it, not redacted; becomes `target`, `scheme`, `host`, `domain`, `port` and `path`.
    pub url: String,
    /// What makes the record the same record, where the source has no id: its keyed hash becomes `source_id`.
    pub identity: String,
    /// Id of the API key that made a model call (never its secret), for the join from key to workspace.
    pub api_key: String,
    /// Id and name of the workspace's owner, where the record says them; empty otherwise.
    pub owner: (String, String),
    /// At what rates the tokens are billed, where the record says it.
    pub billing: Billing,
    /// What was noticed about the record, for the `marks` column: one word, a colon, and what it is about.
    pub marks: Vec<String>,
    /// Whether it says who acted, or where, and an earlier record of the same model call did not.
    pub adds: bool,
    /// Keys of the record that the dialect kept and did not understand, to be counted.
    pub unknown_keys: u32,
}

// What people typed stands in drafts, before redaction: debug output tells where and how much only.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("input_bytes", &self.input.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Draft");
        debug.field("columns", &self.columns).field("content", &self.content).field("free_text", &self.free_text);
        debug.field("action", &self.action).field("unknown_keys", &self.unknown_keys).finish_non_exhaustive()
    }
}

impl Draft {
    /// Takes everything out and keeps the memory.
    pub fn clear(&mut self) {
        self.columns.clear();
        self.content.clear();
        self.free_text.clear();
        self.action = None;
        self.result = None;
        self.url.clear();
        self.identity.clear();
        self.api_key.clear();
        self.owner.0.clear();
        self.owner.1.clear();
        self.billing = Billing::default();
        self.marks.clear();
        self.adds = false;
        self.unknown_keys = 0;
    }

    /// Sets where the event comes from and what it says.
    pub(crate) fn set_origin(&mut self, source: &str, family: &str, kind: &str) {
        self.columns.set_text(column::SOURCE, source);
        self.columns.set_text(column::FAMILY, family);
        self.columns.set_text(column::KIND, kind);
    }

    /// Sets for whom the agent works: by the name where the record says one, and else by the id.
    pub(crate) fn set_user(&mut self, id: Option<&str>, name: Option<&str>) {
        self.columns.set_text_if(column::USER, name.or(id));
        self.columns.set_text_if(column::USER_ID, id);
    }

    /// Sets when it happened and when it was seen. Without a time of the source the event is stamped on receipt.
    pub(crate) fn set_times(&mut self, time: Stated, observed: Stated, received: i64) {
        for (stated, name) in [(time, "time"), (observed, "observed")] {
            if stated == Stated::Unreadable {
                self.void(name);
            }
        }
        let observed = observed.micros().unwrap_or(received);
        self.columns.set_time(column::TIME, time.micros().unwrap_or(observed));
        self.columns.set_time(column::OBSERVED, observed);
    }

    /// Notes something about the record, once.
    pub fn mark(&mut self, mark: String) {
        if !self.marks.contains(&mark) {
            self.marks.push(mark);
        }
    }

    /// Notes that the record has a value for a column which is not taken.
    pub fn void(&mut self, column: &str) {
        self.mark(format!("{VOID}{column}"));
    }

    /// Marks a JSON value of the record, and its path, as content; null and empty values hold none.
    pub(crate) fn add_content(
        &mut self,
        record: &str,
        name: impl Into<Cow<'static, str>>,
        path: impl Into<FieldPath>,
        value: Option<&RawValue>,
    ) {
        if let Some(value) = value.filter(|value| !is_empty(value.get())) {
            self.content.push(ContentField::read(name, path, record, value));
        }
    }

    /// Marks a JSON value of the record, and its path, as free text that stays in the record.
    pub(crate) fn add_free_text(
        &mut self,
        record: &str,
        name: &'static str,
        path: impl Into<FieldPath>,
        value: Option<&RawValue>,
    ) {
        if let Some(value) = value {
            self.free_text.push(FreeText::read(name, path, record, value.get()));
        }
    }

    /// Sets `trust` to `most` unless the dialect said that the record deserves less.
    pub fn limit_trust(&mut self, most: Trust) {
        let stated = self.columns.text(column::TRUST).and_then(|word| word.parse::<Trust>().ok());
        let trust = stated.map_or(most, |stated| stated.min(most));
        if stated != Some(trust) {
            self.columns.set_text(column::TRUST, trust.as_str());
        }
    }
}

/// The drafts of one record, with memory that is reused from record to record.
#[derive(Debug, Default)]
pub struct Drafts {
    drafts: Vec<Draft>,
    len: usize,
}

impl Drafts {
    /// No drafts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an empty draft.
    pub fn add(&mut self) -> &mut Draft {
        if self.len == self.drafts.len() {
            self.drafts.push(Draft::default());
        }
        let draft = &mut self.drafts[self.len];
        draft.clear();
        self.len += 1;
        draft
    }

    /// Number of drafts.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The drafts in order; the first carries the record.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Draft> {
        self.drafts[..self.len].iter_mut()
    }

    /// The drafts in order.
    pub fn iter(&self) -> impl Iterator<Item = &Draft> {
        self.drafts[..self.len].iter()
    }

    /// Removes all drafts; keeps the memory of a usual record and gives back that of an unusual one.
    pub fn clear(&mut self) {
        self.len = 0;
        self.drafts.truncate(DRAFTS_KEPT);
    }
}

/// Drafts whose memory is kept for the next record.
const DRAFTS_KEPT: usize = 16;
