//! How many requests for decisions are served at once, in all and of one token, so that one gateway cannot take every
//! thread. Nothing waits here: whoever finds no place is told so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use crate::http::Problem;
use crate::limits::{BUDGET_REQUESTS_MAX, BUDGET_REQUESTS_PER_TOKEN_MAX};

/// Counts the requests that are inside. Clones share the count.
#[derive(Clone, Default)]
pub struct Turnstile(Arc<Mutex<HashMap<String, usize>>>);

/// A place, free again when it is dropped.
pub struct Pass {
    turnstile: Turnstile,
    token: String,
}

impl Turnstile {
    /// A place for a request of this token, or what to tell it.
    pub fn enter(&self, token: &str) -> Result<Pass, Problem> {
        let mut inside = self.lock();
        let own = inside.get(token).copied().unwrap_or(0);
        if own >= BUDGET_REQUESTS_PER_TOKEN_MAX {
            let detail = format!("{own} requests of this token wait for a decision; send fewer at once");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(1));
        }
        let all: usize = inside.values().sum();
        if all >= BUDGET_REQUESTS_MAX {
            let detail = format!("{all} requests wait for a decision; try again in a moment");
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
        }
        inside.insert(token.to_owned(), own + 1);
        Ok(Pass { turnstile: self.clone(), token: token.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.turnstile.lock();
        match inside.get_mut(&self.token) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                inside.remove(&self.token);
            }
        }
    }
}
