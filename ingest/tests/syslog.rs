//! A real rsyslog sends to a collector of syslog: messages of both RFCs in both framings, over connections that are ended in between.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "../../tests/harness/rsyslog.rs"]
mod rsyslog;
#[path = "../../tests/harness/rsyslogd.rs"]
mod rsyslogd;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest::collectors::Collectors;
use ingest::metrics::Metrics;
use ingest::transport::Serve;
use ingest::transport::stream::{Connected, Streams};
use ledger::events::column;
use ledger::{Options, ReadLimit, Seq, Store};
use operations::access::{Authorize, Principal};
use rsyslog::{Rsyslog, forward};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything is waited for before the test gives up. Nothing depends on it.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often somebody looks who waits.
const LOOK: Duration = Duration::from_millis(20);

struct Nobody;

impl Authorize for Nobody {
    fn authorize(&self, _secret: &str) -> Option<Arc<Principal>> {
        None
    }
}

/// Reads all that connects to an address, until the token is cancelled; then those connections are ended.
fn serve(listener: Arc<TcpListener>, streams: Streams, end: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        while let Some(accepted) = end.run_until_cancelled(listener.accept()).await {
            let (stream, peer) = accepted.unwrap();
            let (streams, end) = (streams.clone(), end.clone());
            let connection = Connected { wire: Box::new(stream), peer: peer.to_string(), end };
            open.spawn(async move { streams.read(connection).await });
        }
        while open.join_next().await.is_some() {}
    })
}

/// How often each record is there, with the time at which it was seen.
fn records(store: &Store) -> BTreeMap<(String, i64), usize> {
    let reader = store.events().reader();
    let rows = reader.read(Seq::FIRST, true, ReadLimit { rows: 1 << 20, bytes: 1 << 30 }).unwrap();
    let mut found = BTreeMap::new();
    for row in rows.iter() {
        let record = row.text(column::RECORD).or(row.text(column::CONTENT)).unwrap_or_default().to_owned();
        *found.entry((record, row.time(column::OBSERVED).unwrap().unix_seconds())).or_default() += 1;
    }
    found
}

/// A ledger with a collector of syslog whose senders are believed, and what reads its connections.
fn collector(data: &Path) -> (Store, Collectors, Streams) {
    Store::init(data, "acme.example/agents").unwrap();
    let store = Store::open(data, Options::default()).unwrap();
    let config = "[[collectors]]\nname = \"syslog\"\ntransport = \"syslog\"\ndialect = \"native\"\ntcp = \"127.0.0.1:0\"\n\
                  trust = \"host\"\n";
    let (config, key) = (toml::from_str(config).unwrap(), store.fingerprint_key());
    let (metrics, stop) = (Metrics::default(), CancellationToken::new());
    let mut collectors = Collectors::start(&config, store.events(), key, Arc::new(Nobody), metrics, stop).unwrap();
    let Serve::Streams(streams) = collectors.take_listening().remove(0).1.serve else { panic!("it reads streams") };
    (store, collectors, streams)
}

/// Has rsyslog forward to these addresses, to each in its own way.
fn forward_to(addresses: &[String; 3]) -> String {
    let ways = [
        "template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\"",
        "template=\"RSYSLOG_ForwardFormat\"",
        "template=\"RSYSLOG_TraditionalForwardFormat\" TCP_Framing=\"octet-counted\"",
    ];
    addresses.iter().zip(ways).map(|(address, how)| forward(address, how)).collect::<String>()
}

/// Waits until something holds.
async fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what} does not come"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rsyslog_forwards_is_recorded_once_whatever_the_form() {
    let directory = tempfile::tempdir().unwrap();
    let (store, collectors, streams) = collector(&directory.path().join("data"));
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap()));
    }
    let serve_all = |end: &CancellationToken| {
        let serve = |listener: &Arc<TcpListener>| serve(Arc::clone(listener), streams.clone(), end.clone());
        listeners.iter().map(serve).collect::<Vec<_>>()
    };
    let (end, addresses) =
        (CancellationToken::new(), [0, 1, 2].map(|at| listeners[at].local_addr().unwrap().to_string()));
    let served = serve_all(&end);
    let rsyslog = Rsyslog::start(directory.path(), &forward_to(&addresses));

    let command =
        |note: &str| format!(r#"{{"time":"2026-10-03T08:15:04Z","kind":"command","source":"acme","action":"{note}"}}"#);
    let said = [
        ("", command("plain")),
        ("@cee: ", command("cee")),
        (
            "",
            "type=SYSCALL msg=audit(1791015304.118:77): arch=c000003e syscall=59 comm=\"sh\"\u{1d}ARCH=x86_64"
                .to_owned(),
        ),
        ("", command(&"long ".repeat(12_000))),
    ];
    // The time at which the program said it, which rsyslog keeps.
    let send = |number: usize, cookie: &str, record: &str| {
        let message = format!("<13>2026-10-03T08:15:{:02}+00:00 falco[7]: {cookie}{record}", 10 + number);
        rsyslog.say([message]);
    };
    said.iter().enumerate().for_each(|(number, (cookie, record))| send(number, cookie, record));
    wait_for("what was said", || records(&store).values().sum::<usize>() >= 3 * said.len()).await;

    // All connections end, and rsyslog finds that out before it sends again.
    end.cancel();
    for served in served {
        served.await.unwrap();
    }
    let end = CancellationToken::new();
    let served = serve_all(&end);
    send(said.len(), "", &command("after the end"));
    wait_for("what was said after the end", || records(&store).values().sum::<usize>() > 3 * said.len() + 2).await;
    rsyslog.stop();
    end.cancel();
    for served in served {
        served.await.unwrap();
    }

    let mut want = BTreeMap::new();
    let base = ledger::Timestamp::from_unix_seconds(1_791_015_310).unix_seconds();
    let after = ("", command("after the end"));
    for (number, (_, record)) in said.iter().chain([&after]).enumerate() {
        // Two of the three forms say the zone of the time.
        want.insert((record.clone(), base + number as i64), 2);
    }
    let found = records(&store);
    let (timed, late): (BTreeMap<_, _>, BTreeMap<_, _>) =
        found.into_iter().partition(|((_, seen), _)| *seen < base + 60);
    assert_eq!(timed, want);
    let late: Vec<(String, usize)> = late.into_iter().map(|((record, _), count)| (record, count)).collect();
    let mut once: Vec<_> = want.into_keys().map(|(record, _)| (record, 1)).collect();
    once.sort();
    assert_eq!(late, once, "without a zone a message was seen when it came");
    collectors.stop().await;
    store.stop();
}
