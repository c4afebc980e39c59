//! How many requests each token has at once, so that one sender's slow bodies keep nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::Problem;
use crate::limits;

/// The requests that are open. Clones share them.
#[derive(Clone)]
pub(super) struct Shares(Arc<Inner>);

struct Inner {
    tokens: Mutex<HashMap<String, Token>>,
    /// Places for bodies that are read, of all tokens.
    reading: Arc<Semaphore>,
}

struct Token {
    open: usize,
    /// Its own places for bodies that are read.
    reading: Arc<Semaphore>,
}

/// An open request, until it and the place of its body are dropped.
pub(in crate::transport) struct Share {
    shares: Shares,
    token: String,
    reading: Arc<Semaphore>,
}

/// The place of a request whose body is read. It is held longer than the request if the sender goes away, and the token has
/// no other places meanwhile.
pub(in crate::transport) struct Permit {
    _share: Arc<Share>,
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Shares {
    pub fn new() -> Self {
        let reading = Arc::new(Semaphore::new(limits::REQUESTS_MAX));
        Self(Arc::new(Inner { tokens: Mutex::default(), reading }))
    }

    /// Opens a request of this token, unless it has too many.
    pub fn open(&self, token: &str) -> Result<Arc<Share>, Problem> {
        let mut tokens = self.lock();
        let all: usize = tokens.values().map(|token| token.open).sum();
        let own = tokens.get(token).map_or(0, |token| token.open);
        if own >= limits::REQUESTS_OPEN_PER_TOKEN_MAX || all >= limits::REQUESTS_OPEN_MAX {
            return Err(Problem::too_many_requests());
        }
        let own = tokens
            .entry(token.to_owned())
            .or_insert_with(|| Token { open: 0, reading: Arc::new(Semaphore::new(limits::REQUESTS_PER_TOKEN_MAX)) });
        own.open += 1;
        let reading = Arc::clone(&own.reading);
        Ok(Arc::new(Share { shares: self.clone(), token: token.to_owned(), reading }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Token>> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Waits a little for a place to read the body: first among the token's own requests, then among all.
    pub async fn permit(self: &Arc<Self>) -> Result<Permit, Problem> {
        let (own, all) = (Arc::clone(&self.reading), Arc::clone(&self.shares.0.reading));
        let both = async {
            let own = own.acquire_owned().await.ok()?;
            Some(Permit { _share: Arc::clone(self), _own: own, _all: all.acquire_owned().await.ok()? })
        };
        match timeout(limits::REQUEST_PATIENCE, both).await {
            Ok(Some(permit)) => Ok(permit),
            _ => Err(Problem::busy(limits::RETRY_AFTER)),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut tokens = self.shares.lock();
        match tokens.get_mut(&self.token) {
            Some(token) if token.open > 1 => token.open -= 1,
            _ => {
                tokens.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_of_one_token_keep_nobody_else_waiting() {
        let shares = Shares::new();
        let slow: Vec<Arc<Share>> = (0..200).filter_map(|_| shares.open("slow").ok()).collect();
        let mut read = Vec::new();
        for share in &slow {
            read.extend(share.permit().await.ok());
        }
        assert_eq!((slow.len(), read.len()), (200, limits::REQUESTS_PER_TOKEN_MAX));
        let other = shares.open("other").unwrap_or_else(|_| panic!("no place for another"));
        assert!(other.permit().await.is_ok());
        drop(read);
        assert!(slow[0].permit().await.is_ok());
        drop((slow, other));
        assert!(shares.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn senders_that_go_away_get_no_further_places_for_it() {
        let shares = Shares::new();
        let mut read = Vec::new();
        for _ in 0..2 * limits::REQUESTS_PER_TOKEN_MAX {
            // The request ends, and what it brought is still being settled.
            let share = shares.open("hasty").unwrap_or_else(|_| panic!("too many are open"));
            read.extend(share.permit().await.ok());
        }
        assert_eq!(read.len(), limits::REQUESTS_PER_TOKEN_MAX);
        drop(read);
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn one_token_does_not_open_them_all() {
        let shares = Shares::new();
        let greedy: Vec<_> = (0..limits::REQUESTS_OPEN_MAX).filter_map(|_| shares.open("greedy").ok()).collect();
        assert_eq!(greedy.len(), limits::REQUESTS_OPEN_PER_TOKEN_MAX);
        assert!(shares.open("other").is_ok());
    }
}
