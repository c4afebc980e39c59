//! A data directory with running collectors, for tests: the real ledger, real files, no network.

use std::sync::Arc;

use axum::Router;
use ledger::column::handle::Text;
use ledger::events::column;
use ledger::{LedgerName, Options, ReadLimit, Rows, Seq, Store};
use operations::access::{Authorize, Principal, Role};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::collectors::Collectors;
use crate::config::Config;
use crate::metrics::Metrics;

/// The secrets are the names of what they may.
pub(crate) struct Tokens;

impl Authorize for Tokens {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        let mut principal =
            Principal { token: format!("token-{secret}"), name: secret.to_owned(), ..Principal::local() };
        match secret {
            "sender" | "other" => principal.roles = vec![Role::Ingest],
            "workspace" => {
                principal.roles = vec![Role::Ingest];
                principal.trust = operations::access::Trust::Agent;
                principal.workspace = Some("w-fixed".to_owned());
                principal.team = Some("t-fixed".to_owned());
                principal.org = Some("o-fixed".to_owned());
            }
            "coder" => {
                principal.roles = vec![Role::Ingest];
                principal.dialects = vec!["coder".to_owned()];
            }
            "analyst" => principal.roles = vec![Role::Analyst],
            _ => return None,
        }
        Some(Arc::new(principal))
    }
}

/// A data directory, its ledgers and its collectors.
pub(crate) struct House {
    pub directory: TempDir,
    pub store: Store,
    pub collectors: Collectors,
    config: Config,
}

impl House {
    /// A new data directory with the collectors of this configuration. Must be called inside a runtime.
    pub fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Store::init(&directory.path().join("data"), "acme.example/agents").unwrap();
        let config = config.replace("{dir}", directory.path().to_str().unwrap());
        Self::open(directory, toml::from_str(&config).unwrap(), Options::default())
    }

    fn open(directory: TempDir, config: Config, options: Options) -> Self {
        assert_eq!(config.check(), []);
        let store = Store::open(&directory.path().join("data"), options).unwrap();
        let (key, stop) = (store.fingerprint_key(), CancellationToken::new());
        let metrics = Metrics::default();
        let collectors = Collectors::start(&config, store.events(), key, Arc::new(Tokens), metrics, stop).unwrap();
        Self { directory, store, collectors, config }
    }

    /// Stops everything and starts it again on the same data.
    pub async fn reopen(self) -> Self {
        self.reopen_with(Options::default()).await
    }

    /// As [`House::reopen`], with other options of the store.
    pub async fn reopen_with(self, options: Options) -> Self {
        let Self { directory, store, collectors, config } = self;
        collectors.stop().await;
        drop(collectors);
        store.stop();
        Self::open(directory, config, options)
    }

    pub fn router(&self) -> Router {
        self.collectors.router()
    }

    /// All events.
    pub fn rows(&self) -> Rows {
        let reader = self.store.events().reader();
        let limit = ReadLimit { rows: 1 << 20, bytes: 1 << 30 };
        let mut all = Rows::new(LedgerName::Events, self.store.events().shard(), Seq::FIRST);
        while all.next_seq < reader.durable().unwrap().next_seq {
            all.append(reader.read(all.next_seq, true, limit).unwrap());
        }
        all
    }

    /// One text column of all events; an empty text stands for null.
    pub fn column(&self, column: Text) -> Vec<String> {
        self.rows().iter().map(|row| row.text(column).unwrap_or_default().to_owned()).collect()
    }

    /// What makes the records of all events, content included.
    pub fn records(&self) -> Vec<String> {
        let rows = self.rows();
        let text = |row: &ledger::Row<'_>| {
            row.text(column::RECORD).or(row.text(column::CONTENT)).unwrap_or_default().to_owned()
        };
        rows.iter().map(|row| text(&row)).collect()
    }
}
