//! Who owns how many keys of a table, ranked: the senders, and the tenants that a sender names. No state of a key lives here.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::index::{Index, Keyed};

/// The parent of all senders.
pub(super) const ROOT: u32 = u32::MAX;

/// Owners by hash with the number of their keys, ranked among those of the same parent.
#[derive(Debug, Default)]
pub(super) struct Owners {
    members: Vec<Owner>,
    /// The places of owners by hash.
    index: Index,
    /// The places that nobody has any more.
    vacant: Vec<u32>,
    /// By parent and number of keys; of equal ones the last is the one that has brought no new key for longest.
    sizes: BTreeSet<(u32, u32, Reverse<u64>, u32)>,
}

/// One owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub hash: u64,
    pub parent: u32,
    pub count: u32,
    /// Number of its latest insertion.
    inserted: u64,
}

impl Owners {
    /// The place of an owner that has keys.
    pub fn get(&self, hash: u64) -> Option<u32> {
        self.index.get(hash, &self.members)
    }

    /// Number of places.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The owner at a place.
    pub fn at(&self, place: u32) -> Owner {
        self.members[place as usize]
    }

    /// The place of an owner, which may be new.
    pub fn place(&mut self, hash: u64, parent: u32) -> u32 {
        if let Some(place) = self.get(hash) {
            return place;
        }
        let owner = Owner { hash, parent, count: 0, inserted: 0 };
        let place = if let Some(place) = self.vacant.pop() {
            self.members[place as usize] = owner;
            place
        } else {
            self.members.push(owner);
            self.members.len() as u32 - 1
        };
        self.index.insert(place, &self.members);
        place
    }

    /// Counts a new key, which is insertion number `inserted`.
    pub fn grow(&mut self, place: u32, inserted: u64) {
        let owner = &mut self.members[place as usize];
        self.sizes.remove(&owner.rank(place));
        (owner.count, owner.inserted) = (owner.count + 1, inserted);
        let rank = owner.rank(place);
        self.sizes.insert(rank);
    }

    /// Counts a key that is gone; who has none any more is forgotten.
    pub fn shrink(&mut self, place: u32) {
        let owner = &mut self.members[place as usize];
        self.sizes.remove(&owner.rank(place));
        owner.count -= 1;
        if owner.count == 0 {
            self.index.remove(place, &self.members);
            self.vacant.push(place);
        } else {
            let rank = owner.rank(place);
            self.sizes.insert(rank);
        }
    }

    /// Who loses a key for a new one of `own`: that one, if none of the same parent has more, else the one that has the most.
    pub fn loser(&self, own: Option<u32>, parent: u32) -> Option<u32> {
        let (_, most, _, largest) = self.children(parent).next_back().copied()?;
        Some(own.filter(|own| self.at(*own).count >= most).unwrap_or(largest))
    }

    /// The places of a parent's owners in the order of their latest new key.
    pub fn in_order(&self, parent: u32) -> Vec<u32> {
        let mut owners: Vec<(u64, u32)> =
            self.children(parent).map(|(_, _, Reverse(inserted), place)| (*inserted, *place)).collect();
        owners.sort_unstable();
        owners.into_iter().map(|(_, place)| place).collect()
    }

    fn children(&self, parent: u32) -> impl DoubleEndedIterator<Item = &(u32, u32, Reverse<u64>, u32)> {
        self.sizes.range((parent, 0, Reverse(u64::MAX), 0)..=(parent, u32::MAX, Reverse(0), u32::MAX))
    }
}

impl Keyed for Owner {
    fn key(&self) -> u64 {
        self.hash
    }
}

impl Owner {
    fn rank(&self, place: u32) -> (u32, u32, Reverse<u64>, u32) {
        (self.parent, self.count, Reverse(self.inserted), place)
    }
}
