//! The directory of tokens that follows the ledger while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use ledger::consumer::{Batch, Halt, Monitor, Process};
use ledger::{Consumer, LedgerError, Reader};
use tokio_util::sync::CancellationToken;

use super::{Authorize, Directory, Principal};
use crate::fold::Projection;

/// The tokens of a running server. Clones share them.
#[derive(Clone)]
pub struct Tokens {
    /// A lock of the standard library: it is held for a lookup, or for reading the few newest rows, never over an await.
    directory: Arc<RwLock<Projection<Directory>>>,
    reader: Reader,
}

impl Tokens {
    /// Reads the ledger up to now.
    pub fn load(reader: Reader) -> Result<Self, LedgerError> {
        let tokens = Self::unread(reader);
        tokens.refresh()?;
        Ok(tokens)
    }

    /// Tokens of which nobody is known before [`Tokens::refresh`].
    pub fn unread(reader: Reader) -> Self {
        let directory = Projection::unread(reader.clone(), Directory::default());
        Self { directory: Arc::new(RwLock::new(directory)), reader }
    }

    /// Reads what became durable since, so that a token works once its creator has read the secret.
    pub fn refresh(&self) -> Result<(), LedgerError> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner).catch_up()?;
        Ok(())
    }

    /// Shows the tokens as they were read last.
    pub fn read<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(self.directory.read().unwrap_or_else(PoisonError::into_inner).get())
    }

    /// Follows the ledger until it is told to stop.
    pub async fn follow(mut self, monitor: Monitor, stop: CancellationToken) -> Result<(), LedgerError> {
        Consumer::of_news(self.reader.clone(), monitor, stop).run(&mut self).await
    }
}

impl Process for Tokens {
    type Error = LedgerError;

    /// The directory reads for itself.
    async fn process(&mut self, _: &Batch) -> Result<(), Halt<LedgerError>> {
        Ok(self.refresh()?)
    }
}

impl Authorize for Tokens {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        self.read(|directory| directory.authorize(secret))
    }
}
