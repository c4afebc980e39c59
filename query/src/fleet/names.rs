//! Whose an event is: the names by which agents are found. The session counts first, since a firewall knows only the workspace and a
//! gateway only the session; then the agent's name within its workspace; then the workspace, where one agent works alone in it.

use std::collections::HashMap;

/// The agents by each of their names; lists are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    agents: HashMap<String, Vec<u64>>,
    workspaces: HashMap<String, Vec<u64>>,
    sessions: HashMap<String, Vec<u64>>,
}

/// Which kind of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Agent,
    Workspace,
    Session,
}

impl Names {
    /// Finds an agent by this name from now on.
    pub(super) fn add(&mut self, kind: NameKind, name: &str, id: u64) {
        let ids = self.of_mut(kind).entry(name.to_owned()).or_default();
        if let Err(at) = ids.binary_search(&id) {
            ids.insert(at, id);
        }
    }

    /// No longer finds it by this name.
    pub(super) fn remove(&mut self, kind: NameKind, name: &str, id: u64) {
        let names = self.of_mut(kind);
        let Some(ids) = names.get_mut(name) else { return };
        if let Ok(at) = ids.binary_search(&id) {
            ids.remove(at);
        }
        if ids.is_empty() {
            names.remove(name);
        }
    }

    /// The agents with this name.
    pub(super) fn all(&self, kind: NameKind, name: &str) -> &[u64] {
        let names = match kind {
            NameKind::Agent => &self.agents,
            NameKind::Workspace => &self.workspaces,
            NameKind::Session => &self.sessions,
        };
        names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The only agent with this name.
    pub(super) fn only(&self, kind: NameKind, name: &str) -> Option<u64> {
        match self.all(kind, name) {
            [id] => Some(*id),
            _ => None,
        }
    }

    fn of_mut(&mut self, kind: NameKind) -> &mut HashMap<String, Vec<u64>> {
        match kind {
            NameKind::Agent => &mut self.agents,
            NameKind::Workspace => &mut self.workspaces,
            NameKind::Session => &mut self.sessions,
        }
    }
}
