//! The reconciliation itself: what was read of both ledgers, and what there is to say about it. Nothing here waits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ledger::operations::column;
use ledger::{AppendError, Entry, Group, LedgerError, LedgerName, Position, Reader, Row, Rows, Seq, Timestamp};
use operations::fold::{self, Balance, Budgets};
use operations::kind::budget_report::{BALANCE, Decision, Report};
use operations::kind::budget_request::{Asked, Matched, Owner, Request};
use operations::kind::{self, Envelope, Kind};
use serde::{Deserialize, Serialize};

use super::sums::Sums;
use crate::limits::{RECONCILER_EVENTS_MAX, RECONCILER_MATCHED_MAX, RECONCILER_READ_ROWS};

/// The subject of its own entries, the actor of all, and its name.
pub const BUDGETS: &str = "budgets";
/// The kind of cursors.
const CURSOR: Kind<Cursor> = Kind::of(kind::detection::CURSOR);

/// The record of its `cursor`: everything before it is counted, and stands in or before the same commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Sequence number of the next event.
    events: Seq,
    /// Sequence number of the next entry of `operations`.
    operations: Seq,
}

/// What is known, and what is not yet written of it.
#[derive(Debug)]
pub struct Reconciliation {
    shard: u32,
    budgets: Budgets,
    /// The newest cursor that is durable.
    cursor: Option<Cursor>,
    /// The next event; unknown before there was a budget.
    events: Option<Seq>,
    operations: Seq,
    sums: Sums,
    reports: Vec<Report>,
    /// How each budget stood when that was last written.
    told: BTreeMap<String, Balance>,
    /// Balances in the group that is being written.
    telling: Vec<(String, Balance)>,
}

impl Reconciliation {
    /// A reconciliation that knows where it was written last, and is given `operations` from the beginning.
    pub fn new(operations: &Reader, shard: u32) -> Result<Self, LedgerError> {
        let cursor = fold::backwards(operations, |row| match cursor(row) {
            Some(cursor) => ControlFlow::Break(cursor),
            None => ControlFlow::Continue(()),
        })?;
        Ok(Self {
            shard,
            budgets: Budgets::new(),
            cursor,
            events: cursor.map(|cursor| cursor.events),
            operations: Seq::FIRST,
            sums: Sums::default(),
            reports: Vec::new(),
            told: BTreeMap::new(),
            telling: Vec::new(),
        })
    }

    /// Whether it has not yet read everything that was known when it was last written.
    pub fn is_behind(&self) -> bool {
        self.cursor.is_some_and(|cursor| self.operations < cursor.operations)
    }

    /// The next event that it will read.
    pub fn events_seq(&self) -> Seq {
        self.events.unwrap_or(Seq::FIRST)
    }

    /// Takes the next rows of `operations`.
    pub fn take_operations(&mut self, rows: &Rows) {
        for row in rows.iter() {
            self.take(&row);
        }
        self.operations = rows.next_seq;
        // All that was recorded by then is read: what expired or was refilled since is known.
        self.budgets.advance(rows.recorded_until);
    }

    fn take(&mut self, row: &Row<'_>) {
        let seq = row.position.seq;
        if let (Some(budget), Some(balance)) = (row.text(column::SUBJECT), BALANCE.read(row)) {
            self.told.insert(budget.to_owned(), balance);
        }
        let Some(asked) = Asked::from_row(row) else { return };
        let request = match asked.request {
            Request::Reserve(_) => "reserve",
            Request::Commit(_) => "commit",
            Request::Release => "release",
            Request::Set(_) | Request::Observed(_) | Request::Matched(_) => "",
        };
        let (id, owner, set) = (asked.subject.clone(), asked.owner.clone(), matches!(asked.request, Request::Set(_)));
        let answer = self.budgets.decide(row.recorded, asked);
        if set && self.budgets.observed(&id).is_none() {
            self.sums.forget(&id);
        }
        let is_new = self.cursor.is_none_or(|cursor| cursor.operations <= seq);
        if is_new && !request.is_empty() {
            let decision = Decision::new(seq, request, &owner, &answer);
            self.reports.push(Report::Decision { id, decision });
        }
    }

    /// Finds the first event that is needed, once there is a budget that it could belong to. It comes before anything is
    /// written, so that the cursor says it and no start reads from the beginning again.
    pub fn find_events(&mut self, reader: &Reader) -> Result<(), LedgerError> {
        if let (None, Some(since)) = (self.events, self.since()) {
            self.events = Some(reader.seq_at(since)?);
        }
        Ok(())
    }

    /// The next event that is needed: of those before `until`, none if there is no budget that they could belong to.
    pub fn seek_events(&mut self, reader: &Reader, until: Seq) -> Result<Seq, LedgerError> {
        self.find_events(reader)?;
        if self.since().is_none() {
            // Nobody's money: what comes until there is a budget is passed over.
            self.events = self.events.map(|events| events.max(until));
        }
        Ok(self.events.unwrap_or(until))
    }

    /// When the oldest of all budgets was set.
    fn since(&self) -> Option<Timestamp> {
        self.budgets.all_terms().filter_map(|(name, _)| self.budgets.since(name)).min()
    }

    /// Takes the next events, from where [`Reconciliation::seek_events`] said.
    pub fn take_events(&mut self, rows: &Rows) {
        for row in rows.iter() {
            self.sums.add(&row, &self.budgets);
        }
        self.events = self.events.map(|_| rows.next_seq);
    }

    /// Whether so much is pending that it should be written before more is read.
    pub fn is_due(&self) -> bool {
        let written = self.cursor.map_or(Seq::FIRST, |cursor| cursor.events);
        self.sums.matched_len() >= RECONCILER_MATCHED_MAX
            || self.events_seq().distance_from(written) >= RECONCILER_EVENTS_MAX
    }

    /// One group with everything that is pending, and the cursor after it; `None` if nothing is.
    pub fn group(&mut self) -> Result<Option<Group>, AppendError> {
        let balances = self.budgets.balances().filter(|(name, balance)| self.told.get(*name) != Some(balance));
        self.telling = balances.take(RECONCILER_READ_ROWS).map(|(name, balance)| (name.to_owned(), balance)).collect();
        let (changed, matched) = (self.sums.changed().count(), self.sums.matched());
        if changed == 0 && matched.is_empty() && self.reports.is_empty() && self.telling.is_empty() && !self.is_due() {
            return Ok(None);
        }
        let mut group = Group::new(&ledger::operations::TABLE);
        for (name, observed) in self.sums.changed() {
            push(&mut group, name, Request::Observed(observed))?;
        }
        for seen in matched.chunks(operations::limits::BUDGET_MATCHED_MAX) {
            push(&mut group, BUDGETS, Request::Matched(Matched { seen: seen.to_vec() }))?;
        }
        for report in &self.reports {
            group.push(&report.entry(BUDGETS)?)?;
        }
        for (budget, balance) in &self.telling {
            let report = Report::Balance { budget: budget.clone(), balance: *balance };
            group.push(&report.entry(BUDGETS)?)?;
        }
        group.push(&self.next_cursor().entry(self.shard)?)?;
        Ok(Some(group))
    }

    /// What [`Reconciliation::group`] gave is durable.
    pub fn written(&mut self) {
        self.cursor = Some(self.next_cursor());
        self.sums.written();
        self.reports.clear();
        self.told.extend(self.telling.drain(..));
    }

    fn next_cursor(&self) -> Cursor {
        Cursor { events: self.events_seq(), operations: self.operations }
    }
}

impl Cursor {
    fn entry(self, shard: u32) -> Result<Entry, AppendError> {
        let to = Position { ledger: LedgerName::Events, shard, seq: self.events }.to_string();
        CURSOR.entry(&Envelope { subject: BUDGETS, actor: BUDGETS, to: Some(&to), ..Envelope::default() }, &self)
    }
}

fn cursor(row: &Row<'_>) -> Option<Cursor> {
    (row.text(column::SUBJECT) == Some(BUDGETS)).then(|| CURSOR.read(row)).flatten()
}

fn push(group: &mut Group, subject: &str, request: Request) -> Result<(), AppendError> {
    let asked = Asked { owner: Owner::named(BUDGETS), subject: subject.to_owned(), request };
    group.push(&asked.entry()?)
}
