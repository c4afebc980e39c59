//! Asking whether what a receiver accepted is safe. Until the receiver says that it is lost, nothing is sent again: it would
//! stand there twice.

use tokio::time::Instant;

use super::Sender;
use crate::capabilities::{Confirmation, Confirmed};
use crate::connections::{SendError, excerpt};
use crate::limits::CONFIRM_WAIT_MAX;

/// A message that was accepted and of which it is not known whether it is safe.
#[derive(Debug, Clone, Copy)]
pub struct Accepted {
    confirmation: Confirmation,
    /// When it is taken for lost.
    give_up: Instant,
}

impl Accepted {
    /// A message that was accepted now.
    pub fn new(confirmation: Confirmation) -> Self {
        Self { confirmation, give_up: Instant::now() + confirmation.give_up }
    }

    /// Waits as long as it takes at the least before it may be safe.
    pub async fn wait(&self) {
        tokio::time::sleep(self.confirmation.wait).await;
    }

    /// Asks until there is an answer that settles it. A question that nobody answers settles it when the time is over, and
    /// can be asked again.
    pub async fn settle(&self, sender: &dyn Sender) -> Confirmed {
        let mut wait = self.confirmation.wait;
        loop {
            let late = Instant::now() >= self.give_up;
            match self.ask(sender).await {
                None if late => return Confirmed::Lost("it was accepted and not acknowledged in time".to_owned()),
                None => {}
                Some(Confirmed::Unanswered(_)) if !late => {}
                Some(answer) => return answer,
            }
            wait = (wait * 2).min(CONFIRM_WAIT_MAX);
            tokio::time::sleep_until(self.give_up.min(Instant::now() + wait)).await;
        }
    }

    async fn ask(&self, sender: &dyn Sender) -> Option<Confirmed> {
        match sender.confirm(&self.confirmation).await {
            Ok(answer) => answer,
            Err(SendError::Refused(reason)) => Some(Confirmed::Park(excerpt(&reason))),
            Err(SendError::NotSent(reason) | SendError::Uncertain(reason)) => {
                Some(Confirmed::Unanswered(format!("it was accepted; whether it is safe: {}", excerpt(&reason))))
            }
        }
    }
}
