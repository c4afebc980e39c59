//! Whose an event is: the names by which detectors group events. There is one function for each use, and no detector looks at the
//! columns itself; which name counts first is decided in `name_order`.

use ledger::column::handle;
use ledger::events::column;
use operations::alert::Who;

use crate::event::EventRow;
use crate::key::Key;
use crate::name_order::{AGENT, NETWORK, SENDER, SPENDER, TENANT};
use crate::pack::{Pack, RestoreError, pack_text, unpack_text};
use crate::text::{bounded, cut};

/// The kind of a name, as a word for sentences, and the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `workspace`, `session`, `user`, ….
    pub kind: &'static str,
    /// The name; attacker-written.
    pub name: &'a str,
}

impl Pack for Who {
    fn pack(&self, out: &mut Vec<u8>) {
        let Self { org, team, user, agent, session, workspace, workspace_name } = self;
        for text in [org, team, user, agent, session, workspace, workspace_name] {
            pack_text(text.as_deref(), out);
        }
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let mut next = || unpack_text(input);
        Ok(Self {
            org: next()?,
            team: next()?,
            user: next()?,
            agent: next()?,
            session: next()?,
            workspace: next()?,
            workspace_name: next()?,
        })
    }
}

impl<'a> Scope<'a> {
    /// The narrowest name that network events of one agent share; events that name nobody share one.
    pub fn network(event: &EventRow<'a>) -> Self {
        Self::first(event, &NETWORK)
    }

    /// The agent: session, else workspace, else user, else token.
    pub fn agent(event: &EventRow<'a>) -> Self {
        Self::first(event, &AGENT)
    }

    /// Who answers for what an event brings: the token, and within a token whose names are believed the tenant. A sender cannot
    /// choose it.
    pub fn sender(event: &EventRow<'a>) -> Self {
        let names = if event.is_believed() { TENANT.as_slice() } else { &SENDER };
        Self::first(event, names)
    }

    /// Whose baseline a spend belongs to: the agent over all its sessions, which are too short to know what is usual.
    pub fn spender(event: &EventRow<'a>) -> Self {
        Self::first(event, &SPENDER)
    }

    /// The name by which people know it: that of a workspace, where the event tells it beside the id.
    pub fn shown(&self, event: &EventRow<'a>) -> &'a str {
        let named = if self.kind == "workspace" { event.text(column::WORKSPACE_NAME) } else { None };
        named.unwrap_or(self.name)
    }

    /// The organisation; events that name none share one.
    pub fn org(event: &EventRow<'a>) -> Self {
        Self { kind: "organisation", name: event.text(column::ORG).unwrap_or("") }
    }

    /// All agents together, told apart by what they share.
    pub fn fleet(name: &'a str) -> Self {
        Self { kind: "fleet", name }
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

/// Packs [`who`] of an event without making it: some states keep it of every event.
fn pack_who(event: &EventRow<'_>, out: &mut Vec<u8>) {
    let mut pack = |text: Option<&str>| pack_text(text.map(cut).as_deref(), out);
    pack(event.text(column::ORG));
    pack(event.text(column::TEAM));
    pack(event.text(column::USER));
    pack(event.text(column::AGENT).or_else(|| event.text(column::AGENT_KIND)));
    pack(event.text(column::SESSION));
    pack(event.text(column::WORKSPACE));
    pack(event.text(column::WORKSPACE_NAME));
}

/// Who an alert is about and in which scope, kept by a state until it is needed: what the scope's name is among those of
/// whom it is about is kept once.
#[derive(Debug)]
pub struct Named {
    /// Who it is.
    pub who: Who,
    kind: u8,
    /// The name of the scope, if it is none of theirs.
    other: Option<String>,
}

/// The words for kinds of scopes, in the order of their numbers in states.
const KINDS: [&str; 6] = ["agent", "session", "workspace", "user", "collector", "token"];

impl Named {
    /// Packs it without making it: some states keep it of every event.
    pub fn pack_of(event: &EventRow<'_>, scope: Scope<'_>, out: &mut Vec<u8>) {
        pack_who(event, out);
        let kind = KINDS.iter().position(|kind| *kind == scope.kind).unwrap_or(0);
        out.push(kind as u8);
        let other = !matches!(scope.kind, "session" | "workspace" | "user");
        pack_text(other.then(|| cut(scope.name)).as_deref(), out);
    }

    /// The scope.
    pub fn scope(&self) -> Scope<'_> {
        let kind = KINDS.get(usize::from(self.kind)).copied().unwrap_or("agent");
        let name = match kind {
            "session" => &self.who.session,
            "workspace" => &self.who.workspace,
            "user" => &self.who.user,
            _ => &self.other,
        };
        Scope { kind, name: name.as_deref().unwrap_or("") }
    }
}

impl Pack for Named {
    fn pack(&self, out: &mut Vec<u8>) {
        self.who.pack(out);
        self.kind.pack(out);
        pack_text(self.other.as_deref(), out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self { who: Pack::unpack(input)?, kind: Pack::unpack(input)?, other: unpack_text(input)? })
    }
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
