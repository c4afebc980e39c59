//! `tachograph collect`: the transports of a server on a machine at the edge, a spool on its disk, and delivery to the server.
//!
//! ```text
//! listeners bound ─► spool opened ─► delivery ─► intake ─► ready … signal ─► intake ─► spool ─► delivery ends
//! ```

mod health;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use collect::spool::Spool;
use collect::{Client, Delivery, Senders};
use ingest::collectors::Collectors;
use ingest::transport;
use operations::access::Authorize;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;
use crate::exit::{CommandResult, Failure};
use crate::limits;
use crate::serve;
use crate::serve::listener::{Admission, Listener};
use crate::serve::signals::{Signal, Signals};
use crate::serve::tls::Tls;
use crate::settings::ListenerName;
use crate::settings::edge::{self, Edge};
use health::Health;

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The configuration file: collectors, the server, the spool.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    let edge = edge::load(&arguments.config)?;
    let certificate = Certificate::load(&edge.listen).map_err(Failure::config)?;
    serve::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("collect").enable_all().build()?;
    let outcome = runtime.block_on(async { Box::pin(collect(&edge, Tls::new(certificate))).await });
    // What did not end in time must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn collect(edge: &Edge, tls: Tls) -> CommandResult {
    let mut signals = Signals::listen()?;
    let console = Listener::bind(ListenerName::Console, edge.listen.console, tls.clone()).await?;
    let is_pushed = |name: &str| transport::by_name(name).is_some_and(transport::Transport::is_pushed);
    let ingest = if edge.collectors.iter().any(|collector| is_pushed(&collector.transport)) {
        Some(Listener::bind(ListenerName::Ingest, edge.listen.ingest, tls.clone()).await?)
    } else {
        None
    };
    tls.tell(&edge.listen);
    let addresses = (console.address(), ingest.as_ref().map(Listener::address));
    let spool = open(edge).await?;
    let client = Client::new(&edge.server).map_err(|error| Failure::config(format!("server: {error}")))?;
    let (metrics, intake_metrics) = (collect::Metrics::default(), ingest::metrics::Metrics::default());
    let dialects: BTreeMap<String, String> =
        edge.collectors.iter().map(|collector| (collector.name.clone(), collector.dialect.clone())).collect();
    let delivery = Delivery::new(&edge.server, client, spool.clone(), &dialects, metrics.clone())?;
    let senders: Arc<dyn Authorize> = Arc::new(Senders::read(&edge.senders).map_err(Failure::config)?);
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    intake_metrics.register(&mut registry);
    let mut collectors = start(edge, &spool, Arc::clone(&senders), intake_metrics.clone()).await?;
    let health = Health::new(delivery.watch(), collectors.watch(), spool.clone(), registry);
    let (intake_stop, stop) = (CancellationToken::new(), CancellationToken::new());
    let admission = Admission::counting(intake_metrics.refusals().clone());
    admission.know(senders);
    let mut intake = serve::intake::open(&mut collectors, ingest, &admission, &tls, &intake_stop).await?;
    let names = Admission::with_names(edge.listen.names.clone());
    let console = tokio::spawn(console.serve(health.router(), names, stop.clone()));
    let delivery = tokio::spawn(delivery.run(stop.clone()));
    let ingest = addresses.1.map_or_else(String::new, |address| address.to_string());
    tracing::info!(console = %addresses.0, ingest, server = edge.server.url, spool = %spool.directory().display(), "ready");
    wait(&mut signals).await;
    let drained = tokio::time::timeout(limits::DRAIN_MAX, async {
        intake_stop.cancel();
        collectors.stop().await;
        // A panic in one was logged by the runtime; there is nothing left to end.
        while intake.join_next().await.is_some() {}
        stop.cancel();
        let _ = delivery.await;
        let _ = console.await;
        let _ = tokio::task::spawn_blocking(move || spool.stop()).await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            seconds = limits::DRAIN_MAX.as_secs(),
            "not everything ended in time; what was acknowledged is durable"
        );
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Waits until the process is told to end.
async fn wait(signals: &mut Signals) {
    loop {
        match signals.next().await {
            Signal::Reload => tracing::warn!("the configuration is read at the start only; restart to change it"),
            Signal::Stop(name) => {
                tracing::info!(signal = name, "stopping; what is not delivered stays in the spool");
                return;
            }
        }
    }
}

async fn open(edge: &Edge) -> Result<Spool, Failure> {
    let settings = edge.spool.clone();
    // It reads all of it.
    let opened = tokio::task::spawn_blocking(move || Spool::open(&settings.directory, settings.bytes_max)).await?;
    let spool = opened.map_err(|error| Failure::from(error).hint("the directory of the spool is `spool.directory`"))?;
    for damage in spool.damages() {
        tracing::error!(%damage, "the spool is damaged");
    }
    Ok(spool)
}

async fn start(
    edge: &Edge,
    spool: &Spool,
    senders: Arc<dyn Authorize>,
    metrics: ingest::metrics::Metrics,
) -> Result<Collectors, Failure> {
    let (config, spool, key, authorize) = (edge.intake(), Arc::new(spool.clone()), spool.key(), senders);
    let start = move || Collectors::relay(&config, spool, key, authorize, metrics, CancellationToken::new());
    tokio::task::spawn_blocking(start).await?.map_err(Failure::config)
}
