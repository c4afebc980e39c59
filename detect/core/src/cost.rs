//! What an event costs, and whether it counts: several sources tell of the same call, and one of them is believed.

use ledger::Row;
use ledger::column::handle;
use ledger::events::column;
use operations::Money;
use operations::limits::TELLER_MEMORY_SECONDS;
use operations::teller::{Rank, Teller};

use crate::event::EventRow;
use crate::findings::Findings;
use crate::key::Key;
use crate::limits::SPENDERS_MAX;
use crate::table::Table;
use crate::witness::Sessions;
use crate::{aspects, detector_state, packed_enum};

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

packed_enum!(Rank { None, Transcript, Agent, LiteLlm, Gateway });

/// Who tells of an event's money.
pub(crate) fn teller(event: &EventRow<'_>, key: Key) -> Teller {
    let source = event.text(column::SOURCE).unwrap_or("");
    let rank = Rank::of(source, event.text(column::FAMILY), event.text(column::TRUST));
    let collector = event.text(column::COLLECTOR).filter(|_| rank <= Rank::Agent).unwrap_or("");
    Teller { rank, feed: key.hash(&["teller", source, collector]) as u16, second: event.second() }
}

/// Knows whose calls pass a gateway. What their agents say of the same calls would count them twice, and so would a second gateway
/// that tells of the same session.
pub struct Authority {
    key: Key,
    /// The second of the latest cost from a gateway, by tenant.
    gateway: Table<i64>,
}

detector_state!(Authority { gateway } without { key });

impl Authority {
    /// Nobody's calls have passed a gateway.
    pub fn new(key: Key) -> Self {
        Self { key, gateway: Table::new(SPENDERS_MAX) }
    }

    /// What the event costs, if it is to be counted.
    pub fn cost(&mut self, event: &EventRow<'_>, sessions: &mut Sessions, findings: &mut Findings) -> Option<Money> {
        let cost = cost(event)?;
        let teller = teller(event, self.key);
        let is_counted = if teller.rank >= Rank::LiteLlm {
            *self.gateway.entry(event.tenant(), event, findings) = event.second();
            true
        } else {
            let seen = self.gateway.get_mut(event.tenant()).map(|second| *second);
            seen.is_none_or(|second| event.second() - second > TELLER_MEMORY_SECONDS)
        };
        // Without a session nobody knows whether two tell of the same call: then it is better to count twice than not at all.
        let has_session = event.text(column::SESSION).is_some();
        (is_counted && (!has_session || sessions.counts(event, teller))).then_some(cost)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    /// Feeds costs of one session, each told by a collector of a source, and says which are counted.
    fn check(told: &[(i64, &str, &str, &str)], expected: &[bool]) {
        let (mut authority, mut sessions) = (Authority::new(fixtures::key()), Sessions::default());
        let events: Vec<_> = told
            .iter()
            .map(|(second, source, collector, trust)| {
                let family = if *trust == "gateway" { "gateway" } else { "workspace" };
                json!({"second": second, "kind": "model.tokens", "source": source, "collector": collector, "trust": trust,
                    "family": family, "cost_micros": 7, "session": "s", "user": "u", "token": "t"})
            })
            .collect();
        let rows = fixtures::rows(&events);
        let mut findings = Findings::new();
        let counted: Vec<bool> = rows
            .iter()
            .map(|row| {
                let event = EventRow::new(&row, false, fixtures::key());
                authority.cost(&event, &mut sessions, &mut findings).is_some()
            })
            .collect();
        assert_eq!(counted, expected, "{told:?}");
    }

    #[test]
    fn each_call_is_counted_from_the_best_of_those_who_tell() {
        let (gateway, litellm) = ((0, "coder.gateway", "coderd", "gateway"), (1, "litellm", "proxy", "gateway"));
        let (hooks, otel) = ((2, "codex", "hooks", "agent"), (3, "codex", "otel", "agent"));
        check(&[gateway, litellm, hooks], &[true, false, false]);
        check(
            &[(0, "litellm", "proxy", "gateway"), (1, "coder.gateway", "coderd", "gateway"), litellm],
            &[true, true, false],
        );
        // Two replicas of one gateway are one feed; hooks and telemetry of one agent are two, and the first of them counts.
        check(&[gateway, (1, "coder.gateway", "replica", "gateway")], &[true, true]);
        check(&[hooks, otel, (4, "codex", "hooks", "agent")], &[true, false, true]);
        check(
            &[(0, "claude_code.transcript", "import", "agent"), otel, (4, "claude_code.transcript", "import", "agent")],
            &[true, true, false],
        );
        let transcript = |second| (second, "codex.transcript", "rollouts", "agent");
        check(&[hooks, transcript(3), otel, transcript(4)], &[true, false, false, false]);
        check(
            &[gateway, transcript(3), (4, "litellm", "proxy", "gateway"), transcript(5)],
            &[true, false, false, false],
        );
        check(&[(0, "litellm", "proxy", "gateway"), transcript(1)], &[true, false]);
        check(&[transcript(0), transcript(1), hooks, transcript(3)], &[true, true, true, false]);
        // A copy of the file elsewhere is another feed of the same rank.
        check(&[transcript(0), (1, "codex.transcript", "archive", "agent")], &[true, false]);
        // Who names itself a gateway is none.
        check(&[gateway, (1, "coder.gateway", "forged", "agent")], &[true, false]);
    }

    #[test]
    fn who_is_silent_for_long_gives_way() {
        let late = TELLER_MEMORY_SECONDS + 1;
        let gateway = (0, "coder.gateway", "coderd", "gateway");
        check(&[gateway, (late - 1, "litellm", "proxy", "gateway")], &[true, false]);
        check(&[gateway, (late, "litellm", "proxy", "gateway")], &[true, true]);
        check(&[gateway, (late, "codex", "otel", "agent")], &[true, true]);
    }

    #[test]
    fn without_a_session_every_gateway_counts() {
        let (mut authority, mut sessions) = (Authority::new(fixtures::key()), Sessions::default());
        let events = ["coder.gateway", "litellm", "kong"].map(|source| {
            json!({"second": 0, "kind": "model.tokens", "source": source, "trust": "gateway", "family": "gateway", "cost_micros": 7, "user": "u"})
        });
        let rows = fixtures::rows(&events);
        let counted = rows.iter().filter(|row| {
            let event = EventRow::new(row, false, fixtures::key());
            authority.cost(&event, &mut sessions, &mut Findings::new()).is_some()
        });
        assert_eq!(counted.count(), 3);
    }
}
