//! Who is connected: the open connections of a listener or of the control socket, and whose each is. One sender cannot take
//! the places of the others: when all are taken, whoever holds most of them loses the one that was silent for longest.
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
pub struct Connections {
    inner: Arc<Mutex<Inner>>,
    places: usize,
}

#[derive(Default)]
struct Inner {
    open: HashMap<u64, Open>,
    /// Requests that are being served.
    requests: HashMap<Holder, usize>,
    /// Counts connections and requests: who was heard of last has the highest number.
    clock: u64,
}

struct Open {
    holder: Holder,
    /// The clock when it was heard of last.
    heard: u64,
    end: CancellationToken,
}

impl Connections {
    /// A listener with this many places.
    pub fn new(places: usize) -> Self {
        Self { inner: Arc::default(), places }
    }

    /// A place for a new connection from this address. If all are taken, somebody else's connection is told to end.
    pub fn enter(&self, address: IpAddr) -> Connection {
        let mut inner = self.lock();
        if inner.open.len() >= self.places
            && let Some(loser) = inner.loser()
            && let Some(connection) = inner.open.remove(&loser)
        {
            connection.end.cancel();
        }
        inner.clock += 1;
        let (id, end) = (inner.clock, CancellationToken::new());
        let holder = Holder::Address(address);
        inner.open.insert(id, Open { holder, heard: id, end: end.clone() });
        Connection { connections: self.clone(), id, address, end }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Of the holder with most connections, the one that was silent for longest. Who is not known loses before who is.
    fn loser(&self) -> Option<u64> {
        let mut held: HashMap<&Holder, usize> = HashMap::new();
        for connection in self.open.values() {
            *held.entry(&connection.holder).or_default() += 1;
        }
        let rank = |connection: &Open| {
            let held = held.get(&connection.holder).copied().unwrap_or_default();
            (held, matches!(connection.holder, Holder::Address(_)), u64::MAX - connection.heard)
        };
        self.open.iter().max_by_key(|(_, connection)| rank(connection)).map(|(id, _)| *id)
    }
}

/// The place of one connection, free again when it is dropped.
pub struct Connection {
    connections: Connections,
    id: u64,
    /// Where the connection comes from.
    pub address: IpAddr,
    /// Cancelled when the place is taken away.
    pub end: CancellationToken,
}

impl Connection {
    /// Something came on this connection.
    pub fn hear(&self) {
        let mut inner = self.connections.lock();
        inner.clock += 1;
        let now = inner.clock;
        if let Some(connection) = inner.open.get_mut(&self.id) {
            connection.heard = now;
        }
    }

    /// A request begins on this connection, in the name of `holder`; `None` if the holder has too many already.
    pub fn begin(&self, holder: Holder) -> Option<Permit> {
        let mut inner = self.connections.lock();
        inner.clock += 1;
        let now = inner.clock;
        if let Some(connection) = inner.open.get_mut(&self.id) {
            connection.heard = now;
            connection.holder = holder.clone();
        }
        let served = inner.requests.entry(holder.clone()).or_default();
        if *served >= holder.requests_max() {
            return None;
        }
        *served += 1;
        Some(Permit { connections: self.connections.clone(), holder })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.id);
    }
}

/// A request that is being served, until it is dropped.
pub struct Permit {
    connections: Connections,
    holder: Holder,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inner = self.connections.lock();
        match inner.requests.get_mut(&self.holder) {
            Some(served) if *served > 1 => *served -= 1,
            _ => {
                inner.requests.remove(&self.holder);
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

    fn ended(held: &[Connection]) -> Vec<usize> {
        held.iter().enumerate().filter(|(_, connection)| connection.end.is_cancelled()).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_crowd_loses_its_own_places() {
        let connections = Connections::new(4);
        let crowd: Vec<Connection> = (0..3).map(|_| connections.enter(address(1))).collect();
        let known = connections.enter(address(1));
        let permit = known.begin(token("gateway"));
        let more: Vec<Connection> = (0..2).map(|_| connections.enter(address(1))).collect();
        assert_eq!(ended(&crowd), [0, 1], "the oldest of the crowd go");
        assert!(!known.end.is_cancelled() && ended(&more).is_empty() && permit.is_some());
    }

    #[test]
    fn a_token_with_most_places_loses_to_a_stranger() {
        let connections = Connections::new(4);
        let greedy: Vec<Connection> = (0..4).map(|_| connections.enter(address(1))).collect();
        let permits: Vec<Permit> = greedy.iter().filter_map(|connection| connection.begin(token("greedy"))).collect();
        drop(greedy[0].begin(token("greedy")));
        let stranger = connections.enter(address(2));
        assert_eq!(ended(&greedy), [1], "the one that was silent for longest");
        assert!(!stranger.end.is_cancelled() && permits.len() == 4);
    }

    #[test]
    fn of_those_who_ask_nothing_the_one_that_was_silent_for_longest_goes() {
        let connections = Connections::new(3);
        let held: Vec<Connection> = (0..3).map(|last| connections.enter(address(last))).collect();
        held[0].hear();
        let more = connections.enter(address(3));
        assert_eq!(ended(&held), [1]);
        assert!(!more.end.is_cancelled());
    }

    #[test]
    fn requests_of_one_holder_have_a_bound_and_end() {
        let connections = Connections::new(8);
        let connection = connections.enter(address(1));
        let holder = Holder::Address(address(1));
        let permits: Vec<Permit> =
            (0..limits::REQUESTS_PER_ADDRESS_MAX).filter_map(|_| connection.begin(holder.clone())).collect();
        assert!(permits.len() == limits::REQUESTS_PER_ADDRESS_MAX && connection.begin(holder.clone()).is_none());
        assert!(connection.begin(token("other")).is_some());
        drop(permits);
        assert!(connection.begin(holder).is_some());
        drop(connection);
        assert!(connections.lock().requests.is_empty() && connections.lock().open.is_empty());
    }

    proptest! {
        #[test]
        fn nobody_with_a_fair_share_is_sent_away(arrivals in proptest::collection::vec(0u8..6, 1..200)) {
            const PLACES: usize = 12;
            let connections = Connections::new(PLACES);
            let (honest, mut crowd) = (connections.enter(address(200)), Vec::new());
            // An honest peer with one connection is never the one with most, as long as the crowd has two from one address.
            for number in arrivals {
                crowd.push(connections.enter(address(number)));
                prop_assert!(connections.lock().open.len() <= PLACES);
            }
            prop_assert!(!honest.end.is_cancelled());
        }
    }
}
