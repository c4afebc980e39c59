//! Which name and which id are one person: learned from records of the control plane, which say both, and from the file of names.
//!
//! A firewall's records have the name of a workspace's owner, a gateway's the id of who called. A record that says both joins
//! them; so do two records about one workspace's owner, one with the name and one with the id.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::bounded::Bounded;
use crate::limits;

/// Names by id, ids by name, and the owners of workspaces.
#[derive(Debug)]
pub(super) struct Persons {
    hasher: RandomState,
    names: Bounded<Said>,
    ids: Bounded<Said>,
    owners: Bounded<Owner>,
}

/// A word about a person, and the position of the row that said it.
#[derive(Debug)]
struct Said {
    word: Arc<str>,
    at: u64,
}

/// The position of what is said now: later than every row that the ledger holds.
pub(super) const NOW: u64 = u64::MAX;

/// What is known of a workspace's owner.
#[derive(Debug, Clone, Default)]
struct Owner {
    id: Option<Arc<str>>,
    name: Option<Arc<str>>,
}

impl Persons {
    pub fn new() -> Self {
        let max = limits::PERSONS_MAX;
        Self { hasher: RandomState::new(), names: Bounded::new(max), ids: Bounded::new(max), owners: Bounded::new(max) }
    }

    /// Notes that a record names a person by both, at this position. The latest word counts, in whatever order words come:
    /// people are renamed, and after a start older rows are read after newer ones.
    pub fn learn(&mut self, id: &str, name: &str, at: u64) {
        learn(&self.hasher, [&mut self.names, &mut self.ids], [id, name], at);
    }

    /// Notes what a record says of a workspace's owner; empty texts say nothing.
    pub fn learn_owner(&mut self, workspace: &str, id: &str, name: &str) {
        let is_name = |text: &&str| !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX;
        let owner = self.owners.get_or_insert(self.hasher.hash_one(workspace), Owner::default);
        for (slot, text) in [(&mut owner.id, id), (&mut owner.name, name)] {
            if let Some(text) = Some(text).filter(is_name)
                && slot.as_deref() != Some(text)
            {
                *slot = Some(Arc::from(text));
            }
        }
        if let Owner { id: Some(id), name: Some(name) } = owner {
            learn(&self.hasher, [&mut self.names, &mut self.ids], [&**id, &**name], NOW);
        }
    }

    /// The name of who has this id.
    pub fn name(&mut self, id: &str) -> Option<Arc<str>> {
        self.names.get(self.hasher.hash_one(id)).map(|said| Arc::clone(&said.word))
    }

    /// The id of who has this name.
    pub fn id(&mut self, name: &str) -> Option<Arc<str>> {
        self.ids.get(self.hasher.hash_one(name)).map(|said| Arc::clone(&said.word))
    }
}

/// Notes in the maps of names and ids that a person has this id and this name.
fn learn(hasher: &RandomState, [names, ids]: [&mut Bounded<Said>; 2], [id, name]: [&str; 2], at: u64) {
    if id == name || [id, name].iter().any(|text| text.is_empty() || text.len() > limits::NAME_BYTES_MAX) {
        return;
    }
    for (map, key, word) in [(names, id, name), (ids, name, id)] {
        let held = map.get_or_insert(hasher.hash_one(key), || Said { word: Arc::from(word), at });
        if *held.word != *word && held.at <= at {
            held.word = Arc::from(word);
        }
        held.at = held.at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_id_become_one_person() {
        let mut persons = Persons::new();
        persons.learn("u-1", "amara", NOW);
        persons.learn_owner("w-1", "u-2", "");
        assert_eq!((persons.name("u-1").as_deref(), persons.name("u-2")), (Some("amara"), None));
        persons.learn_owner("w-1", "", "bo");
        assert_eq!((persons.name("u-2").as_deref(), persons.id("bo").as_deref()), (Some("bo"), Some("u-2")));
        persons.learn("u-1", "amara.okafor", NOW);
        assert_eq!(persons.name("u-1").as_deref(), Some("amara.okafor"), "the latest word counts");
        persons.learn("u-3", &"x".repeat(limits::NAME_BYTES_MAX + 1), NOW);
        persons.learn("u-3", "", NOW);
        persons.learn("u-3", "u-3", NOW);
        assert_eq!(persons.name("u-3"), None);
    }

    #[test]
    fn an_older_row_that_is_read_later_takes_no_new_name_away() {
        let mut persons = Persons::new();
        persons.learn("u-1", "amara.okafor", 9);
        for at in [3, 8] {
            persons.learn("u-1", "amara", at);
        }
        assert_eq!(persons.name("u-1").as_deref(), Some("amara.okafor"));
        assert_eq!(persons.id("amara").as_deref(), Some("u-1"), "the older name is known too");
        persons.learn("u-1", "a.okafor", NOW);
        persons.learn("u-1", "amara.okafor", 10);
        assert_eq!(persons.name("u-1").as_deref(), Some("a.okafor"));
        persons.learn("u-1", "a.o", NOW);
        assert_eq!(
            persons.name("u-1").as_deref(),
            Some("a.o"),
            "what is said now is later than what was said now before"
        );
    }
}
