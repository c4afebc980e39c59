//! The processes that `make bench-forward` measures: a ledger with records, a forwarder, and a receiver that takes everything at once.
//!
//! ```text
//! forward prepare FOLDER RECORDS    makes a ledger, and FOLDER/records.ndjson with the same records as a sink says them
//! forward receive                   prints `listening HTTP TCP DEAD LATE`, takes HEC, _bulk and lines of TCP, and counts what came on standard
//!                                   error; DEAD never answers, LATE is HTTP that is out for the first seconds
//! forward run FOLDER SETTINGS       exports the ledger's events by one sink, whose settings are JSON, until it has a receipt for all
//! forward beside FOLDER SETTINGS RECORDS [DEAD]
//!                                   exports records while they are appended to a new ledger, beside a sink whose receiver is dead if there is
//!                                   one, and says what memory it took at most until a tenth of them was sent, and until all were
//! forward recover FOLDER SETTINGS RATE
//!                                   exports the ledger to a receiver that is out at first, while so many records a second are appended, and
//!                                   says how fast it caught up
//! ```

use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use export::{Config, Exporter, Rendering, Timing};
use ledger::{Appender, Durable, Entry, Group, LedgerName, Options, Seq, Store, Timestamp, events};
use operations::filter::Filter;
use operations::fold::newest_exported;
use serde_json::{Value, json};
use tikv_jemallocator::Jemalloc;
use tokio_util::sync::CancellationToken;

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Records of one commit.
const GROUP: u64 = 1_000;

/// How long the receiver that is late is out.
const OUTAGE: Duration = Duration::from_secs(3);

/// How long a forwarder may take to catch up.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often records are appended at a rate.
const TICK: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["prepare", folder, records] => prepare(folder.as_ref(), records.parse()?),
        ["receive"] => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(receive()),
        ["run", folder, settings] => run(folder.as_ref(), serde_json::from_str(settings)?),
        ["beside", folder, settings, records, dead @ ..] => {
            beside(folder.as_ref(), serde_json::from_str(settings)?, records.parse()?, dead.first().copied())
        }
        ["recover", folder, settings, rate] => recover(folder.as_ref(), serde_json::from_str(settings)?, rate.parse()?),
        _ => bail!("usage: forward prepare FOLDER RECORDS | receive | run FOLDER SETTINGS | beside … | recover …"),
    }
}

/// One of many requests of agents, about 500 bytes as JSON.
fn event(entry: &mut Entry, number: u64) {
    entry.clear();
    let text = |entry: &mut Entry, column, text: &str| entry.set_text(column, text);
    entry.set_time(events::column::TIME, Timestamp::from_unix_micros(1_763_750_000_000_000 + number as i64 * 997));
    text(entry, events::column::SOURCE, "coder.boundary");
    text(entry, events::column::FAMILY, "boundary");
    text(entry, events::column::KIND, "egress.http");
    text(entry, events::column::ORG, "acme");
    text(entry, events::column::TEAM, ["payments", "web", "platform"][number as usize % 3]);
    text(entry, events::column::USER, &format!("user-{}", number % 400));
    text(entry, events::column::AGENT, &format!("claude-code@ws-{}", number % 2_000));
    text(entry, events::column::SESSION, &format!("6f0a2c4e-1111-4d39-9c77-{:012x}", number % 5_000));
    text(entry, events::column::WORKSPACE_NAME, &format!("user-{}/api", number % 400));
    text(entry, events::column::OUTCOME, if number.is_multiple_of(17) { "deny" } else { "allow" });
    text(entry, events::column::METHOD, "GET");
    text(entry, events::column::HOST, &format!("packages-{}.acme.example", number % 50));
    text(entry, events::column::PATH, &format!("/simple/package-{}/index.json?page={}", number % 900, number % 7));
    entry.set_integer(events::column::STATUS, 200);
    entry.set_integer(events::column::PORT, 443);
    entry.set_integer(events::column::BYTES_IN, (number % 90_000) as i64);
}

/// Events with these numbers.
fn group(numbers: Range<u64>) -> anyhow::Result<Group> {
    let (mut entry, mut group) = (Entry::new(), Group::new(&events::TABLE));
    for number in numbers {
        event(&mut entry, number);
        group.push(&entry)?;
    }
    Ok(group)
}

fn prepare(folder: &Path, records: u64) -> anyhow::Result<()> {
    let data = folder.join("data");
    Store::init(&data, "acme.example/agents")?;
    let store = Store::open(&data, Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for first in (0..records).step_by(GROUP as usize) {
        runtime.block_on(store.events().appender().append(group(first..records.min(first + GROUP))?))?;
    }
    let rendering = Rendering::new(None, None, Filter::default(), [3; 32]).map_err(anyhow::Error::msg)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join("records.ndjson"))?);
    let mut failed = None;
    rendering.each(&store.events().reader(), Seq::FIRST, |text| {
        failed = writeln!(file, "{text}").err();
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)?;
    file.flush()?;
    store.stop();
    Ok(())
}

/// The configuration of these sinks, the first of which is called `siem`.
fn config(folder: &Path, sinks: Vec<Value>) -> anyhow::Result<Config> {
    std::fs::write(folder.join("secret"), "s3cret")?;
    let secret = format!("file:{}", folder.join("secret").display());
    let named = sinks.into_iter().zip(["siem", "dead"]).map(|(mut sink, name)| {
        (sink["name"], sink["allow_private"]) = (name.into(), true.into());
        serde_json::from_str::<Value>(&sink.to_string().replace("SECRET", &secret))
    });
    Ok(serde_json::from_value(json!({ "sinks": named.collect::<Result<Vec<_>, _>>()? }))?)
}

/// A forwarder that runs.
struct Forwarder {
    store: Store,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    receipts: tokio::sync::watch::Receiver<Durable>,
}

impl Forwarder {
    fn start(store: Store, config: &Config) -> anyhow::Result<Self> {
        let mut exporter = Exporter::new(config, store.events(), store.operations(), [3; 32])?;
        // The last receipt is what is waited for.
        exporter.set_timing(Timing { receipt_every: Duration::from_millis(100), ..Timing::default() });
        let stop = CancellationToken::new();
        let receipts = store.operations().reader().watch();
        let receipts = receipts.context("a ledger that this process writes can be watched")?;
        let running = tokio::spawn(exporter.run(stop.clone()));
        Ok(Self { store, stop, running, receipts })
    }

    /// Waits until `siem` has receipts that satisfy somebody, and says up to where.
    async fn until(&mut self, enough: impl Fn(Seq) -> anyhow::Result<bool>) -> anyhow::Result<Seq> {
        loop {
            let exported = newest_exported(&self.store.operations().reader(), "siem", LedgerName::Events, 0)?;
            let done = exported.map_or(Seq::FIRST, |exported| exported.next_seq);
            if enough(done)? {
                return Ok(done);
            }
            self.receipts.changed().await?;
        }
    }

    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await?;
        self.store.stop();
        Ok(())
    }
}

fn run(folder: &Path, settings: Value) -> anyhow::Result<()> {
    let config = config(folder, vec![settings])?;
    let store = Store::open(&folder.join("data"), Options::default())?;
    let end = store.events().reader().durable()?.next_seq;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut forwarder = Forwarder::start(store, &config)?;
        forwarder.until(|done| Ok(done >= end)).await?;
        forwarder.end().await
    })
}

/// The most memory that this process took until now, in MiB.
fn peak_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel says no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1_024)
}

fn beside(folder: &Path, settings: Value, records: u64, dead: Option<&str>) -> anyhow::Result<()> {
    let dead = dead.map(|dead| json!({"type": "splunk_hec", "url": format!("http://{dead}"), "token": "SECRET"}));
    let config = config(folder, std::iter::once(settings).chain(dead).collect())?;
    Store::init(&folder.join("data"), "acme.example/agents")?;
    let store = Store::open(&folder.join("data"), Options::default())?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut forwarder = Forwarder::start(store, &config)?;
        let appender = forwarder.store.events().appender();
        let mut early = 0;
        for first in (0..records).step_by(GROUP as usize) {
            appender.append(group(first..records.min(first + GROUP))?).await?;
            // The healthy sink keeps up: what is measured is what the dead one keeps, not a backlog.
            let behind = Seq::new(first.saturating_sub(50 * GROUP));
            forwarder.until(|done| Ok(done >= behind)).await?;
            if early == 0 && first >= records / 10 {
                early = peak_mib()?;
            }
        }
        forwarder.until(|done| Ok(done >= Seq::new(records))).await?;
        let dead = newest_exported(&forwarder.store.operations().reader(), "dead", LedgerName::Events, 0)?;
        if dead.is_some_and(|dead| dead.next_seq > Seq::FIRST) {
            bail!("the receiver that should be dead took something");
        }
        println!("{}", json!({"early_mib": early, "peak_mib": peak_mib()?}));
        forwarder.end().await
    })
}

/// Appends so many records a second until it is told to stop.
fn append_at(appender: &Appender, rate: u64, stop: &AtomicBool) -> anyhow::Result<()> {
    let (begun, mut number) = (Instant::now(), 0);
    for tick in 1_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let end = rate * u64::from(tick) * TICK.as_millis() as u64 / 1_000;
        for first in (number..end).step_by(GROUP as usize) {
            appender.try_append(group(first..end.min(first + GROUP))?).map_err(|refused| refused.error)?.wait()?;
        }
        number = end;
        std::thread::sleep((TICK * tick).saturating_sub(begun.elapsed()));
    }
    Ok(())
}

fn recover(folder: &Path, settings: Value, rate: u64) -> anyhow::Result<()> {
    let config = config(folder, vec![settings])?;
    let store = Store::open(&folder.join("data"), Options::default())?;
    let (events, appender) = (store.events().reader(), store.events().appender());
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let live = std::thread::spawn(move || append_at(&appender, rate, &stopping));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut forwarder = Forwarder::start(store, &config)?;
        let begun = Instant::now();
        let first = forwarder.until(|done| Ok(done > Seq::FIRST)).await?;
        let (answered, backlog) = (Instant::now(), events.durable()?.next_seq.distance_from(first));
        // It has caught up once it lacks no more than what comes while a receipt is written.
        let level = 2 * rate * TICK.as_millis() as u64 / 1_000;
        let caught_up = forwarder.until(|done| Ok(events.durable()?.next_seq.distance_from(done) <= level));
        let done = tokio::time::timeout(PATIENCE, caught_up).await.context("it is slower than what is appended")??;
        let seconds = answered.elapsed().as_secs_f64();
        let sent = done.distance_from(first);
        let outage = answered.duration_since(begun).as_secs_f64();
        println!("{}", json!({"backlog": backlog, "outage": outage, "seconds": seconds, "sent": sent}));
        stop.store(true, Ordering::Relaxed);
        live.join().map_err(|_| anyhow::anyhow!("the thread that appends panicked"))??;
        forwarder.end().await
    })
}

/// Answers as Splunk and Elasticsearch do when all is well, and reads lines of TCP.
async fn receive() -> anyhow::Result<()> {
    let router = Router::new().fallback(taken).layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let frames = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let late = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addresses = [&listener, &frames, &dead, &late].map(tokio::net::TcpListener::local_addr);
    let addresses =
        addresses.into_iter().map(|address| Ok(address?.to_string())).collect::<std::io::Result<Vec<_>>>()?;
    println!("listening {}", addresses.join(" "));
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = dead.accept().await {
            kept.push(stream);
        }
    });
    let first = Arc::new(OnceLock::new());
    let out = router.clone().layer(axum::middleware::from_fn(move |request: Request, next: Next| {
        let is_out = first.get_or_init(Instant::now).elapsed() < OUTAGE;
        async move { if is_out { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await } }
    }));
    tokio::spawn(async move { axum::serve(late, out).await });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = frames.accept().await {
            tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
        }
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn taken(uri: Uri, headers: HeaderMap, body: Bytes) -> axum::response::Response<String> {
    let mut plain = Vec::new();
    let is_gzip = headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    if is_gzip {
        // A body that cannot be read is not counted, which shows in the result.
        let _ = flate2::read::GzDecoder::new(body.as_ref()).read_to_end(&mut plain);
    } else {
        plain.extend_from_slice(&body);
    }
    let answer = if uri.path().ends_with("_bulk") {
        let items = plain.split(|byte| *byte == b'\n').count() / 2;
        let item = r#"{"create":{"status":201}}"#;
        format!("{{\"took\":1,\"errors\":false,\"items\":[{}]}}", vec![item; items].join(","))
    } else {
        r#"{"text":"Success","code":0}"#.to_owned()
    };
    eprintln!("{} {}", plain.len(), body.len());
    let mut response = axum::response::Response::new(answer);
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    response
}
