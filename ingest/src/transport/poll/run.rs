//! The lists of one collector in turn: which one is due, and how long to wait when something is wrong.

use std::time::Duration;

use operations::standing::State;
use tokio::time::{Instant, sleep_until};

use super::client::Failure;
use super::list::{Around, List, Unread};
use crate::health::Trouble;
use crate::limits;

/// Reads all lists of a collector.
pub struct Poller {
    /// What they share.
    pub around: Around,
    /// The lists, in the order in which they are read first.
    pub lists: Vec<List>,
    /// How often they are read.
    pub every: Duration,
    /// Why the ledger did not take what was read.
    pub refused: Option<String>,
}

impl Poller {
    /// Reads until it has to stop.
    pub async fn run(mut self) {
        let stop = self.around.stop.clone();
        while let Some(at) = self.next() {
            if stop.run_until_cancelled(sleep_until(self.lists[at].due)).await.is_none() {
                return;
            }
            if !self.step(at).await {
                return;
            }
        }
    }

    /// The list that is read next.
    pub(super) fn next(&self) -> Option<usize> {
        (0..self.lists.len()).min_by_key(|at| self.lists[*at].due)
    }

    /// Reads one list, and says whether it may go on.
    pub(super) async fn step(&mut self, at: usize) -> bool {
        let result = self.lists[at].read(&mut self.around).await;
        let (list, now) = (&mut self.lists[at], Instant::now());
        self.refused = None;
        match result {
            Ok(is_behind) => {
                list.pace.succeed();
                list.due = if is_behind { now } else { now + list.every(self.every) };
            }
            Err(Unread::Stopping) => return false,
            Err(Unread::Pipeline(error)) => {
                self.refused = Some(error.to_string());
                list.due = now + limits::ERROR_PAUSE;
            }
            Err(Unread::Failure(failure)) => self.fail(at, failure, now),
        }
        self.show();
        true
    }

    fn fail(&mut self, at: usize, failure: Failure, now: Instant) {
        let list = &mut self.lists[at];
        let (told, least) = match &failure {
            Failure::Limited(told) | Failure::Failing(_, told) => (*told, Duration::ZERO),
            _ if state(&failure) == State::Parked => (None, limits::POLL_PARKED_EVERY),
            _ => (None, Duration::ZERO),
        };
        let until = now + list.pace.fail(told, least);
        list.due = until;
        // What keeps one list from being read keeps all of them.
        let is_for_all = match &failure {
            Failure::Unreachable(_) | Failure::NoToken(_) | Failure::Limited(_) | Failure::Refused(401) => true,
            Failure::Failing(_, told) => told.is_some(),
            _ => false,
        };
        list.trouble = Some(failure);
        if is_for_all {
            for list in &mut self.lists {
                list.due = list.due.max(until);
            }
        }
    }

    /// Shows how the collector stands and how old the newest row is.
    fn show(&self) {
        let channel = &self.around.channel;
        if let Some(newest) = self.lists.iter().filter_map(List::newest).max() {
            channel.show_newest(newest);
        }
        let refused = self.refused.clone().map(|reason| (State::Refused, reason));
        channel.set_trouble(refused.or_else(|| self.trouble()));
    }

    /// What is wrong with the lists, as one: what somebody has to change goes first.
    fn trouble(&self) -> Option<Trouble> {
        let troubles = self.lists.iter().filter_map(|list| Some((list.endpoint.name, list.trouble.as_ref()?)));
        let mut troubles: Vec<_> = troubles.collect();
        troubles.sort_by_key(|(_, failure)| state(failure) != State::Parked);
        let worst = state(troubles.first()?.1);
        let told = troubles.iter().take(limits::POLL_TROUBLES_TOLD);
        let told: Vec<String> = told.map(|(name, failure)| format!("{name}: {failure}")).collect();
        let more = troubles.len().saturating_sub(told.len());
        let more = if more > 0 { format!("; and {more} more lists") } else { String::new() };
        Some((worst, told.join("; ") + &more))
    }
}

/// Whether somebody has to change something first, or it may become well by itself.
fn state(failure: &Failure) -> State {
    match failure {
        Failure::Refused(_) | Failure::NoToken(_) | Failure::NotThere | Failure::Odd(_) => State::Parked,
        Failure::Unreachable(_)
        | Failure::Limited(_)
        | Failure::Failing(..)
        | Failure::TooLarge
        | Failure::NotUnderstood(_) => State::Blocked,
    }
}
