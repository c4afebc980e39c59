//! What an event costs, and whether it counts: several sources tell of the same call, and one of them is believed.

use ledger::Row;
use ledger::column::handle;
use ledger::events::column;
use operations::Money;

use crate::event::EventRow;
use crate::findings::Findings;
use crate::limits::{GATEWAY_MEMORY_SECONDS, SPENDERS_MAX};
use crate::table::Table;
use crate::{aspects, detector_state};

/// The token counters; they are disjoint.
const TOKENS: [handle::Integer; 4] =
    [column::TOKENS_IN, column::TOKENS_OUT, column::TOKENS_CACHE_READ, column::TOKENS_CACHE_WRITE];

/// What the event costs: by our price table, or else as the source states it.
pub fn cost(event: &EventRow<'_>) -> Option<Money> {
    either(|column| event.integer(column))
}

/// The same of a row that no detector looks at. What contradicts an earlier row is not counted a second time.
pub fn cost_of_row(row: &Row<'_>) -> Option<Money> {
    either(|column| row.integer(column)).filter(|_| !aspects::is_conflict(row))
}

fn either(integer: impl Fn(handle::Integer) -> Option<i64>) -> Option<Money> {
    let cost = integer(column::COST_MICROS).or_else(|| integer(column::COST_SOURCE_MICROS))?;
    Money::try_from(cost).ok().filter(|cost| !cost.is_zero())
}

/// The tokens of all four counters.
pub fn tokens(event: &EventRow<'_>) -> u64 {
    TOKENS.iter().filter_map(|column| u64::try_from(event.integer(*column)?).ok()).fold(0, u64::saturating_add)
}

/// Knows whose calls pass a gateway. What their agents say of the same calls would count them twice.
pub struct Authority {
    /// The second of the latest cost from a gateway, by tenant.
    gateway: Table<i64>,
}

detector_state!(Authority { gateway });

impl Default for Authority {
    /// Nobody's calls have passed a gateway.
    fn default() -> Self {
        Self { gateway: Table::new(SPENDERS_MAX) }
    }
}

impl Authority {
    /// What the event costs, if it is to be counted.
    pub fn cost(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> Option<Money> {
        let cost = cost(event)?;
        // Only what the agent cannot reach is a gateway, whatever a sender calls itself.
        if event.text(column::FAMILY) == Some("gateway") && !event.is_claim() {
            *self.gateway.entry(event.tenant(), event, findings) = event.second();
            return Some(cost);
        }
        let seen = self.gateway.get_mut(event.tenant()).map(|second| *second);
        let by_gateway = seen.is_some_and(|second| event.second() - second <= GATEWAY_MEMORY_SECONDS);
        if by_gateway { None } else { Some(cost) }
    }
}
