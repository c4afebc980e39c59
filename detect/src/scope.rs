//! Whose an event is: the names by which detectors group events. The order of the names is a decision of its own for each
//! use, so there is one function for each, and no detector looks at the columns itself.

use ledger::alert::Who;
use ledger::column::handle;
use ledger::events::column;

use crate::engine::{Key, Space};
use crate::event::EventRow;
use crate::pack::{pack_text, packed};
use crate::text::{bounded, cut};

/// The kind of a name, as a word for sentences, and the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `workspace`, `session`, `user`, ….
    pub kind: &'static str,
    /// The name; attacker-written.
    pub name: &'a str,
}

/// A scope that a state keeps; its name is bounded.
#[derive(Debug, Clone)]
pub struct OwnedScope {
    kind: String,
    name: String,
}

packed!(OwnedScope { kind, name });
packed!(Who { org, team, user, agent, session, workspace, workspace_name });

impl OwnedScope {
    /// The scope.
    pub fn scope(&self) -> Scope<'_> {
        let kinds = AGENT.iter().chain(&NETWORK).map(|(_, kind)| *kind);
        let kind = kinds.into_iter().find(|kind| *kind == self.kind).unwrap_or("agent");
        Scope { kind, name: &self.name }
    }
}

/// What network policies are about: the workspace first, since a boundary gives its requests a session of its own.
const NETWORK: [(handle::Text, &str); 5] = [
    (column::WORKSPACE, "workspace"),
    (column::SESSION, "session"),
    (column::AGENT, "agent"),
    (column::USER, "user"),
    (column::COLLECTOR, "collector"),
];

/// One agent at work: the session first, since two agents may share a workspace.
const AGENT: [(handle::Text, &str); 4] =
    [(column::SESSION, "session"), (column::WORKSPACE, "workspace"), (column::USER, "user"), (column::TOKEN, "token")];

/// Who pays for the state that an event takes.
const TENANT: [(handle::Text, &str); 3] =
    [(column::USER, "user"), (column::WORKSPACE, "workspace"), (column::TOKEN, "token")];

/// One agent over all its sessions.
const SPENDER: [(handle::Text, &str); 5] = [
    (column::AGENT, "agent"),
    (column::WORKSPACE, "workspace"),
    (column::USER, "user"),
    (column::SESSION, "session"),
    (column::TOKEN, "token"),
];

impl<'a> Scope<'a> {
    /// The narrowest name that network events of one agent share; events that name nobody share one.
    pub fn network(event: &EventRow<'a>) -> Self {
        Self::first(event, &NETWORK)
    }

    /// The agent: session, else workspace, else user, else token.
    pub fn agent(event: &EventRow<'a>) -> Self {
        Self::first(event, &AGENT)
    }

    /// The tenant: user, else workspace, else token.
    pub fn tenant(event: &EventRow<'a>) -> Self {
        Self::first(event, &TENANT)
    }

    /// Whose baseline a spend belongs to: the agent over all its sessions, which are too short to know what is usual.
    pub fn spender(event: &EventRow<'a>) -> Self {
        Self::first(event, &SPENDER)
    }

    /// The organisation; events that name none share one.
    pub fn org(event: &EventRow<'a>) -> Self {
        Self { kind: "organisation", name: event.text(column::ORG).unwrap_or("") }
    }

    /// All agents together, told apart by what they share.
    pub fn fleet(name: &'a str) -> Self {
        Self { kind: "fleet", name }
    }

    /// A copy that outlives the event.
    pub fn owned(&self) -> OwnedScope {
        OwnedScope { kind: self.kind.to_owned(), name: bounded(self.name) }
    }

    /// A keyed hash, in a space of its own for each `domain`.
    pub fn hash(&self, key: Key, domain: &str) -> u64 {
        key.hash(&[domain, self.kind, self.name])
    }

    fn first(event: &EventRow<'a>, names: &[(handle::Text, &'static str)]) -> Self {
        let found = names.iter().find_map(|(column, kind)| Some(Self { kind, name: event.text(*column)? }));
        found.unwrap_or(Self { kind: "agent", name: "" })
    }
}

/// The keyed hashes of the names by which detectors know an event.
#[derive(Debug, Clone, Copy)]
pub struct Hashes {
    /// Of [`Scope::agent`].
    pub agent: u64,
    /// Of [`Scope::tenant`].
    pub tenant: u64,
    /// Of [`Scope::network`].
    pub network: u64,
}

/// The hashes of an event's names. The same name is hashed once: it has the same hash in all three.
pub fn hashes(event: &EventRow<'_>, key: Key) -> Hashes {
    let mut known = [(0, 0); 3];
    let mut number = 0;
    let mut hash = |names: &[(handle::Text, &str)]| {
        let found = names.iter().find_map(|(column, _)| Some((column.id(), event.text(*column)?)));
        let (id, name) = found.unwrap_or((0, ""));
        let hash = match known[..number].iter().find(|(known, _)| *known == id) {
            Some((_, hash)) => *hash,
            None => key.of(Space::column(id), name),
        };
        known[number] = (id, hash);
        number += 1;
        hash
    };
    Hashes { agent: hash(&AGENT), tenant: hash(&TENANT), network: hash(&NETWORK) }
}

/// Packs [`who`] of an event without making it: some states keep it of every event.
pub fn pack_who(event: &EventRow<'_>, out: &mut Vec<u8>) {
    let mut pack = |text: Option<&str>| pack_text(text.map(cut).as_deref(), out);
    pack(event.text(column::ORG));
    pack(event.text(column::TEAM));
    pack(event.text(column::USER));
    pack(event.text(column::AGENT).or_else(|| event.text(column::AGENT_KIND)));
    pack(event.text(column::SESSION));
    pack(event.text(column::WORKSPACE));
    pack(event.text(column::WORKSPACE_NAME));
}

/// The scope of [`Scope::agent`] as far as it follows from who it is.
pub fn agent_of(who: &Who) -> Scope<'_> {
    let names = [(&who.session, "session"), (&who.workspace, "workspace"), (&who.user, "user")];
    let found = names.into_iter().find_map(|(name, kind)| Some(Scope { kind, name: name.as_deref()? }));
    found.unwrap_or(Scope { kind: "agent", name: "" })
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
