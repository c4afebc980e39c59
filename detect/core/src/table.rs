//! A bounded table of states by key, fair between senders: who brings the most keys loses keys first, and loses their own.
//!
//! When the table is full, the sender with the most keys gives one up: of its tenants, as its events name them, the one with the most
//! keys loses the one that was not used for longest. A sender is what nobody can choose ([`EventRow::sender`]), so a flood of
//! keys pushes out no slow loop of another sender, however many users and workspaces it invents: who is below capacity
//! divided by senders loses nothing. The same calls leave the same table; no order of a hash map is ever looked at.

mod owners;

use crate::detector_state::DetectorState;
use crate::event::EventRow;
use crate::findings::Findings;
use crate::index::{Index, Keyed};
use crate::key::Key;
use crate::limits::{EVICTED_IN_USE_SECONDS, USED_AGAIN_SECONDS};
use crate::pack::{Pack, RestoreError};
use owners::{Owners, ROOT};

/// States by keyed hash, at most `limit` of them.
#[derive(Debug)]
pub struct Table<V> {
    limit: usize,
    slots: Vec<Slot<V>>,
    index: Index,
    owners: Owners,
    /// The ends of each owner's list, at its place.
    lists: Vec<List>,
    /// Counts new keys.
    insertions: u64,
    /// What the latest new key pushed out, until somebody asks.
    evicted: Option<(u64, V)>,
}

/// A state in the list of its owner's states, which is ordered by use.
#[derive(Debug)]
struct Slot<V> {
    /// The halves of its key, the upper first: as one number it would leave room empty behind many values.
    halves: [u32; 2],
    /// The place of its owner: half as long as a hash.
    owner: u32,
    /// The second, since 1970, in which it was used last.
    used: u32,
    newer: u32,
    older: u32,
    value: V,
}

#[derive(Debug, Clone, Copy)]
struct List {
    newest: u32,
    oldest: u32,
}

const EMPTY: List = List { newest: NONE, oldest: NONE };

/// Whose a key is: a sender's, and where nobody vouches for names, one of the tenants that the sender names. The same name is
/// another tenant for another sender.
#[derive(Debug, Clone, Copy)]
struct Whose {
    sender: u64,
    tenant: Option<u64>,
}

impl Whose {
    fn of(event: &EventRow<'_>) -> Self {
        // Not the hash that the same names have as a sender where they are believed: one token may send both ways.
        let named = || Key::join(event.sender(), !event.tenant());
        Self { sender: event.sender(), tenant: (!event.is_believed()).then(named) }
    }
}

const NONE: u32 = u32::MAX;

impl<V: Default + Pack> Table<V> {
    /// An empty table.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, NONE as usize - 1);
        Self {
            limit,
            // What is not used yet takes addresses and no memory; a list that grew would be copied, and leave holes behind.
            slots: Vec::with_capacity(limit),
            index: Index::default(),
            owners: Owners::default(),
            lists: Vec::new(),
            insertions: 0,
            evicted: None,
        }
    }

    /// The state of the event's agent, made if there was none.
    pub fn of_agent(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> &mut V {
        self.entry(event.agent(), event, findings)
    }

    /// The state of the event's actor, made if there was none.
    pub fn of_actor(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> &mut V {
        self.entry(event.actor(), event, findings)
    }

    /// The state of a key that the event is about, made if there was none. It belongs to the event's sender and tenant.
    pub fn entry(&mut self, key: u64, event: &EventRow<'_>, findings: &mut Findings) -> &mut V {
        let at = match self.index.get(key, &self.slots) {
            Some(at) => {
                // Who was used a moment ago is new enough: its neighbours in the list lie elsewhere in memory.
                if event.recorded_second() - i64::from(self.slots[at as usize].used) >= USED_AGAIN_SECONDS {
                    self.unlink(at);
                    self.link(at, event.recorded_second());
                }
                at
            }
            None => self.insert(key, Whose::of(event), event.recorded_second(), V::default(), Some(findings)),
        };
        &mut self.slots[at as usize].value
    }

    /// The state of a key, without using it.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let at = self.index.get(key, &self.slots)?;
        self.slots.get_mut(at as usize).map(|slot| &mut slot.value)
    }

    /// The same to look at.
    pub fn get(&self, key: u64) -> Option<&V> {
        let at = self.index.get(key, &self.slots)?;
        self.slots.get(at as usize).map(|slot| &slot.value)
    }

    /// The key that the latest new key pushed out, and its state: for who keeps more about it, such as a timer.
    pub fn take_evicted(&mut self) -> Option<(u64, V)> {
        self.evicted.take()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Number of states.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds a key that is not there, as its owner's newest.
    fn insert(&mut self, key: u64, whose: Whose, second: i64, value: V, findings: Option<&mut Findings>) -> u32 {
        let full = self.slots.len() >= self.limit;
        let freed = full.then(|| self.evict(whose, second, findings));
        self.insertions += 1;
        let sender = self.owners.place(whose.sender, ROOT);
        self.owners.grow(sender, self.insertions);
        let owner = match whose.tenant {
            Some(tenant) => {
                let tenant = self.owners.place(tenant, sender);
                self.owners.grow(tenant, self.insertions);
                tenant
            }
            None => sender,
        };
        self.lists.resize(self.lists.len().max(self.owners.len()), EMPTY);
        let slot = Slot {
            halves: [(key >> 32) as u32, key as u32],
            owner,
            used: second as u32,
            newer: NONE,
            older: NONE,
            value,
        };
        let at = if let Some(at) = freed {
            let evicted = std::mem::replace(&mut self.slots[at as usize], slot);
            self.evicted = Some((evicted.key(), evicted.value));
            at
        } else {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        };
        self.index.insert(at, &self.slots);
        self.link(at, second);
        at
    }

    /// Frees a slot for a new key: the sender's own if nobody has more keys, else that of who has the most.
    fn evict(&mut self, whose: Whose, second: i64, findings: Option<&mut Findings>) -> u32 {
        let own = self.owners.get(whose.sender);
        // The table is full, so somebody has the most.
        let sender = self.owners.loser(own, ROOT).unwrap_or_default();
        let named = whose.tenant.filter(|_| own == Some(sender)).and_then(|tenant| self.owners.get(tenant));
        let owner = self.owners.loser(named, sender).unwrap_or(sender);
        let at = self.lists[owner as usize].oldest;
        if own == Some(sender)
            && let Some(findings) = findings
            && second - i64::from(self.slots[at as usize].used) < EVICTED_IN_USE_SECONDS
        {
            findings.note_evicted();
        }
        self.unlink(at);
        self.index.remove(at, &self.slots);
        if owner != sender {
            self.owners.shrink(owner);
        }
        self.owners.shrink(sender);
        at
    }

    /// Puts a slot at the new end of its owner's list.
    fn link(&mut self, at: u32, second: i64) {
        let list = &mut self.lists[self.slots[at as usize].owner as usize];
        let before = std::mem::replace(&mut list.newest, at);
        if before == NONE {
            list.oldest = at;
        } else {
            self.slots[before as usize].newer = at;
        }
        let slot = &mut self.slots[at as usize];
        (slot.used, slot.newer, slot.older) = (second as u32, NONE, before);
    }

    /// Takes a slot out of its owner's list.
    fn unlink(&mut self, at: u32) {
        let Slot { owner, newer, older, .. } = self.slots[at as usize];
        let list = &mut self.lists[owner as usize];
        match newer {
            NONE => list.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => list.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
    }
}

/// Senders in the order of their latest new key, each with the tenants that it names in that order, and each of these (or the
/// sender, if it names none) with its keys from the oldest use to the newest: all that matters.
impl<V: Default + Pack> DetectorState for Table<V> {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        let senders = self.owners.in_order(ROOT);
        (senders.len() as u32).pack(out);
        for sender in senders {
            let tenants = self.owners.in_order(sender);
            self.owners.at(sender).hash.pack(out);
            (tenants.len() as u32).pack(out);
            if tenants.is_empty() {
                self.snapshot_list(sender, out);
            }
            for tenant in tenants {
                self.owners.at(tenant).hash.pack(out);
                self.snapshot_list(tenant, out);
            }
        }
        Ok(())
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = Self::new(self.limit);
        for _ in 0..u32::unpack(input)? {
            let (sender, tenants) = (u64::unpack(input)?, u32::unpack(input)?);
            if tenants == 0 {
                self.restore_list(Whose { sender, tenant: None }, input)?;
            }
            for _ in 0..tenants {
                let tenant = Some(u64::unpack(input)?);
                self.restore_list(Whose { sender, tenant }, input)?;
            }
        }
        Ok(())
    }
}

impl<V: Default + Pack> Table<V> {
    fn snapshot_list(&self, owner: u32, out: &mut Vec<u8>) {
        self.owners.at(owner).count.pack(out);
        let mut at = self.lists.get(owner as usize).map_or(NONE, |list| list.oldest);
        while let Some(slot) = self.slots.get(at as usize) {
            slot.key().pack(out);
            slot.used.pack(out);
            slot.value.pack(out);
            at = slot.newer;
        }
    }

    fn restore_list(&mut self, whose: Whose, input: &mut &[u8]) -> Result<(), RestoreError> {
        for _ in 0..u32::unpack(input)? {
            let (key, used, value) = (u64::unpack(input)?, u32::unpack(input)?, V::unpack(input)?);
            self.insert(key, whose, i64::from(used), value, None);
        }
        Ok(())
    }
}

impl<V> Keyed for Slot<V> {
    fn key(&self) -> u64 {
        let [upper, lower] = self.halves;
        u64::from(upper) << 32 | u64::from(lower)
    }
}

#[cfg(test)]
mod tests;
