//! Ledgers with the services over them for the tests of this package, and people whose secrets are known.

#[path = "../../query/src/fixtures/ledgers.rs"]
mod ledgers;

use std::sync::{Arc, RwLock};

use futures::future::BoxFuture;
use ledger::Entry;
use operations::access::{Authorize, LoginService, Principal, TokenService, Tokens};
use operations::budget;
use operations::kind::sink_order::{BackfillMode, BackfillOrder, RangeEnd, SinkOrder};
use operations::triage::{Policy, TriageService};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Server, ServerError, Services};
use query::output::{Encoded, Format};
use query::{AccessCheck, Engine, Limits, Options, Purpose, Request};

pub(crate) use ledgers::{Ledgers, event, principal, story};
use ledgers::{NOON, operation};

impl Ledgers {
    /// A store whose segments hold `segment_entries_max` rows.
    pub(crate) fn new(segment_entries_max: u64) -> Self {
        Self::within(tempfile::tempdir().unwrap(), segment_entries_max)
    }

    /// The triage of a server over these ledgers.
    pub(crate) fn triage(&self) -> Arc<TriageService> {
        let operations = self.store.operations();
        Arc::new(TriageService::new(operations.reader(), Some(operations.appender()), Policy::default()))
    }

    /// The budgets of a server over these ledgers.
    pub(crate) fn budgets(&self) -> Arc<budget::BudgetService> {
        let operations = self.store.operations();
        Arc::new(budget::BudgetService::new(operations.reader(), Some(operations.appender())))
    }

    /// The services of a server over these ledgers, to which these people may come.
    pub(crate) fn services(&self, people: Arc<dyn Authorize>) -> Services {
        let operations = self.store.operations();
        let tokens = Tokens::load(operations.reader()).unwrap();
        Services {
            engine: self.engine(),
            authorize: people,
            triage: self.triage(),
            budgets: self.budgets(),
            logins: Arc::new(LoginService::new(tokens.clone(), Some(operations.appender()))),
            tokens: Arc::new(TokenService::new(tokens, Some(operations.appender()))),
            server: Arc::new(OneSink),
            stop: CancellationToken::new(),
        }
    }

    /// An engine that records what is asked.
    pub(crate) fn engine(&self) -> Engine {
        self.engine_with(Options::default())
    }

    /// The same with other options.
    pub(crate) fn engine_with(&self, options: Options) -> Engine {
        let audit = Some(self.store.operations().appender());
        let options = Options { audit, threads: Some(2), ..options };
        Engine::new(self.store.events().reader(), self.store.operations().reader(), options).unwrap()
    }
}

/// A revision of an alert, as a detector records it.
pub(crate) fn alert(id: &str, revision: i64, state: &str, severity: &str) -> Entry {
    let record = serde_json::json!({
        "id": id, "revision": revision, "rule": "egress.denied_post", "rule_version": 1, "state": state, "severity": severity,
        "title": "Denied upload", "reason": "3 requests", "who": { "user": "tobias", "team": "red" }, "what": { "host": "attacker-logger.com" },
        "first_seen": NOON, "last_seen": NOON, "recorded_first": NOON, "recorded_last": NOON, "count": 1,
        "evidence": ["events/0/2"], "tags": [], "backfill": false,
        "measured": { "what": "denied requests", "unit": "count", "observed": revision, "usual": { "low": 0, "high": 2 } }
    });
    operation("alert", id, revision, &record)
}

/// What the local principal is answered, in a format as text; it leaves no record.
pub(crate) async fn ask(engine: &Engine, sql: &str, format: Format) -> String {
    let request = Request {
        sql: sql.to_owned(),
        principal: Arc::new(Principal::local()),
        purpose: Purpose::Page,
        limits: Limits::default(),
        access: AccessCheck::default(),
    };
    let mut encoded = Encoded::new(engine.run(request).await.unwrap(), format, None).unwrap();
    String::from_utf8(encoded.pull(usize::MAX).await.unwrap()).unwrap()
}

/// A server whose only sink is called `siem`.
struct OneSink;

impl Server for OneSink {
    fn status(&self) -> Result<Value, ServerError> {
        Ok(serde_json::json!({ "process": 1 }))
    }

    fn sinks(&self) -> Result<Vec<Value>, ServerError> {
        Ok(vec![serde_json::json!({ "sink": "siem" })])
    }

    fn verification(&self) -> serde_json::Value {
        serde_json::json!({ "number": 1, "verdict": "verified" })
    }

    fn integrity(&self) -> Result<serde_json::Value, ServerError> {
        Ok(serde_json::json!({ "verifications": [] }))
    }

    fn verify(&self, by: &str) -> Result<serde_json::Value, ServerError> {
        Ok(serde_json::json!({ "number": 2, "since": null, "by": by }))
    }

    fn order<'a>(
        &'a self,
        sink: &'a str,
        order: SinkOrder,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            match order {
                _ if sink != "siem" => Err(ServerError::NoSink(sink.to_owned())),
                SinkOrder::Pause { reason } if reason.as_deref() == Some("") => {
                    Err(ServerError::BadOrder(String::new()))
                }
                SinkOrder::Resume => Err(ServerError::Refused(format!("{} may, siem may not", principal.name))),
                SinkOrder::Cancel { backfill: 9 } => Err(ServerError::NoBackfill("9".to_owned())),
                SinkOrder::Retry | SinkOrder::Pause { .. } | SinkOrder::Cancel { .. } => Ok(()),
            }
        })
    }

    fn backfill<'a>(
        &'a self,
        sink: &'a str,
        order: BackfillOrder,
        _principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Value, ServerError>> {
        Box::pin(async move {
            match order.from {
                _ if sink != "siem" => Err(ServerError::NoSink(sink.to_owned())),
                RangeEnd::At(from) => {
                    Ok(json!({ "from": from.to_string(), "again": order.mode == BackfillMode::Again }))
                }
                RangeEnd::Since(ledger, moment) => {
                    Ok(json!({ "ledger": ledger.as_str(), "from": moment.unix_micros() }))
                }
            }
        })
    }
}

/// Knows the principals by their names: the secret of `ada` is `secret-ada`.
pub(crate) struct People(RwLock<Vec<Arc<Principal>>>);

impl People {
    pub(crate) fn new(people: Vec<Arc<Principal>>) -> Self {
        Self(RwLock::new(people))
    }

    /// Nobody is known from now on.
    pub(crate) fn revoke_all(&self) {
        self.0.write().unwrap().clear();
    }
}

impl Authorize for People {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        self.0.read().unwrap().iter().find(|principal| secret.strip_prefix("secret-") == Some(&principal.name)).cloned()
    }
}
