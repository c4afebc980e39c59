//! Whose agent an event is about: the narrowest stable name that it carries.

use ledger::alert::Who;
use ledger::events::column;

use crate::detector::EventRow;
use crate::text::bounded;

/// The columns that name an agent, best first, with the word for sentences.
const NAMES: [(ledger::column::handle::Text, &str); 5] = [
    (column::WORKSPACE, "workspace"),
    (column::SESSION, "session"),
    (column::AGENT, "agent"),
    (column::USER, "user"),
    (column::COLLECTOR, "collector"),
];

/// Kind and name of the scope; events that name nobody share one.
pub fn of<'a>(event: &EventRow<'a>) -> (&'static str, &'a str) {
    NAMES.iter().find_map(|(column, word)| Some((*word, event.text(*column)?))).unwrap_or(("agent", ""))
}

/// Who the alert is about, as the event says.
pub fn who(event: &EventRow<'_>) -> Who {
    let text = |column| event.text(column).map(bounded);
    Who {
        org: text(column::ORG),
        team: text(column::TEAM),
        user: text(column::USER),
        agent: text(column::AGENT).or_else(|| text(column::AGENT_KIND)),
        session: text(column::SESSION),
        workspace: text(column::WORKSPACE),
        workspace_name: text(column::WORKSPACE_NAME),
    }
}
