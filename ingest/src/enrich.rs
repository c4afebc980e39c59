//! Fills in who acted where a record does not say it: from records that came before and from a file of names.
//!
//! Only empty columns are filled, only on records that are still to be appended, and `attribution` names the rule. The
//! memory is bounded and rebuilt from the ledger at start. Records that came under one token never explain those that
//! came under another one: a sender can only mislead about itself. What the control plane and the gateway log of one model
//! request is one story, whoever carried it; so is what the control plane says of workspaces, people and keys ([`facts`]).

mod bounded;
mod facts;
mod meeting;
mod names;
mod persons;
mod wanted;

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use ledger::Row;
use ledger::column::handle::Text;
use ledger::events::column;
use operations::access::Trust;

use crate::event::{Columns, Draft, ReadColumns};
use crate::limits;
use crate::namespace::Sender;
use crate::url;
use crate::uuid::is_uuid;
pub(crate) use bounded::Bounded;
use facts::{Facts, Thing};
use meeting::{Call, Meetings, Post};
pub(crate) use names::owner_of_key;
pub use names::{Names, NamesError};
use persons::Persons;
use wanted::WantedKeys;

/// Attribution by the model request that the record belongs to.
pub const JOINED_INTERCEPTION: &str = "joined:interception";
/// Attribution by the workspace's API key.
pub const JOINED_API_KEY: &str = "joined:api-key";
/// Attribution by the owner of the workspace.
pub const JOINED_WORKSPACE: &str = "joined:workspace";
/// Attribution of a boundary's session by its requests to the gateway.
pub const JOINED_URL_TIME: &str = "joined:url-time";

/// The mark of an event whose person is known by the id only.
const UNNAMED: &str = "unnamed:user";

/// What a record of a model request may take from an earlier record of the same request.
const INTERCEPTION_COLUMNS: [Text; 14] = [
    column::SESSION,
    column::USER,
    column::WORKSPACE,
    column::MODEL,
    column::PROVIDER,
    column::CLIENT,
    column::RUN,
    column::RUN_KIND,
    column::AGENT,
    column::AGENT_KIND,
    column::WORKSPACE_NAME,
    column::TEAM,
    column::ORG,
    column::USER_ID,
];
/// How many of them say who it was.
const WHO_COLUMNS: usize = 3;

/// The values of [`INTERCEPTION_COLUMNS`] that are known of one model request.
type Known = [Option<Arc<str>>; INTERCEPTION_COLUMNS.len()];

/// The session of a boundary's session.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BoundarySession {
    Of(Arc<str>),
    /// Its requests met more than one session, so none is named.
    Ambiguous,
}

/// The memory of the joins.
#[derive(Debug)]
pub struct Enrichment {
    names: Names,
    hasher: RandomState,
    interceptions: Bounded<Known>,
    boundaries: Bounded<BoundarySession>,
    meetings: Meetings,
    persons: Persons,
    facts: Facts,
    wanted: WantedKeys,
}

impl Enrichment {
    /// Knows the names and nothing else.
    pub fn new(names: Names) -> Self {
        let mut persons = Persons::new();
        // Rows of the ledger may know better.
        names.persons().for_each(|(id, name)| persons.learn(id, name, 0));
        Self {
            persons,
            names,
            hasher: RandomState::new(),
            interceptions: Bounded::new(limits::INTERCEPTIONS_MAX),
            boundaries: Bounded::new(limits::BOUNDARY_SESSIONS_MAX),
            meetings: Meetings::new(),
            facts: Facts::new(),
            wanted: WantedKeys::default(),
        }
    }

    /// Keys that records named and nobody has explained, at most so many; each is given out once.
    pub fn take_wanted_keys(&mut self, max: usize) -> Vec<(String, String)> {
        self.wanted.take(max)
    }

    /// Gives back keys that could not be asked for.
    pub fn want_keys(&mut self, keys: Vec<(String, String)>) {
        self.wanted.give_back(keys);
    }

    /// What the control plane said, as bytes, with a number that changes with it.
    pub fn facts(&self) -> (u64, Vec<u8>) {
        (self.facts.changes(), self.facts.encode())
    }

    /// How often the control plane said something new.
    pub fn facts_changes(&self) -> u64 {
        self.facts.changes()
    }

    /// Learns again what the control plane had said.
    pub fn restore_facts(&mut self, encoded: &[u8]) {
        self.facts.decode(encoded);
    }

    /// Takes new names; what was joined before stays.
    pub fn rename(&mut self, names: Names) {
        names.persons().for_each(|(id, name)| self.persons.learn(id, name, persons::NOW));
        self.names = names;
    }

    /// Learns from a draft that the control plane or a gateway tells which name and which id are one person. The columns are as
    /// the record says them.
    pub fn meet(&mut self, draft: &Draft) {
        let columns = &draft.columns;
        if let (Some(id), Some(name)) = (columns.text(column::USER_ID), columns.text(column::USER)) {
            self.persons.learn(id, name, persons::NOW);
        }
        let (id, name) = &draft.owner;
        if let Some(workspace) = columns.text(column::WORKSPACE)
            && !(id.is_empty() && name.is_empty())
        {
            self.persons.learn_owner(workspace, id, name);
        }
        if let Some(owner) = self.names.api_key(&draft.api_key) {
            self.persons.learn_owner(&owner.workspace, &owner.user, "");
        }
        self.facts.learn(columns);
    }

    /// Fills the draft's empty columns and learns from the others. The columns that the token fixes are set already.
    pub fn complete(&mut self, sender: Sender<'_>, draft: &mut Draft) {
        self.join_api_key(draft);
        self.join_interception(sender, &mut draft.columns);
        self.join_boundary(sender.token, &mut draft.columns);
        self.join_owner(&mut draft.columns);
        self.join_person(draft);
        self.join_names(&mut draft.columns);
        let is_call = self.is_model_call(url_path(&draft.url), || url::split(&draft.url).map(|parts| parts.host));
        draft.adds = self.learn(sender, &draft.columns, is_call);
    }

    /// Learns from a row that the ledger holds.
    pub fn restore(&mut self, row: &Row<'_>) {
        let Some(sender) = Sender::of_row(row) else { return };
        let path = row.text(column::PATH).unwrap_or_default();
        let is_call = self.is_model_call(path, || row.text(column::HOST).map(Cow::Borrowed));
        self.learn(sender, row, is_call);
        let is_believed = row.text(column::TRUST).and_then(|word| word.parse().ok()) >= Some(Trust::Gateway);
        if let (Some(id), Some(name), true) = (row.text(column::USER_ID), row.text(column::USER), is_believed) {
            self.persons.learn(id, name, row.position.seq.get());
        }
        if is_believed {
            self.facts.learn(row);
        }
        if row.text(column::ATTRIBUTION) == Some(JOINED_URL_TIME)
            && let (Some(stream), Some(session)) = (row.text(column::STREAM), row.text(column::SESSION))
        {
            self.propose(self.hasher.hash_one((sender.token, stream)), &Arc::from(session));
        }
    }

    /// Whether a request to this path is a model call through a gateway. The host is asked for only where the path does not tell:
    /// a gateway on its own serves what every provider serves.
    fn is_model_call<'a>(&self, path: &str, host: impl FnOnce() -> Option<Cow<'a, str>>) -> bool {
        match gateway_path(path) {
            Some(Serves::Coderd) => true,
            Some(Serves::Provider) => host().is_some_and(|host| self.names.is_gateway(&host)),
            None => false,
        }
    }

    fn join_api_key(&mut self, draft: &mut Draft) {
        if draft.api_key.is_empty() {
            return;
        }
        let columns = &mut draft.columns;
        let (user, workspace) = if let Some(owner) = self.names.api_key(&draft.api_key) {
            (Some(owner.user.as_str()), Some(owner.workspace.as_str()))
        } else if let Some(fact) = time(columns).and_then(|time| self.facts.at(Thing::ApiKey, &draft.api_key, time)) {
            (fact.get(column::USER_ID), fact.get(column::WORKSPACE))
        } else {
            if let Some(user) = columns.text(column::USER_ID).or(columns.text(column::USER)) {
                self.wanted.want(user, &draft.api_key);
            }
            return;
        };
        let is_who = fill(columns, column::USER, user);
        if fill(columns, column::WORKSPACE, workspace) || is_who {
            columns.set_text(column::ATTRIBUTION, JOINED_API_KEY);
        }
    }

    /// An event in a workspace that names nobody is its owner's.
    fn join_owner(&mut self, columns: &mut Columns) {
        if [column::USER, column::USER_ID].iter().any(|column| columns.text(*column).is_some()) {
            return;
        }
        let (Some(workspace), Some(time)) = (columns.text(column::WORKSPACE), time(columns)) else { return };
        let Some(fact) = self.facts.at(Thing::Workspace, workspace, time) else { return };
        let id = fill(columns, column::USER_ID, fact.get(column::USER_ID));
        if fill(columns, column::USER, fact.get(column::USER)) || id {
            columns.set_text(column::ATTRIBUTION, JOINED_WORKSPACE);
        }
    }

    fn join_interception(&mut self, sender: Sender<'_>, columns: &mut Columns) {
        let Some(interception) = columns.text(column::INTERCEPTION) else { return };
        let Some(known) = self.interceptions.get(self.request(sender, columns, interception)) else { return };
        let mut who = false;
        // Who is told already is another person's id at most.
        let is_told = columns.text(column::USER).is_some();
        for (at, (column, value)) in INTERCEPTION_COLUMNS.into_iter().zip(known).enumerate() {
            if !(is_told && column == column::USER_ID) {
                who |= fill(columns, column, value.as_deref()) && at < WHO_COLUMNS;
            }
        }
        if who {
            columns.set_text(column::ATTRIBUTION, JOINED_INTERCEPTION);
        }
    }

    fn join_boundary(&mut self, token: &str, columns: &mut Columns) {
        if columns.text(column::FAMILY) != Some("boundary") {
            return;
        }
        let Some(stream) = columns.text(column::STREAM) else { return };
        // Until the agent's session is known, the boundary's own session stands in its place.
        let is_free = columns.text(column::SESSION).is_none_or(|session| session == stream);
        let known = self.boundaries.get(self.hasher.hash_one((token, stream)));
        if let (Some(BoundarySession::Of(session)), true) = (known, is_free) {
            columns.join_text(column::SESSION, session);
            columns.set_text(column::ATTRIBUTION, JOINED_URL_TIME);
        }
    }

    /// Names a person by the one name that all sources share. Whose name is not known keeps the id, and is marked.
    fn join_person(&mut self, draft: &mut Draft) {
        let columns = &mut draft.columns;
        let Some(said) = columns.text(column::USER).or(columns.text(column::USER_ID)) else { return };
        let id = columns.text(column::USER_ID).unwrap_or(said);
        let then =
            time(columns).and_then(|time| self.facts.at(Thing::User, id, time)?.get(column::USER)).map(Arc::from);
        let named = if id == said { then.or_else(|| self.persons.name(id)) } else { None };
        // The record's own id may have been joined a moment ago.
        if let Some(name) = named {
            let id = id.to_owned();
            columns.join_text(column::USER, &name);
            columns.join_text(column::USER_ID, &id);
        } else if id == said && is_uuid(id) {
            let id = id.to_owned();
            columns.join_text(column::USER, &id);
            columns.join_text(column::USER_ID, &id);
            draft.mark(UNNAMED.to_owned());
        } else if columns.text(column::USER_ID).is_none()
            && let Some(id) = self.persons.id(said)
        {
            columns.join_text(column::USER_ID, &id);
        }
    }

    fn join_names(&mut self, columns: &mut Columns) {
        if let Some(workspace) = columns.text(column::WORKSPACE).and_then(|id| self.names.workspace(id)) {
            fill(columns, column::WORKSPACE_NAME, workspace.name.as_deref());
            fill(columns, column::TEAM, workspace.team.as_deref());
            fill(columns, column::ORG, workspace.org.as_deref());
            fill(columns, column::TEMPLATE, workspace.template.as_deref());
        }
        let ids = [column::USER_ID, column::USER];
        if let Some(user) = ids.iter().find_map(|column| self.names.user(columns.text(*column)?)) {
            fill(columns, column::TEAM, user.team.as_deref());
        }
        self.join_facts(columns);
    }

    /// What the file of names does not say, the control plane may have said.
    fn join_facts(&mut self, columns: &mut Columns) {
        let Some(time) = time(columns) else { return };
        if let Some(workspace) = columns.text(column::WORKSPACE)
            && let Some(fact) = self.facts.at(Thing::Workspace, workspace, time)
        {
            for column in [column::WORKSPACE_NAME, column::TEAM, column::ORG, column::TEMPLATE] {
                fill(columns, column, fact.get(column));
            }
        }
        if let Some(user) = columns.text(column::USER_ID)
            && let Some(team) = self.facts.team(user, time)
        {
            fill(columns, column::TEAM, Some(team));
        }
    }

    /// Learns from columns. Says whether they tell of a model request what earlier records of it did not.
    fn learn(&mut self, sender: Sender<'_>, columns: &impl ReadColumns, is_model_call: bool) -> bool {
        match columns.text(column::FAMILY) {
            Some("gateway") => {
                let adds = self.learn_interception(sender, columns);
                self.learn_call(sender.token, columns);
                adds
            }
            Some("boundary") if is_model_call => {
                self.learn_post(sender.token, columns);
                false
            }
            _ => false,
        }
    }

    fn learn_interception(&mut self, sender: Sender<'_>, columns: &impl ReadColumns) -> bool {
        let Some(interception) = columns.text(column::INTERCEPTION) else { return false };
        let key = self.request(sender, columns, interception);
        let value = |column| columns.text(column).filter(|name| name.len() <= limits::NAME_BYTES_MAX);
        let mut is_new = false;
        let known = self.interceptions.get_or_insert(key, || {
            is_new = true;
            Known::default()
        });
        let mut adds = false;
        for (slot, column) in known.iter_mut().zip(INTERCEPTION_COLUMNS) {
            // A session that is named after the request itself stands for one that was not told.
            let is_free = slot.as_deref().is_none_or(|known| column == column::SESSION && known == interception);
            if let Some(name) = value(column).filter(|name| is_free && slot.as_deref() != Some(*name)) {
                *slot = Some(Arc::from(name));
                adds = !is_new;
            }
        }
        adds
    }

    /// The key of a model request: the same for all senders that are believed and of one organization.
    fn request(&self, sender: Sender<'_>, columns: &impl ReadColumns, interception: &str) -> u64 {
        self.hasher.hash_one((sender.space(columns), interception))
    }

    fn learn_call(&mut self, token: &str, columns: &impl ReadColumns) {
        let value = |column| columns.text(column).filter(|name| name.len() <= limits::NAME_BYTES_MAX);
        if columns.text(column::INTERCEPTION).is_none()
            || columns.text(column::KIND) != Some("model.call")
            || columns.text(column::ACTION) == Some("interception_end")
        {
            return;
        }
        let Some(time) = columns.time(column::TIME) else { return };
        let place = match (value(column::WORKSPACE), value(column::USER)) {
            (Some(workspace), _) => self.hasher.hash_one((token, 'w', workspace)),
            (None, Some(user)) => self.hasher.hash_one((token, 'u', self.names.user_name(user))),
            (None, None) => return,
        };
        let session = value(column::SESSION).map(Arc::from);
        if let Some((boundary, session)) = self.meetings.call(place, &Call { time, session }) {
            self.propose(boundary, &session);
        }
    }

    fn learn_post(&mut self, token: &str, columns: &impl ReadColumns) {
        let allowed = columns.text(column::OUTCOME) == Some("allow") && columns.text(column::METHOD) == Some("POST");
        let (Some(stream), Some(time), true) = (columns.text(column::STREAM), columns.time(column::TIME), allowed)
        else {
            return;
        };
        let boundary = self.hasher.hash_one((token, stream));
        let workspace = columns.text(column::WORKSPACE).map(|id| self.hasher.hash_one((token, 'w', id)));
        let user = columns.text(column::USER).map(|id| self.hasher.hash_one((token, 'u', self.names.user_name(id))));
        for place in [workspace, user].into_iter().flatten() {
            if let Some((boundary, session)) = self.meetings.post(place, Post { time, boundary }) {
                self.propose(boundary, &session);
            }
        }
    }

    fn propose(&mut self, boundary: u64, session: &Arc<str>) {
        let known = self.boundaries.get_or_insert(boundary, || BoundarySession::Of(Arc::clone(session)));
        if *known != BoundarySession::Of(Arc::clone(session)) {
            *known = BoundarySession::Ambiguous;
        }
    }
}

/// When the event happened, in microseconds since 1970 UTC.
fn time(columns: &Columns) -> Option<i64> {
    columns.time(column::TIME)
}

/// Sets an empty column and says whether it did.
fn fill(columns: &mut Columns, column: Text, value: Option<&str>) -> bool {
    match value {
        Some(value) if !value.is_empty() && columns.text(column).is_none() => {
            columns.join_text(column, value);
            true
        }
        _ => false,
    }
}

/// The path of a URL, its query included.
fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// Who serves a path on which models are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serves {
    /// Coderd: `…/api/v2/(aibridge|ai-gateway)/…/v1/(messages|responses|chat/completions)`.
    Coderd,
    /// A gateway on its own, or the provider itself: the same without what coderd puts in front.
    Provider,
}

/// Whose path of model calls this is.
fn gateway_path(path: &str) -> Option<Serves> {
    // Asked of every event, so bytes are compared and not characters.
    let end = path.bytes().position(|byte| byte == b'?' || byte == b'#').unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default().trim_end_matches('/');
    let calls = ["/v1/messages", "/v1/responses", "/v1/chat/completions"].iter().any(|suffix| path.ends_with(suffix));
    let by_coderd = ["/api/v2/aibridge/", "/api/v2/ai-gateway/"].iter().any(|prefix| path.contains(prefix));
    calls.then_some(if by_coderd { Serves::Coderd } else { Serves::Provider })
}

#[cfg(test)]
mod tests;
