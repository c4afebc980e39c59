//! RELP: messages of syslog, each of which the receiver acknowledges (`1 open …`, `2 syslog …`, `2 rsp 6 200 OK`). A session stays open over
//! many payloads. So many messages may be without an answer at once; those that are when a session breaks are sent again in the next one,
//! and only those. What the messages say is the sinks' business.

mod codec;
mod session;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::dial::Dialer;
use super::{Answer, Connection, Payload, Protocol, Reach, SendError, excerpt};
use session::{Ended, Session};

/// Messages and what became of them.
pub struct Relp;

impl Protocol for Relp {
    type Payload = Messages;
    type Answer = Transactions;
}

/// Messages and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// The receiver's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The messages.
    pub texts: Vec<Vec<u8>>,
}

impl Payload for Messages {
    fn shown(&self, message: &[u8]) -> String {
        format!("RELP {}:{}\n\n{}", self.host, self.port, String::from_utf8_lossy(message))
    }
}

/// What a receiver made of messages: it answered each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transactions {
    /// How many it acknowledged.
    pub acknowledged: usize,
    /// The first one that it refused, and what it said. It is its text: never trusted, never shown unescaped.
    pub refused: Option<(usize, String)>,
}

impl fmt::Display for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refused {
            None => write!(f, "{} transactions answered with 200", self.acknowledged),
            Some((_, said)) => write!(f, "a transaction is answered with {}", excerpt(said)),
        }
    }
}

impl Answer for Transactions {
    #[cfg(test)]
    fn of(_: u16, _: String) -> Option<Self> {
        None
    }
}

/// The name of a message: its SHA-256. Each message holds the position of its record, so no two are the same; and messages are written by
/// attackers, so nothing less tells them apart.
type Name = [u8; 32];

/// The network.
pub struct RelpConnection {
    dialer: Dialer,
    encrypted: bool,
    session: Mutex<Option<Session>>,
    /// What was acknowledged of a batch that is not settled. It is no more than one batch.
    acknowledged: StdMutex<HashSet<Name>>,
}

impl RelpConnection {
    /// Prepares a connection, encrypted or not. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach, encrypted: bool) -> Result<Box<dyn Connection<Relp>>, String> {
        let dialer = Dialer::new(reach, encrypted)?;
        Ok(Box::new(Self { dialer, encrypted, session: Mutex::default(), acknowledged: StdMutex::default() }))
    }

    /// Sends what is not acknowledged yet, in as many sessions as it takes, as long as each of them gets something done.
    async fn settle(&self, payload: &Messages) -> Result<Transactions, SendError> {
        let names: Vec<Name> = payload.texts.iter().map(|message| Sha256::digest(message).into()).collect();
        let mut session = self.session.lock().await;
        let mut sent = false;
        loop {
            let rest = self.unacknowledged(payload, &names);
            if rest.is_empty() {
                return Ok(self.done(&names, None));
            }
            // It is put back only if it can be used again: this may be cut off at any moment.
            let reused = session.take();
            let (was_reused, mut current) = match reused {
                Some(current) => (true, current),
                None => match Session::open(&self.dialer, &payload.host, payload.port, self.encrypted).await {
                    Err(SendError::NotSent(reason)) if sent => return Err(SendError::Uncertain(reason)),
                    opened => (false, opened?),
                },
            };
            sent = true;
            let messages: Vec<&[u8]> = rest.iter().map(|(_, message)| *message).collect();
            let mut count = 0;
            let ended = current
                .carry(&messages, |number| {
                    count += 1;
                    let name = rest.get(number).and_then(|(number, _)| names.get(*number));
                    self.acknowledged().extend(name);
                })
                .await;
            match ended {
                Ended::Answered(refused) => {
                    *session = current.reusable().await;
                    let refused = refused.and_then(|(number, said)| Some((rest.get(number)?.0, said)));
                    return Ok(self.done(&names, refused));
                }
                Ended::Broken(_) if was_reused || count > 0 => {}
                Ended::Broken(reason) => return Err(SendError::Uncertain(reason)),
            }
        }
    }

    fn acknowledged(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages that the receiver did not acknowledge, with their numbers.
    fn unacknowledged<'a>(&self, payload: &'a Messages, names: &[Name]) -> Vec<(usize, &'a [u8])> {
        let acknowledged = self.acknowledged();
        let messages = payload.texts.iter().map(Vec::as_slice).enumerate();
        messages.zip(names).filter(|(_, name)| !acknowledged.contains(*name)).map(|(message, _)| message).collect()
    }

    /// Every message has its answer. What was acknowledged beside a refusal is remembered: it comes again with the rest of the batch.
    fn done(&self, names: &[Name], refused: Option<(usize, String)>) -> Transactions {
        let mut all = self.acknowledged();
        let acknowledged = names.iter().filter(|name| all.contains(*name)).count();
        if refused.is_none() {
            all.clear();
        }
        Transactions { acknowledged, refused }
    }
}

impl Connection<Relp> for RelpConnection {
    /// Sends messages and waits for the answer to each. Whatever fails before the first of them was written means that nothing was sent.
    fn send(&self, payload: Messages) -> BoxFuture<'_, Result<Transactions, SendError>> {
        Box::pin(async move {
            let settled = timeout(self.dialer.reach.timeout, self.settle(&payload)).await;
            settled.unwrap_or_else(|_| Err(SendError::Uncertain("not every message was answered in time".to_owned())))
        })
    }
}

#[cfg(test)]
mod tests;
