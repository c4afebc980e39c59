//! Agents, their sums and positions as JSON. Times are RFC 3339, as everywhere in the API.

use ledger::{LedgerName, Position, Seq, Timestamp};
use query::fleet::{AgentRow, Counters, FleetPlace, Ticked};
use serde::Serialize;
use serde_json::{Value, json};

use crate::tail_filter::time_text;

/// Times of an agent, which are numbers in the fold.
const TIMES: [&str; 7] =
    ["since", "last_seen", "waiting_since", "session_start", "session_end", "activity_from", "seen"];
/// What was made from content.
const CONTENT: [&str; 4] = ["task", "command", "file", "last_command"];

/// An agent; what was made from content only if that is asked for.
pub(crate) fn agent(row: AgentRow, content: bool) -> Value {
    shown(&if content { row } else { row.without_content() }, content)
}

/// An event that goes by.
pub(crate) fn ticked(row: &Ticked, content: bool) -> Value {
    shown(row, content)
}

/// A record of the fold: it holds texts and numbers, so it always has a JSON form, which is an object.
fn shown(row: &impl Serialize, content: bool) -> Value {
    let mut shown = serde_json::to_value(row).unwrap_or_default();
    for name in TIMES {
        if let Some(time) = shown.get_mut(name) {
            *time = time.as_i64().map(Timestamp::from_unix_micros).map(time_text).into();
        }
    }
    if let Some(members) = shown.as_object_mut().filter(|_| !content) {
        members.retain(|name, _| !CONTENT.contains(&name.as_str()));
    }
    shown
}

/// What agents come to.
pub(crate) fn counters(counters: &Counters) -> Value {
    let Counters {
        agents,
        teams,
        states,
        need_a_person,
        waiting_since,
        denied,
        events_per_minute,
        micros_per_minute,
        micros_today,
        unpriced_today,
        unattributed_today,
        ingest_lag_p99_micros,
        behind,
    } = counters;
    json!({
        "agents": agents,
        "teams": teams,
        "states": states,
        "need_a_person": need_a_person,
        "waiting_since": waiting_since.map(time_text),
        "denied": denied,
        "events_per_minute": events_per_minute,
        "micros_per_minute": micros_per_minute,
        "micros_today": micros_today,
        "unpriced_today": unpriced_today,
        "unattributed_today": unattributed_today,
        "ingest_lag_p99_micros": ingest_lag_p99_micros,
        "behind": behind,
    })
}

/// The last rows of both ledgers that a look reaches, as the id of an event: `events/0/123+operations/0/45`. A ledger without a row is
/// left out.
pub(crate) fn place(place: FleetPlace) -> String {
    let last =
        |ledger, next: Seq| (next > Seq::FIRST).then(|| Position { ledger, shard: 0, seq: next.back(1) }.to_string());
    let parts = [last(LedgerName::Events, place.events), last(LedgerName::Operations, place.operations)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("+")
}

/// Reads what [`place`] wrote: of each ledger the row that comes next, where it is told.
pub(crate) fn read_place(text: &str) -> Option<(Option<Seq>, Option<Seq>)> {
    let (mut events, mut operations) = (None, None);
    for part in text.split('+').map(str::trim).filter(|part| !part.is_empty()) {
        let position: Position = part.parse().ok()?;
        let side = match position.ledger {
            LedgerName::Events => &mut events,
            LedgerName::Operations => &mut operations,
        };
        *side = Some(position.seq.next());
    }
    Some((events, operations))
}
