//! The processes that `make bench-forward` measures: a ledger with records, a forwarder, and a receiver that takes everything at once.
//!
//! ```text
//! forward prepare FOLDER RECORDS    makes a ledger, and FOLDER/records.ndjson with the same records as a sink says them
//! forward receive                   prints `listening ADDRESS`, takes HEC, _bulk and lines of TCP, and counts what came on standard error
//! forward run FOLDER SETTINGS       exports the ledger's events by one sink, whose settings are JSON, until it has a receipt for all
//! ```

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use export::{Config, Exporter, Rendering, Timing};
use ledger::{Entry, Group, LedgerName, Options, Seq, Store, Timestamp, events};
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

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["prepare", folder, records] => prepare(folder.as_ref(), records.parse()?),
        ["receive"] => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(receive()),
        ["run", folder, settings] => run(folder.as_ref(), serde_json::from_str(settings)?),
        _ => bail!("usage: forward prepare FOLDER RECORDS | receive | run FOLDER SETTINGS"),
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

fn prepare(folder: &Path, records: u64) -> anyhow::Result<()> {
    let data = folder.join("data");
    Store::init(&data, "acme.example/agents")?;
    let store = Store::open(&data, Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut entry, mut group) = (Entry::new(), Group::new(&events::TABLE));
    for number in 0..records {
        event(&mut entry, number);
        group.push(&entry)?;
        if (number + 1) % GROUP == 0 || number + 1 == records {
            let full = std::mem::replace(&mut group, Group::new(&events::TABLE));
            runtime.block_on(store.events().appender().append(full))?;
        }
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

fn run(folder: &Path, mut settings: Value) -> anyhow::Result<()> {
    settings["name"] = "siem".into();
    settings["allow_private"] = true.into();
    std::fs::write(folder.join("secret"), "s3cret")?;
    let text = settings.to_string().replace("SECRET", &format!("file:{}", folder.join("secret").display()));
    let sink: Value = serde_json::from_str(&text)?;
    let config: Config = serde_json::from_value(json!({ "sinks": [sink] }))?;
    let store = Store::open(&folder.join("data"), Options::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32])?;
        // The last receipt is what is waited for.
        exporter.set_timing(Timing { receipt_every: Duration::from_millis(100), ..Timing::default() });
        let stop = CancellationToken::new();
        let running = tokio::spawn(exporter.run(stop.clone()));
        let operations = store.operations().reader();
        let mut watch = operations.watch().context("a ledger that this process writes can be watched")?;
        let end = store.events().reader().durable()?.next_seq;
        while newest_exported(&operations, "siem", LedgerName::Events, 0)?.is_none_or(|done| done.next_seq < end) {
            watch.changed().await?;
        }
        stop.cancel();
        running.await?;
        anyhow::Ok(())
    })?;
    store.stop();
    Ok(())
}

/// Answers as Splunk and Elasticsearch do when all is well, and reads lines of TCP.
async fn receive() -> anyhow::Result<()> {
    let router = Router::new().fallback(taken).layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let frames = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {} {}", listener.local_addr()?, frames.local_addr()?);
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
