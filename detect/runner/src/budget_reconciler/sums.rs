//! What the events of each budget add up to, and which of them belong to a reservation. No ledger is read or written
//! here.

use std::collections::{BTreeMap, BTreeSet};

use detect_core::cost::cost_of_row;
use ledger::Row;
use ledger::column::handle;
use ledger::events::column;
use operations::Money;
use operations::fold::Budgets;
use operations::kind::budget_request::{Observed, Owner, Scope, Seen, Set};

/// The columns that may name the reservation of a call: the gateway's id of the request, or the run as a whole.
const RESERVATION: [handle::Text; 2] = [column::INTERCEPTION, column::RUN];

/// Sums of the day or month of each budget, and what changed since it was written.
#[derive(Debug, Default)]
pub struct Sums {
    /// Read from the ledger when a budget first counts something.
    windows: BTreeMap<String, Observed>,
    changed: BTreeSet<String>,
    matched: BTreeMap<(String, Owner), Money>,
}

impl Sums {
    /// Counts an event on every budget whose money it is.
    pub fn add(&mut self, row: &Row<'_>, budgets: &Budgets) {
        let Some(cost) = cost_of_row(row) else { return };
        let second = row.recorded.unix_seconds();
        let mut matched = BTreeSet::new();
        for (name, set) in budgets.all_terms() {
            let counts = set.cap_micros.is_some()
                && budgets.since(name).is_some_and(|since| since <= row.recorded)
                && is_of(row, &set.scope);
            if !counts {
                continue;
            }
            let reservation = RESERVATION.iter().find_map(|column| {
                let id = row.text(*column)?;
                Some((id.to_owned(), budgets.owner_of(id, name)?.clone()))
            });
            let sum = self.sum(name, set, second, budgets);
            sum.micros = sum.micros.saturating_add(cost);
            match reservation {
                Some(reservation) => {
                    matched.insert(reservation);
                }
                None => sum.unreserved_micros = sum.unreserved_micros.saturating_add(cost),
            }
            self.changed.insert(name.to_owned());
        }
        // A call counts once for its reservation, on however many budgets that draws.
        for reservation in matched {
            let seen = self.matched.entry(reservation).or_default();
            *seen = seen.saturating_add(cost);
        }
    }

    /// The sum of the window in which `second` lies.
    fn sum(&mut self, name: &str, set: &Set, second: i64, budgets: &Budgets) -> &mut Observed {
        let window = set.period.window(second, set.offset_minutes).start;
        let nothing = Observed { window, micros: Money::ZERO, unreserved_micros: Money::ZERO };
        let sum = self.windows.entry(name.to_owned()).or_insert_with(|| budgets.observed(name).unwrap_or(nothing));
        if sum.window != window {
            *sum = nothing;
        }
        sum
    }

    /// The budget was set anew: what the ledger says of it counts.
    pub fn forget(&mut self, name: &str) {
        self.windows.remove(name);
    }

    /// Reservations that were seen since the last writing.
    pub fn matched_len(&self) -> usize {
        self.matched.len()
    }

    /// Sums that changed since the last writing.
    pub fn changed(&self) -> impl Iterator<Item = (&str, Observed)> {
        self.changed.iter().filter_map(|name| Some((name.as_str(), *self.windows.get(name)?)))
    }

    /// Costs of reservations that were seen since the last writing.
    pub fn matched(&self) -> Vec<Seen> {
        let seen = |((id, owner), micros): (&(String, Owner), &Money)| Seen {
            id: id.clone(),
            owner: owner.clone(),
            micros: *micros,
        };
        self.matched.iter().map(seen).collect()
    }

    /// Everything is written.
    pub fn written(&mut self) {
        self.changed.clear();
        self.matched.clear();
    }
}

/// Whether it is this scope's money that the event spent.
fn is_of(row: &Row<'_>, scope: &Scope) -> bool {
    let same = |wanted: &Option<String>, column| wanted.is_none() || wanted.as_deref() == row.text(column);
    let trust = row.text(column::TRUST).and_then(|word| word.parse().ok());
    scope.counts(row.text(column::FAMILY).unwrap_or_default(), trust)
        && same(&scope.org, column::ORG)
        && same(&scope.team, column::TEAM)
        && same(&scope.user, column::USER)
        && same(&scope.agent, column::AGENT)
        && same(&scope.run, column::RUN)
        && same(&scope.workspace, column::WORKSPACE)
}
