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
    /// Words that took the place of others.
    changes: u64,
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
    /// The version of what was known of persons when it was told who this is.
    told_at: Option<u64>,
}

impl Persons {
    pub fn new() -> Self {
        let max = limits::PERSONS_MAX;
        let (names, ids, owners) = (Bounded::new(max), Bounded::new(max), Bounded::new(max));
        Self { hasher: RandomState::new(), names, ids, owners, changes: 0 }
    }

    /// Notes that a record names a person by both, at this position. The latest word counts, in whatever order words come:
    /// people are renamed, and after a start older rows are read after newer ones.
    pub fn learn(&mut self, id: &str, name: &str, at: u64) {
        self.changes += learn(&self.hasher, [&mut self.names, &mut self.ids], [id, name], at);
    }

    /// While it stays the same, nothing that was learned was changed or forgotten.
    fn version(&self) -> u64 {
        self.names.turns() + self.ids.turns() + self.changes
    }

    /// Notes what a record says of a workspace's owner; empty texts say nothing.
    pub fn learn_owner(&mut self, workspace: &str, id: &str, name: &str) {
        let is_name = |text: &&str| !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX;
        let version = self.version();
        let owner = self.owners.get_or_insert(self.hasher.hash_one(workspace), Owner::default);
        for (slot, text) in [(&mut owner.id, id), (&mut owner.name, name)] {
            if let Some(text) = Some(text).filter(is_name)
                && slot.as_deref() != Some(text)
            {
                *slot = Some(Arc::from(text));
                owner.told_at = None;
            }
        }
        // Nearly every record says what the one before said, and the maps know it still.
        if owner.told_at == Some(version) {
            return;
        }
        if let Owner { id: Some(id), name: Some(name), .. } = owner {
            owner.told_at = Some(version);
            self.changes += learn(&self.hasher, [&mut self.names, &mut self.ids], [&**id, &**name], NOW);
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

/// Notes in the maps of names and ids that a person has this id and this name. Says how many words it replaced.
fn learn(hasher: &RandomState, [names, ids]: [&mut Bounded<Said>; 2], [id, name]: [&str; 2], at: u64) -> u64 {
    if id == name || [id, name].iter().any(|text| text.is_empty() || text.len() > limits::NAME_BYTES_MAX) {
        return 0;
    }
    let mut replaced = 0;
    for (map, key, word) in [(names, id, name), (ids, name, id)] {
        let held = map.get_or_insert(hasher.hash_one(key), || Said { word: Arc::from(word), at });
        if *held.word != *word && held.at <= at {
            held.word = Arc::from(word);
            replaced += 1;
        }
        held.at = held.at.max(at);
    }
    replaced
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
    fn what_a_workspace_says_again_counts_again_after_another_word() {
        let mut persons = Persons::new();
        for _ in 0..2 {
            persons.learn_owner("w-1", "u-1", "amara");
        }
        persons.learn("u-1", "amara.okafor", NOW);
        assert_eq!(persons.name("u-1").as_deref(), Some("amara.okafor"));
        persons.learn_owner("w-1", "u-1", "amara");
        assert_eq!(persons.name("u-1").as_deref(), Some("amara"));
        // So many others that the maps forget whom nobody named since.
        for other in 0..limits::PERSONS_MAX {
            persons.learn(&format!("u-other-{other}"), &format!("other-{other}"), NOW);
        }
        assert_eq!(persons.name("u-1"), None);
        persons.learn_owner("w-1", "u-1", "amara");
        assert_eq!(persons.name("u-1").as_deref(), Some("amara"));
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
