//! A bounded table of states by key, fair between tenants: who brings the most keys loses keys first, and loses their own.
//!
//! When the table is full, the tenant with the most keys gives up the one that was not used for longest. So a flood of keys
//! from one tenant pushes out nobody else's slow loop: a tenant whose share is below capacity divided by tenants loses
//! nothing. The same calls leave the same table; no order of a hash map is ever looked at.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use crate::detector::{Findings, RestoreError};
use crate::event::EventRow;
use crate::index::{Index, Keyed};
use crate::limits::{EVICTED_IN_USE_SECONDS, USED_AGAIN_SECONDS};
use crate::pack::Pack;
use crate::recent::Passthrough;

/// States by keyed hash, at most `limit` of them.
#[derive(Debug)]
pub struct Table<V> {
    limit: usize,
    slots: Vec<Slot<V>>,
    index: Index,
    tenants: Vec<Tenant>,
    /// The places of tenants by hash, and the places that nobody has any more.
    places: HashMap<u64, u32, BuildHasherDefault<Passthrough>>,
    vacant: Vec<u32>,
    /// Places of tenants by number of keys; of equal ones the last is the one that has brought no new key for longest.
    sizes: BTreeSet<(u32, Reverse<u64>, u32)>,
    /// Counts new keys.
    insertions: u64,
    /// What the latest new key pushed out, until somebody asks.
    evicted: Option<(u64, V)>,
}

/// A state in the list of its tenant's states, which is ordered by use.
#[derive(Debug)]
struct Slot<V> {
    key: u64,
    /// The place of its tenant: half as long as a hash.
    tenant: u32,
    /// The second, since 1970, in which it was used last.
    used: u32,
    newer: u32,
    older: u32,
    value: V,
}

#[derive(Debug, Clone, Copy)]
struct Tenant {
    hash: u64,
    count: u32,
    /// Number of the latest insertion.
    inserted: u64,
    newest: u32,
    oldest: u32,
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
            tenants: Vec::new(),
            places: HashMap::default(),
            vacant: Vec::new(),
            sizes: BTreeSet::new(),
            insertions: 0,
            evicted: None,
        }
    }

    /// The state of the event's agent, made if there was none.
    pub fn of_agent(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> &mut V {
        self.entry(event.agent(), event, findings)
    }

    /// The state of a key that the event is about, made if there was none. It belongs to the event's tenant.
    pub fn entry(&mut self, key: u64, event: &EventRow<'_>, findings: &mut Findings) -> &mut V {
        let at = match self.index.get(key, &self.slots) {
            Some(at) => {
                // Who was used a moment ago is new enough: its neighbours in the list lie elsewhere in memory.
                if event.second() - i64::from(self.slots[at as usize].used) >= USED_AGAIN_SECONDS {
                    self.unlink(at);
                    self.link(at, event.second());
                }
                at
            }
            None => self.insert(key, event.tenant(), event.second(), V::default(), Some(findings)),
        };
        &mut self.slots[at as usize].value
    }

    /// The state of a key, without using it.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let at = self.index.get(key, &self.slots)?;
        self.slots.get_mut(at as usize).map(|slot| &mut slot.value)
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

    /// Adds a key that is not there, as its tenant's newest.
    fn insert(&mut self, key: u64, tenant: u64, second: i64, value: V, findings: Option<&mut Findings>) -> u32 {
        let full = self.slots.len() >= self.limit;
        let freed = full.then(|| self.evict(tenant, second, findings));
        let tenant = self.place(tenant);
        let slot = Slot { key, tenant, used: second as u32, newer: NONE, older: NONE, value };
        let at = if let Some(at) = freed {
            let evicted = std::mem::replace(&mut self.slots[at as usize], slot);
            self.evicted = Some((evicted.key, evicted.value));
            at
        } else {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        };
        self.index.insert(at, &self.slots);
        self.insertions += 1;
        let entry = &mut self.tenants[tenant as usize];
        self.sizes.remove(&(entry.count, Reverse(entry.inserted), tenant));
        entry.count += 1;
        entry.inserted = self.insertions;
        self.sizes.insert((entry.count, Reverse(entry.inserted), tenant));
        self.link(at, second);
        at
    }

    /// The place of a tenant, which may be new.
    fn place(&mut self, hash: u64) -> u32 {
        if let Some(place) = self.places.get(&hash) {
            return *place;
        }
        let tenant = Tenant { hash, count: 0, inserted: 0, newest: NONE, oldest: NONE };
        let place = if let Some(place) = self.vacant.pop() {
            self.tenants[place as usize] = tenant;
            place
        } else {
            self.tenants.push(tenant);
            self.tenants.len() as u32 - 1
        };
        self.places.insert(hash, place);
        place
    }

    /// Frees a slot for a new key of `tenant`: its own oldest if nobody has more keys, else that of who has the most.
    fn evict(&mut self, tenant: u64, second: i64, findings: Option<&mut Findings>) -> u32 {
        let own = self.places.get(&tenant).copied();
        // The table is full, so somebody has the most.
        let (most, _, largest) = self.sizes.last().copied().unwrap_or((0, Reverse(0), 0));
        let loser = own.filter(|own| self.tenants[*own as usize].count >= most).unwrap_or(largest);
        let Tenant { oldest: at, count, inserted, hash, .. } = self.tenants[loser as usize];
        if own == Some(loser)
            && let Some(findings) = findings
            && second - i64::from(self.slots[at as usize].used) < EVICTED_IN_USE_SECONDS
        {
            findings.note_evicted();
        }
        self.unlink(at);
        self.index.remove(at, &self.slots);
        self.sizes.remove(&(count, Reverse(inserted), loser));
        if count == 1 {
            self.places.remove(&hash);
            self.vacant.push(loser);
        } else {
            self.tenants[loser as usize].count = count - 1;
            self.sizes.insert((count - 1, Reverse(inserted), loser));
        }
        at
    }

    /// Puts a slot at the new end of its tenant's list.
    fn link(&mut self, at: u32, second: i64) {
        let tenant = &mut self.tenants[self.slots[at as usize].tenant as usize];
        let before = std::mem::replace(&mut tenant.newest, at);
        if before == NONE {
            tenant.oldest = at;
        } else {
            self.slots[before as usize].newer = at;
        }
        let slot = &mut self.slots[at as usize];
        (slot.used, slot.newer, slot.older) = (second as u32, NONE, before);
    }

    /// Takes a slot out of its tenant's list.
    fn unlink(&mut self, at: u32) {
        let Slot { tenant, newer, older, .. } = self.slots[at as usize];
        let tenant = &mut self.tenants[tenant as usize];
        match newer {
            NONE => tenant.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => tenant.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
    }
}

/// Tenants in the order of their latest new key, each with its keys from the oldest use to the newest: all that matters.
impl<V: Default + Pack> Table<V> {
    /// Appends the state.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        let mut tenants: Vec<(u64, u32)> = self.sizes.iter().map(|(_, Reverse(at), tenant)| (*at, *tenant)).collect();
        tenants.sort_unstable();
        (tenants.len() as u32).pack(out);
        for (_, place) in tenants {
            let Some(tenant) = self.tenants.get(place as usize) else { continue };
            tenant.hash.pack(out);
            tenant.count.pack(out);
            let mut at = tenant.oldest;
            while let Some(slot) = self.slots.get(at as usize) {
                slot.key.pack(out);
                slot.used.pack(out);
                slot.value.pack(out);
                at = slot.newer;
            }
        }
    }

    /// Takes a state that `snapshot` wrote; above the limit keys are given up as if they came one by one.
    pub fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = Self::new(self.limit);
        for _ in 0..u32::unpack(input)? {
            let (tenant, count) = (u64::unpack(input)?, u32::unpack(input)?);
            for _ in 0..count {
                let (key, used, value) = (u64::unpack(input)?, u32::unpack(input)?, V::unpack(input)?);
                self.insert(key, tenant, i64::from(used), value, None);
            }
        }
        Ok(())
    }
}

impl<V> Keyed for Slot<V> {
    fn key(&self) -> u64 {
        self.key
    }
}

#[cfg(test)]
mod tests;
