//! How many requests of one kind are served at once, in all and of one token, so that one sender cannot take every place.
//! Nothing waits here: whoever finds no place is told so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use super::Problem;

/// Counts the requests that are inside. Clones share the count.
#[derive(Clone)]
pub struct ConcurrencyLimiter {
    inside: Arc<Mutex<HashMap<String, usize>>>,
    /// What is counted, for the answer to whoever finds no place.
    what: &'static str,
    places: usize,
    places_per_token: usize,
}

/// A place, free again when it is dropped.
pub struct Permit {
    limiter: ConcurrencyLimiter,
    token: String,
}

impl ConcurrencyLimiter {
    /// So many places in all, and so many for one token.
    pub fn new(what: &'static str, places: usize, places_per_token: usize) -> Self {
        Self { inside: Arc::default(), what, places, places_per_token }
    }

    /// A place for a request of this token, or what to tell it.
    pub fn enter(&self, token: &str) -> Result<Permit, Problem> {
        let mut inside = self.lock();
        let own = inside.get(token).copied().unwrap_or(0);
        if own >= self.places_per_token {
            let detail = format!("this token has {own} {} at once, which is the most", self.what);
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(1));
        }
        let all: usize = inside.values().sum();
        if all >= self.places {
            let detail = format!("there are {all} {}; try again in a moment", self.what);
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
        }
        inside.insert(token.to_owned(), own + 1);
        Ok(Permit { limiter: self.clone(), token: token.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.limiter.lock();
        match inside.get_mut(&self.token) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                inside.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_leaves_places_for_others() {
        let limiter = ConcurrencyLimiter::new("tails", 3, 2);
        let greedy = [limiter.enter("greedy"), limiter.enter("greedy")];
        assert!(greedy.iter().all(Result::is_ok));
        assert_eq!(limiter.enter("greedy").err().map(|problem| problem.code), Some("too_many_requests"));
        let other = limiter.enter("other");
        assert!(other.is_ok());
        assert_eq!(limiter.enter("third").err().map(|problem| problem.code), Some("busy"));
        drop(greedy);
        assert!(limiter.enter("third").is_ok() && limiter.enter("greedy").is_ok());
    }
}
