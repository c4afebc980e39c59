//! Ledgers for the tests of this package: a store in a temporary directory, entries in few words, questions in one line.

mod ledgers;

use std::path::PathBuf;
use std::sync::Arc;

use ledger::LedgerName;
use operations::access::Principal;

use crate::engine::{AccessCheck, Engine, Limits, Options, Purpose, Request};
use crate::error::QueryError;
use crate::output::{Encoded, Format};

pub(crate) use ledgers::{Ledgers, event, operation, principal, story};

impl Ledgers {
    /// A store whose segments hold `segment_entries_max` rows.
    pub(crate) fn new(segment_entries_max: u64) -> Self {
        Self::within(tempfile::tempdir().unwrap(), segment_entries_max)
    }

    /// The data directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.store.events().reader().data_directory().to_owned()
    }

    /// Waits until the sealer has nothing left that is full.
    pub(crate) fn sealed(&self, name: LedgerName, segments: usize) {
        while self.store.ledger(name).status().segments < segments {
            std::thread::yield_now();
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        let audit = Some(self.store.operations().appender());
        self.engine_with(Options { audit, threads: Some(2), ..Options::default() })
    }

    pub(crate) fn engine_with(&self, options: Options) -> Engine {
        Engine::new(self.store.events().reader(), self.store.operations().reader(), options).unwrap()
    }
}

/// A request of the local principal that leaves no record.
pub(crate) fn request(sql: &str) -> Request {
    Request {
        sql: sql.to_owned(),
        principal: Arc::new(Principal::local()),
        purpose: Purpose::Page,
        limits: Limits::default(),
        access: AccessCheck::default(),
    }
}

/// The result in a format, as text.
pub(crate) async fn ask(engine: &Engine, request: Request, format: Format) -> Result<String, QueryError> {
    let mut encoded = Encoded::new(engine.run(request).await?, format, None)?;
    let out = encoded.pull(usize::MAX).await.map_err(|(_, error)| error)?;
    Ok(String::from_utf8(out).unwrap())
}
