//! The names by which an event is somebody's: which of them counts first for each use, and their keyed hashes.

use ledger::column::handle;
use ledger::events::column;
use operations::access::Trust;

use crate::event_columns::EventColumns;
use crate::key::{Key, Space};

/// What network policies are about: the workspace first, since a boundary gives its requests a session of its own.
pub const NETWORK: [(handle::Text, &str); 5] = [
    (column::WORKSPACE, "workspace"),
    (column::SESSION, "session"),
    (column::AGENT, "agent"),
    (column::USER, "user"),
    (column::COLLECTOR, "collector"),
];

/// One agent at work: the session first, since two agents may share a workspace.
pub const AGENT: [(handle::Text, &str); 4] =
    [(column::SESSION, "session"), (column::WORKSPACE, "workspace"), (column::USER, "user"), (column::TOKEN, "token")];

/// Who pays for the state that an event takes.
pub const TENANT: [(handle::Text, &str); 3] =
    [(column::USER, "user"), (column::WORKSPACE, "workspace"), (column::TOKEN, "token")];

/// Who sent an event: the one name that we gave.
pub const SENDER: [(handle::Text, &str); 1] = [(column::TOKEN, "token")];

/// One of the agents of a session.
const SUB_AGENT: [(handle::Text, &str); 1] = [(column::AGENT, "agent")];

/// One agent over all its sessions.
pub const SPENDER: [(handle::Text, &str); 5] = [
    (column::AGENT, "agent"),
    (column::WORKSPACE, "workspace"),
    (column::USER, "user"),
    (column::SESSION, "session"),
    (column::TOKEN, "token"),
];

/// Whether the names in an event are somebody's who knows them, and not only what the agent says of itself. A source whose
/// trust is `agent` may write any user and any workspace.
fn is_believed(columns: &EventColumns<'_>) -> bool {
    columns.text(column::TRUST) != Some(Trust::Agent.as_str())
}

/// The keyed hashes of the names by which detectors know an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hashes {
    /// Of [`crate::scope::Scope::agent`].
    pub agent: u64,
    /// Of one actor: a sub-agent within its session, else the agent.
    pub actor: u64,
    /// Of user, else workspace, else token.
    pub tenant: u64,
    /// Of the token together with [`crate::scope::Scope::sender`].
    pub sender: u64,
    /// Whether the names are believed.
    pub believed: bool,
    /// Of the token together with what network policies are about, as far as the sender cannot choose it.
    pub vantage: u64,
    /// Of [`crate::scope::Scope::network`].
    pub network: u64,
}

/// The hashes of an event's names. The same name is hashed once: it has the same hash wherever it stands.
pub fn hashes(columns: &EventColumns<'_>, key: Key) -> Hashes {
    let mut known = [(0, 0); 5];
    let mut number = 0;
    let mut hash = |names: &[(handle::Text, &str)]| {
        let found = names.iter().find_map(|(column, _)| Some((column.id(), columns.text(*column)?)));
        let (id, name) = found.unwrap_or((0, ""));
        let hash = match known[..number].iter().find(|(known, _)| *known == id) {
            Some((_, hash)) => *hash,
            None => key.of(Space::column(id), name),
        };
        known[number] = (id, hash);
        number += 1;
        hash
    };
    let (agent, tenant, network, token) = (hash(&AGENT), hash(&TENANT), hash(&NETWORK), hash(&SENDER));
    let actor = match (columns.text(column::SESSION), columns.text(column::AGENT)) {
        (Some(_), Some(_)) => Key::join(agent, hash(&SUB_AGENT)),
        _ => agent,
    };
    let believed = is_believed(columns);
    let within = |name| if believed { Key::join(token, name) } else { token };
    Hashes { agent, actor, tenant, sender: within(tenant), believed, vantage: within(network), network }
}
