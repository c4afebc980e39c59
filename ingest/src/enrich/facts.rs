//! What the control plane says of workspaces, people and keys, each with the time from which it holds.
//!
//! It is learned from events of kind `inventory`, which are recorded: so it is learned again from the ledger's rows, and a record of some
//! moment is explained by what held then, whatever was learned since. Statements in any order, and said any number of times, teach
//! the same. Nothing is said of the time before the first statement.
//!
//! | `action` | who or what | what it says |
//! |---|---|---|
//! | `workspace` | `workspace` | `user_id`, `user` (its owner), `workspace_name`, `team`, `org`, `template` |
//! | `user` | `user_id` | `user` |
//! | `group_member` | `user_id` | `team`, one of those that the person is in |
//! | `api_key` | `target`, after `api_key/` | `user_id`, `workspace` |

use std::hash::{BuildHasher, RandomState};

use ledger::column::handle::Text;
use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::bounded::Bounded;
use crate::event::ReadColumns;
use crate::limits;

/// The kind of events that say how things stand.
const INVENTORY: &str = "inventory";

/// What a statement may say.
const SAID: [Text; 7] = [
    column::USER_ID,
    column::USER,
    column::WORKSPACE,
    column::WORKSPACE_NAME,
    column::TEAM,
    column::ORG,
    column::TEMPLATE,
];

/// What is spoken about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Thing {
    Workspace,
    User,
    GroupMember,
    ApiKey,
}

/// What is known of something, the earliest statement first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    thing: Thing,
    id: Box<str>,
    facts: Vec<Fact>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fact {
    /// From when on it holds, in microseconds since 1970 UTC.
    from: i64,
    /// When it was seen: of two statements about one moment the later one counts.
    seen: i64,
    said: [Option<Box<str>>; SAID.len()],
}

impl Fact {
    /// What it says of a column.
    pub fn get(&self, column: Text) -> Option<&str> {
        let at = SAID.iter().position(|said| said.id() == column.id())?;
        self.said[at].as_deref()
    }
}

/// Everything that the control plane said.
#[derive(Debug)]
pub(super) struct Facts {
    hasher: RandomState,
    known: Bounded<Known>,
    /// How often something was learned.
    changes: u64,
}

impl Facts {
    /// Knows nothing.
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), known: Bounded::new(limits::FACTS_MAX), changes: 0 }
    }

    /// Learns from an event that the control plane is believed about.
    pub fn learn(&mut self, columns: &impl ReadColumns) {
        if columns.text(column::KIND) != Some(INVENTORY) {
            return;
        }
        let is_name = |text: &&str| !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX;
        let value = |column| columns.text(column).filter(is_name);
        let (thing, id) = match columns.text(column::ACTION) {
            Some("workspace") => (Thing::Workspace, value(column::WORKSPACE)),
            Some("user") => (Thing::User, value(column::USER_ID)),
            Some("group_member") => (Thing::GroupMember, value(column::USER_ID)),
            Some("api_key") => {
                (Thing::ApiKey, value(column::TARGET).and_then(|target| target.strip_prefix("api_key/")))
            }
            _ => return,
        };
        let (Some(id), Some(from)) = (id, columns.time(column::TIME)) else { return };
        // Everybody is in the group that has the id of the organisation.
        let group = value(column::TARGET).and_then(|target| target.strip_prefix("group/"));
        if thing == Thing::GroupMember && group.is_some() && group == value(column::ORG) {
            return;
        }
        let seen = columns.time(column::OBSERVED).unwrap_or(from);
        let fact = Fact { from, seen, said: SAID.map(|column| value(column).map(Box::from)) };
        self.add(thing, id, fact);
    }

    fn add(&mut self, thing: Thing, id: &str, fact: Fact) {
        let key = self.hasher.hash_one((thing, id));
        let known = self.known.get_or_insert(key, || Known { thing, id: Box::from(id), facts: Vec::new() });
        self.changes += u64::from(insert(&mut known.facts, thing, fact));
    }

    /// What held of something at a time, in microseconds since 1970 UTC.
    pub fn at(&mut self, thing: Thing, id: &str, time: i64) -> Option<&Fact> {
        let known = self.known.get(self.hasher.hash_one((thing, id)))?;
        known.facts.iter().rev().find(|fact| fact.from <= time)
    }

    /// The team of a person at a time; none if groups say more than one.
    pub fn team(&mut self, user: &str, time: i64) -> Option<&str> {
        let known = self.known.get(self.hasher.hash_one((Thing::GroupMember, user)))?;
        let mut teams = known.facts.iter().filter(|fact| fact.from <= time).filter_map(|fact| fact.get(column::TEAM));
        let team = teams.next()?;
        teams.all(|other| other == team).then_some(team)
    }

    /// Changes when something is learned.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// All of it as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut known: Vec<&Known> = self.known.values().collect();
        known.sort_by(|one, other| (one.thing, &one.id).cmp(&(other.thing, &other.id)));
        serde_json::to_vec(&known).unwrap_or_default()
    }

    /// Learns what was encoded.
    pub fn decode(&mut self, encoded: &[u8]) {
        let known: Vec<Known> = serde_json::from_slice(encoded).unwrap_or_default();
        for Known { thing, id, facts } in known {
            for fact in facts {
                self.add(thing, &id, fact);
            }
        }
    }
}

/// Puts a statement in its place, if it says something new. Which of too many are forgotten, the earliest, does not depend on their
/// order.
fn insert(facts: &mut Vec<Fact>, thing: Thing, fact: Fact) -> bool {
    // Of one moment there is one statement, but of a person's groups one for each; they stand in the order of their teams.
    let team = |fact: &Fact| fact.get(column::TEAM).filter(|_| thing == Thing::GroupMember).map(Box::<str>::from);
    let place = (fact.from, team(&fact));
    let at = facts.partition_point(|other| (other.from, team(other)) < place);
    match facts.get_mut(at).filter(|other| (other.from, team(other)) == place) {
        Some(other) if (other.seen, &other.said) < (fact.seen, &fact.said) => {
            let is_new = other.said != fact.said;
            *other = fact;
            return is_new;
        }
        Some(_) => return false,
        None => facts.insert(at, fact),
    }
    if facts.len() > limits::FACT_STATEMENTS_MAX {
        facts.remove(0);
    }
    true
}

#[cfg(test)]
pub(super) mod tests;
