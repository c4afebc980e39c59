//! The fold over a ledger: kept up to date by the follower while a server runs, else read when somebody asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::{LedgerError, ReadLimit, Reader, Rows, Seq, Timestamp};
use operations::triage::TriageService;

use super::agent::Agent;
use super::alerts::{AgentAlerts, OpenAlerts};
use super::fold::Fleet;
use super::page::Filter;
use super::row::AgentRow;
use super::state::{AgentState, state};
use super::ticker::{Ticker, Ticks};
use crate::limits::{FLEET_ALERTS_EVERY, FLEET_HISTORY, FLEET_READ_BYTES, FLEET_READ_ROWS, FLEET_TICKER_ROWS_AT_ONCE};

/// What is read at once.
pub(super) const LIMIT: ReadLimit = ReadLimit { rows: FLEET_READ_ROWS, bytes: FLEET_READ_BYTES };

/// Where everybody looks at the fleet. Reading blocks: callers in a runtime put it on a thread for that.
pub struct FleetService {
    events: Reader,
    operations: Reader,
    triage: Arc<TriageService>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    fleet: Fleet,
    /// The next row; `None` before the first is read.
    next_seq: Option<Seq>,
    /// Whether a follower brings the rows.
    is_followed: bool,
    alerts: OpenAlerts,
    /// The state of the projection of alerts that was looked at, and when.
    looked: Option<(u64, Timestamp)>,
    /// The first row of `operations` from which on it is known what changed.
    known_from: Seq,
    operations_next: Seq,
    ticker: Ticker,
}

/// How far a look reaches: everything before these rows is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FleetPlace {
    /// The next row of `events`.
    pub events: Seq,
    /// The next row of `operations`.
    pub operations: Seq,
}

/// The fleet at one moment.
pub struct FleetView<'a> {
    pub(super) fleet: &'a Fleet,
    alerts: &'a OpenAlerts,
    ticker: &'a Ticker,
    known_from: Seq,
    /// How far it reaches.
    pub place: FleetPlace,
    /// Rows that are recorded and not in it.
    pub behind: u64,
    /// The moment.
    pub now: Timestamp,
}

static NO_ALERTS: AgentAlerts = AgentAlerts {
    open: 0,
    worst: None,
    unattended: None,
    repeating: None,
    stuck: None,
    over_budget: None,
    lost: None,
    changed: Seq::FIRST,
};

impl FleetService {
    /// The fleet of these ledgers, with the alerts that `triage` knows.
    pub fn new(events: Reader, operations: Reader, triage: Arc<TriageService>) -> Self {
        Self { events, operations, triage, inner: Mutex::default() }
    }

    /// Shows the fleet as it is at `now`.
    pub fn read<T>(&self, now: Timestamp, look: impl FnOnce(&FleetView<'_>) -> T) -> Result<T, LedgerError> {
        let mut inner = self.lock();
        if !inner.is_followed {
            self.catch_up(&mut inner, now)?;
        }
        self.look_at_alerts(&mut inner, now)?;
        let end = self.events.durable()?.next_seq;
        let events = inner.next_seq.unwrap_or_default();
        let Inner { fleet, alerts, ticker, known_from, operations_next, .. } = &*inner;
        let place = FleetPlace { events, operations: *operations_next };
        let behind = end.distance_from(events);
        Ok(look(&FleetView { fleet, alerts, ticker, known_from: *known_from, place, behind, now }))
    }

    /// Every agent that is shown at `now`, in order of attention.
    pub fn everybody(&self, now: Timestamp) -> Result<Vec<AgentRow>, LedgerError> {
        self.read(now, |view| {
            let page = view.page(&Filter::default(), None, usize::MAX);
            page.map(|page| page.agents).unwrap_or_default()
        })
    }

    /// Where the fold begins without a snapshot.
    pub(super) fn first_seq(&self, now: Timestamp) -> Result<Seq, LedgerError> {
        self.events.seq_at(now.saturating_sub(FLEET_HISTORY))
    }

    /// Begins with this fold, whose next row is this one; a follower brings the rest.
    pub(super) fn follow(&self, fleet: Fleet, next_seq: Seq) {
        let mut inner = self.lock();
        *inner = Inner { fleet, next_seq: Some(next_seq), is_followed: true, ..Inner::default() };
    }

    /// Nobody brings rows any more; whoever asks reads them.
    pub(super) fn unfollow(&self) {
        self.lock().is_followed = false;
    }

    /// Takes the next rows.
    pub(super) fn apply(&self, rows: &Rows) {
        self.lock().apply(rows);
    }

    /// Looks at the fold and its next row.
    pub(super) fn with_fold<T>(&self, look: impl FnOnce(&Fleet, Seq) -> T) -> T {
        let inner = self.lock();
        look(&inner.fleet, inner.next_seq.unwrap_or_default())
    }

    fn catch_up(&self, inner: &mut Inner, now: Timestamp) -> Result<(), LedgerError> {
        let mut next = match inner.next_seq {
            Some(next) => next,
            None => self.first_seq(now)?,
        };
        loop {
            let rows = self.events.read(next, true, LIMIT)?;
            inner.apply(&rows);
            if rows.next_seq == next {
                return Ok(());
            }
            next = rows.next_seq;
        }
    }

    /// Takes the open alerts again if anything was recorded about alerts, no more than a few times in a second.
    fn look_at_alerts(&self, inner: &mut Inner, now: Timestamp) -> Result<(), LedgerError> {
        if inner.looked.is_some_and(|(_, at)| now >= at && now.since(at) < FLEET_ALERTS_EVERY) {
            return Ok(());
        }
        let next = self.operations.durable()?.next_seq;
        let Inner { fleet, looked, alerts, known_from, operations_next, .. } = inner;
        let before = looked.map(|(changes, _)| changes);
        self.triage.read(|triage| {
            let is_new = before != Some(triage.changes());
            // A collector that is silent has alerts of agents that come and go.
            if is_new || !alerts.by_agent.is_empty() {
                let mut found = OpenAlerts::of(triage, fleet);
                if before.is_some() {
                    found = found.since(alerts, next.back(1));
                } else {
                    *known_from = next;
                }
                found.by_agent.retain(|id, _| fleet.agents.contains_key(id));
                *alerts = found;
            }
            *looked = Some((triage.changes(), now));
            *operations_next = next;
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A fold that a panic left behind half a row is read anew.
        self.inner.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut inner = poisoned.into_inner();
            *inner = Inner::default();
            self.inner.clear_poison();
            inner
        })
    }
}

impl Inner {
    fn apply(&mut self, rows: &Rows) {
        let shown_from = rows.len().saturating_sub(FLEET_TICKER_ROWS_AT_ONCE);
        for (at, row) in rows.iter().enumerate() {
            let id = self.fleet.apply(&row);
            self.ticker.count(row.recorded);
            if at >= shown_from {
                self.ticker.show(&row, id.and_then(|id| self.fleet.agents.get(&id)));
            }
        }
        self.fleet.advance(rows.recorded_until);
        self.next_seq = Some(rows.next_seq);
    }
}

impl FleetView<'_> {
    /// The open alerts of an agent.
    pub(super) fn alerts_of(&self, id: u64) -> &AgentAlerts {
        self.alerts.by_agent.get(&id).unwrap_or(&NO_ALERTS)
    }

    /// One agent.
    pub(super) fn row(&self, id: u64) -> Option<AgentRow> {
        Some(AgentRow::of(self.fleet.agents.get(&id)?, self.alerts_of(id), self.now))
    }

    /// Open alerts by severity, mildest first.
    pub fn open_alerts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.alerts.open.iter().map(|(severity, count)| (severity.as_str(), *count))
    }

    /// The agents that changed from `from` on, or by the time that passed since `before`, whose numbers come after `after`;
    /// at most `rows_max` of them with their numbers, in the order of these.
    pub fn changed(
        &self,
        from: FleetPlace,
        before: Option<Timestamp>,
        after: Option<u64>,
        rows_max: usize,
    ) -> Vec<(u64, AgentRow)> {
        let first = after.map_or(0, |after| after.saturating_add(1));
        let is_known = from.operations >= self.known_from;
        let changed = self.fleet.agents.range(first..).filter(|(id, agent)| {
            let alerts = self.alerts_of(**id);
            !is_known
                || agent.last.seq >= from.events.get()
                || (alerts.changed >= from.operations && alerts.changed > Seq::FIRST)
                || before.is_some_and(|before| pulse(agent, alerts, before) != pulse(agent, alerts, self.now))
        });
        changed.take(rows_max).filter_map(|(id, _)| Some((*id, self.row(*id)?))).collect()
    }

    /// The newest events from `from` on: at most so many of them, and how many there were.
    pub fn ticks(&self, from: Seq, rows_max: usize) -> Ticks {
        self.ticker.since(from, self.place.events, rows_max, self.now)
    }
}

/// What time alone changes of an agent.
fn pulse(agent: &Agent, alerts: &AgentAlerts, now: Timestamp) -> (AgentState, u32, u64) {
    let (state, _) = state(agent, alerts, now);
    (state, agent.activity.events_per_minute(now), agent.activity.micros_per_minute(now))
}
