//! Who is connected: the open connections of a listener or of the control socket, and whose each is. One sender cannot take the places of the others:
//! when all are taken, whoever holds most of them loses the one that was silent for longest.
//!
//! Nothing here knows HTTP, and nothing waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::limits;

/// Whose a connection or a request is, by what the sender cannot choose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Nobody who is known: the address of the peer.
    Address(IpAddr),
    /// The id of a token that is accepted.
    Token(String),
}

impl Holder {
    /// Requests of this holder that are served at once.
    fn requests_max(&self) -> usize {
        match self {
            Self::Address(_) => limits::REQUESTS_PER_ADDRESS_MAX,
            Self::Token(_) => limits::REQUESTS_PER_TOKEN_MAX,
        }
    }
}

/// The open connections of one listener. Clones share them.
#[derive(Clone)]
pub struct Guests {
    open: Arc<Mutex<Open>>,
    places: usize,
}

#[derive(Default)]
struct Open {
    guests: HashMap<u64, Guest>,
    /// Requests that are being served.
    requests: HashMap<Holder, usize>,
    /// Counts connections and requests: who was heard of last has the highest number.
    clock: u64,
}

struct Guest {
    holder: Holder,
    /// The clock when it was heard of last.
    heard: u64,
    end: CancellationToken,
}

impl Guests {
    /// A listener with this many places.
    pub fn new(places: usize) -> Self {
        Self { open: Arc::default(), places }
    }

    /// A place for a new connection from this address. If all are taken, somebody else's connection is told to end.
    pub fn enter(&self, address: IpAddr) -> Seat {
        let mut open = self.lock();
        if open.guests.len() >= self.places
            && let Some(loser) = open.loser()
            && let Some(guest) = open.guests.remove(&loser)
        {
            guest.end.cancel();
        }
        open.clock += 1;
        let (id, end) = (open.clock, CancellationToken::new());
        let holder = Holder::Address(address);
        open.guests.insert(id, Guest { holder, heard: id, end: end.clone() });
        Seat { guests: self.clone(), id, address, end }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Of the holder with most connections, the one that was silent for longest. Who is not known loses before who is.
    fn loser(&self) -> Option<u64> {
        let mut held: HashMap<&Holder, usize> = HashMap::new();
        for guest in self.guests.values() {
            *held.entry(&guest.holder).or_default() += 1;
        }
        let rank = |guest: &Guest| {
            let held = held.get(&guest.holder).copied().unwrap_or_default();
            (held, matches!(guest.holder, Holder::Address(_)), u64::MAX - guest.heard)
        };
        self.guests.iter().max_by_key(|(_, guest)| rank(guest)).map(|(id, _)| *id)
    }
}

/// The place of one connection, free again when it is dropped.
pub struct Seat {
    guests: Guests,
    id: u64,
    /// Where the connection comes from.
    pub address: IpAddr,
    /// Cancelled when the place is taken away.
    pub end: CancellationToken,
}

impl Seat {
    /// A request begins on this connection, in the name of `holder`; `None` if the holder has too many already.
    pub fn begin(&self, holder: Holder) -> Option<Turn> {
        let mut open = self.guests.lock();
        open.clock += 1;
        let now = open.clock;
        if let Some(guest) = open.guests.get_mut(&self.id) {
            guest.heard = now;
            guest.holder = holder.clone();
        }
        let served = open.requests.entry(holder.clone()).or_default();
        if *served >= holder.requests_max() {
            return None;
        }
        *served += 1;
        Some(Turn { guests: self.guests.clone(), holder })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.lock().guests.remove(&self.id);
    }
}

/// A request that is being served, until it is dropped.
pub struct Turn {
    guests: Guests,
    holder: Holder,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut open = self.guests.lock();
        match open.requests.get_mut(&self.holder) {
            Some(served) if *served > 1 => *served -= 1,
            _ => {
                open.requests.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn token(name: &str) -> Holder {
        Holder::Token(name.to_owned())
    }

    fn ended(seats: &[Seat]) -> Vec<usize> {
        seats.iter().enumerate().filter(|(_, seat)| seat.end.is_cancelled()).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_crowd_loses_its_own_places() {
        let guests = Guests::new(4);
        let crowd: Vec<Seat> = (0..3).map(|_| guests.enter(address(1))).collect();
        let known = guests.enter(address(1));
        let turn = known.begin(token("gateway"));
        let more: Vec<Seat> = (0..2).map(|_| guests.enter(address(1))).collect();
        assert_eq!(ended(&crowd), [0, 1], "the oldest of the crowd go");
        assert!(!known.end.is_cancelled() && ended(&more).is_empty() && turn.is_some());
    }

    #[test]
    fn a_token_with_most_places_loses_to_a_stranger() {
        let guests = Guests::new(4);
        let greedy: Vec<Seat> = (0..4).map(|_| guests.enter(address(1))).collect();
        let turns: Vec<Turn> = greedy.iter().filter_map(|seat| seat.begin(token("greedy"))).collect();
        drop(greedy[0].begin(token("greedy")));
        let stranger = guests.enter(address(2));
        assert_eq!(ended(&greedy), [1], "the one that was silent for longest");
        assert!(!stranger.end.is_cancelled() && turns.len() == 4);
    }

    #[test]
    fn requests_of_one_holder_have_a_bound_and_end() {
        let guests = Guests::new(8);
        let seat = guests.enter(address(1));
        let holder = Holder::Address(address(1));
        let turns: Vec<Turn> =
            (0..limits::REQUESTS_PER_ADDRESS_MAX).filter_map(|_| seat.begin(holder.clone())).collect();
        assert!(turns.len() == limits::REQUESTS_PER_ADDRESS_MAX && seat.begin(holder.clone()).is_none());
        assert!(seat.begin(token("other")).is_some());
        drop(turns);
        assert!(seat.begin(holder).is_some());
        drop(seat);
        assert!(guests.lock().requests.is_empty() && guests.lock().guests.is_empty());
    }

    proptest! {
        #[test]
        fn nobody_with_a_fair_share_is_sent_away(arrivals in proptest::collection::vec(0u8..6, 1..200)) {
            const PLACES: usize = 12;
            let guests = Guests::new(PLACES);
            let (honest, mut crowd) = (guests.enter(address(200)), Vec::new());
            // An honest peer with one connection is never the one with most, as long as the crowd has two from one address.
            for number in arrivals {
                crowd.push(guests.enter(address(number)));
                prop_assert!(guests.lock().guests.len() <= PLACES);
            }
            prop_assert!(!honest.end.is_cancelled());
        }
    }
}
