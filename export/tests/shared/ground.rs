//! What tests of forwarding share: a ledger with events, some of them evil, and an exporter that runs until the sinks are done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use export::{Config, Exporter, Timing};
use ledger::{Entry, Group, LedgerName, Options, Store, Table};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// How long anything is waited for before the test gives up. Nothing depends on it.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// How often somebody looks who waits.
const LOOK: Duration = Duration::from_millis(20);

/// A ledger in a directory of its own.
pub struct Ground {
    pub directory: tempfile::TempDir,
    pub store: Store,
}

/// Texts that somebody may have written who wants to be read as something else.
pub const EVIL: [&str; 12] = [
    "line\nbreak\r\nand <13>1 - - - - - - another message",
    "7 <13>1 x",
    "] [tachograph@32473 seq=\"999\"]",
    "\"quotes\" \\backslashes\\ and \\n",
    "NUL \u{0} escape \u{1b}[31m bell \u{7} delete \u{7f} C1 \u{85} \u{9b}",
    "2 rsp 6 200 OK\n3 close 0\n",
    "CEF:0|a|b|c|d|e|10|msg=x act=y \\= \\|",
    "LEEF:2.0|a|b|1|x|^|usrName=root",
    "\u{feff}byte order mark \u{202e}right to left\u{2066}",
    "emoji 🦀 combining e\u{301} wide 漢字",
    "%s %n %rawmsg% ${RAWMSG} $(id) {{x}}",
    "\u{2028}line \u{2029}paragraph\u{0b}\u{0c}",
];

impl Ground {
    /// One with an empty ledger.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Store::init(&directory.path().join("data"), "acme.example/agents").unwrap();
        let store = Store::open(&directory.path().join("data"), Options::default()).unwrap();
        Self { directory, store }
    }

    /// One whose ledger has evil events and so many ordinary ones.
    pub async fn with_events(ordinary: usize) -> Self {
        let ground = Self::new();
        let evil = EVIL.iter().map(|text| {
            json!({"kind": "note", "target": text, "workspace_name": text, "path": text, "session": text, "user": text})
        });
        ground.record(&evil.chain(events(0..ordinary)).collect::<Vec<_>>()).await;
        ground
    }

    /// Records events.
    pub async fn record(&self, events: &[Value]) {
        record(&self.store, events).await;
    }

    /// Forwards until each of the sinks has a receipt for everything.
    pub async fn forward(&self, sinks: Value) {
        let config: Config = serde_json::from_value(json!({ "sinks": sinks })).unwrap();
        config.check().unwrap();
        let mut exporter = Exporter::new(&config, self.store.events(), self.store.operations(), [3; 32]).unwrap();
        exporter.set_timing(quick());
        let (status, stop) = (exporter.status(), CancellationToken::new());
        let running = tokio::spawn(exporter.run(stop.clone()));
        let waited = tokio::time::timeout(PATIENCE, done(&self.store, &config)).await;
        stop.cancel();
        running.await.unwrap();
        waited.unwrap_or_else(|_| panic!("the sinks are not done: {:?}", status.get()));
    }
}

/// Short waits: the machines are busy and the receivers fail on purpose.
pub fn quick() -> Timing {
    let [retry_min, retry_max, park, receipt_every] = [1, 50, 200, 100].map(Duration::from_millis);
    Timing { retry_min, retry_max, park, receipt_every, ..Timing::default() }
}

/// Waits until each sink has a receipt for all events.
pub async fn done(store: &Store, config: &Config) {
    let (events, operations) = (store.events().reader(), store.operations().reader());
    let mut watch = operations.watch().unwrap();
    loop {
        let end = events.durable().unwrap().next_seq;
        let standing = export::status(config, &events, &operations).unwrap();
        if standing.iter().all(|status| status.ledger == LedgerName::Operations || status.next_seq >= end) {
            return;
        }
        watch.changed().await.unwrap();
    }
}

/// Records events.
pub async fn record(store: &Store, events: &[Value]) {
    for chunk in events.chunks(500) {
        let mut group = Group::new(&ledger::events::TABLE);
        for event in chunk {
            let mut entry = Entry::new();
            for column in Table::of(LedgerName::Events).columns {
                if let Some(value) = event.get(column.name) {
                    entry.set_json(column, value).unwrap();
                }
            }
            group.push(&entry).unwrap();
        }
        store.events().appender().append(group).await.unwrap();
    }
}

/// Ordinary events with these numbers.
pub fn events(numbers: std::ops::Range<usize>) -> impl Iterator<Item = Value> {
    numbers.map(|number| {
        json!({"kind": "egress.http", "target": format!("https://paste.acme.example/{number}"), "session": format!("s-{}", number % 7),
            "agent": format!("agent-{}", number % 3), "workspace_name": "alice/api"})
    })
}

/// Waits until something is there.
pub async fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let waited = async {
        loop {
            match look() {
                Some(found) => return found,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

/// An authority, a server of this machine and a client, all in files in PEM.
pub struct Certificates {
    pub authority: PathBuf,
    pub server: [PathBuf; 2],
    pub client: [PathBuf; 2],
}

impl Certificates {
    /// New ones in a directory.
    pub fn new(directory: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A certificate whose issuer has its own name would be taken for one that is signed by itself.
        params.distinguished_name.push(DnType::CommonName, "authority");
        let authority = directory.join("ca.pem");
        std::fs::write(&authority, params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let [server, client] = ["server", "client"].map(|name| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["127.0.0.1", "localhost"].map(str::to_owned)).unwrap();
            let files = ["certificate", "key"].map(|what| directory.join(format!("{name}-{what}.pem")));
            std::fs::write(&files[0], params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
            std::fs::write(&files[1], key.serialize_pem()).unwrap();
            files
        });
        Self { authority, server, client }
    }

    /// The settings of a sink that shows the client's certificate.
    pub fn settings(&self) -> Value {
        let [certificate, key] = &self.client;
        json!({"ca_file": self.authority, "certificate_file": certificate, "key_file": format!("file:{}", key.display())})
    }
}
