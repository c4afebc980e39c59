//! `tachograph serve`: loads the configuration, opens the store, builds in the order in which data flows, waits, and drains
//! in the same order.
//!
//! ```text
//! listeners bound ─► store recovered ─► intake ─► detection ─► export ─► console ─► ready … signal ─► the same order down
//! ```

mod configuration;
mod console;
mod control;
pub mod exposition;
mod fleet;
mod followers;
mod health;
pub mod intake;
mod integrity;
pub mod listener;
mod metrics;
mod notices;
mod oidc;
mod orders;
mod part;
mod pipeline;
mod running;
pub mod signals;
mod slack;
pub mod tls;
mod verification;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::Services;
use clap::Args;
use dashboards::demo::Demo;
use detect_rules::rule_set::RuleSet;
use export::TriageSuppressor;
use ledger::{Options, Store};
use operations::access::{LoginService, Principal, TokenService, Tokens};
use operations::budget;
use operations::triage::TriageService;
use query::compute::{RateTable, Rates};
use query::fleet::FleetService;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;
use crate::control::socket_path;
use crate::exit::{CommandResult, Failure};
use crate::limits;
use crate::settings::{self, ListenerName, Loaded};
use console::{Console, Shared};
use control::ControlSocket;
use health::Health;
use listener::{Admission, HttpServer, Listener, Protocol};
use oidc::Oidc;
use orders::Order;
pub use orders::{Handle, Orders};
use part::Part;
use pipeline::Pipeline;
use running::Running;
use tls::Tls;
use verification::Verifications;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> CommandResult {
    run_until(settings::load(&arguments.config)?, None, Orders::of_signals)
}

/// Runs a server on this thread by a configuration that was loaded, until it is ordered to stop. Where the orders come from is asked within
/// its runtime; a demo that runs the server has pages of its own.
pub fn run_until(
    loaded: Loaded,
    demo: Option<Arc<dyn Demo>>,
    orders: impl FnOnce() -> std::io::Result<Orders>,
) -> CommandResult {
    let rules = settings::rules::rules(&loaded.settings)?;
    let certificate = Certificate::load(&loaded.settings.listen).map_err(Failure::config)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("server").enable_all().build()?;
    let outcome =
        runtime.block_on(async { Box::pin(serve(loaded, rules, Tls::new(certificate), demo, orders()?)).await });
    // What did not end in time must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Takes as many file handles as the system grants: a shell's usual 1,024 are fewer than the listeners have places.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let granted = if raised.is_ok() { maximum } else { current };
    if let Some(files) = granted.filter(|files| *files < limits::FILES_WANTED) {
        let wanted = limits::FILES_WANTED;
        tracing::warn!(files, wanted, "few file handles: many connections at once may be refused; raise `ulimit -n`");
    }
}

async fn serve(
    loaded: Loaded,
    rules: RuleSet,
    tls: Tls,
    demo: Option<Arc<dyn Demo>>,
    mut orders: Orders,
) -> CommandResult {
    let listen = &loaded.settings.listen;
    let console = Listener::bind(ListenerName::Console, listen.console, tls.clone()).await?;
    let ingest = Listener::bind(ListenerName::Ingest, listen.ingest, tls.clone()).await?;
    tls.tell(listen);
    let addresses = Addresses { console: console.address(), ingest: ingest.address() };
    // Health answers while the store recovers, so that a long recovery is not taken for a dead process.
    let health = Arc::new(Health::new(tls));
    let pages = Console::new(Arc::clone(&health), Admission::with_names(listen.names.clone()), demo);
    let console_stop = CancellationToken::new();
    let console = tokio::spawn(console.serve(pages.router(), pages.admission().clone(), console_stop.clone()));
    let store = open(loaded.settings.store.clone()).await?;
    health.watch(&store);
    let mut server = Server::build(store, loaded, rules, ingest, health, pages, addresses).await?;
    orders.tell_ready(addresses);
    obey(&mut server, &mut orders).await;
    let drained = tokio::time::timeout(limits::DRAIN_MAX, async {
        server.drain().await;
        console_stop.cancel();
        // A panic in it was logged by the runtime; there is nothing left to end.
        let _ = console.await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            seconds = limits::DRAIN_MAX.as_secs(),
            "not everything ended in time; what was acknowledged is durable"
        );
    }
    tokio::task::spawn_blocking(move || server.store.stop()).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Does what is ordered until that is to stop.
async fn obey(server: &mut Server, orders: &mut Orders) {
    loop {
        match orders.next().await {
            Order::Reload(answer) => {
                let reloaded = server.reload().await;
                if let Err(failure) = &reloaded {
                    tracing::error!(reason = failure.message(), "the configuration was not changed");
                }
                if let Some(answer) = answer {
                    // Who does not wait any more need not know.
                    let _ = answer.send(reloaded);
                }
            }
            Order::Stop(name) => {
                tracing::info!(signal = name, "stopping");
                return;
            }
        }
    }
}

/// Where the server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The API, metrics and health.
    pub console: SocketAddr,
    /// Intake.
    pub ingest: SocketAddr,
}

/// Everything that runs behind the listeners.
struct Server {
    store: Store,
    loaded: Loaded,
    health: Arc<Health>,
    pages: Console,
    pipeline: Pipeline,
    /// Where alerts are worked on.
    triage: Arc<TriageService>,
    /// Whose buttons are believed.
    slack: slack::Apps,
    /// Who says who people are.
    oidc: Arc<Oidc>,
    /// What workspaces cost.
    rates: Rates,
    /// Who writes down which configuration is in effect.
    configuration: configuration::Writer,
    /// Who records what receivers are to be told of again.
    notices: Part,
    /// Who keeps what every agent does.
    fleet: Part,
    /// Who verifies the directory.
    verifications: Verifications,
    /// Cancelled when answers without an end are to end.
    answers_stop: CancellationToken,
    control: JoinHandle<()>,
    control_stop: CancellationToken,
}

impl Server {
    async fn build(
        store: Store,
        loaded: Loaded,
        rules: RuleSet,
        ingest: Listener,
        health: Arc<Health>,
        pages: Console,
        addresses: Addresses,
    ) -> Result<Self, Failure> {
        let (settings, data) = (&loaded.settings, &loaded.settings.store.data);
        let tokens = Tokens::load(store.operations().reader())?;
        let control =
            ControlSocket::open(data).with_context(|| format!("cannot open {}", socket_path(data).display()))?;
        let operations = store.operations();
        let policy = settings.alerts.clone();
        let triage = Arc::new(TriageService::new(operations.reader(), Some(operations.appender()), policy));
        let budgets = Arc::new(budget::BudgetService::new(operations.reader(), Some(operations.appender())));
        let mut configuration = configuration::Writer::new(&store, &budgets, &health);
        // Before anything is read, so that no event comes before the budget that counts it.
        configuration.set_budgets(settings).await?;
        let suppressor = TriageSuppressor::of(&triage);
        let (pipeline, registry) =
            Pipeline::build(&store, settings, rules, &tokens, suppressor, ingest, &health).await?;
        let (fleet, following) = fleet::start(&store, &triage, &health);
        let rates = Rates::of(settings.compute.table()?);
        let engine = engine(&store, &settings.query, &triage, fleet, rates.clone())?;
        let slack = slack::Apps::of(settings);
        let answers_stop = CancellationToken::new();
        let verifications = Verifications::start(data.clone())?;
        let server = Running::of(&store, addresses, &health, pipeline.followers().controls(), &verifications);
        let oidc = Oidc::of(settings, LoginService::new(tokens.clone(), Some(operations.appender())))?;
        let services = Services {
            engine,
            authorize: Arc::new(tokens.clone()),
            triage: Arc::clone(&triage),
            budgets,
            tokens: Arc::new(TokenService::new(tokens.clone(), Some(operations.appender()))),
            logins: oidc.logins(),
            server,
            stop: answers_stop.clone(),
        };
        pages.open(Shared { services, tokens: &tokens, slack: &slack, provider: Arc::clone(&oidc) as _, registry })?;
        record_start(&mut configuration, &loaded, &health, &pipeline, &rates).await?;
        let notices = notices::start(&store, &triage, &health);
        let control_stop = CancellationToken::new();
        let control = tokio::spawn(control.serve(to_local(&pages, &control_stop)));
        health.ready();
        let (console, ingest) = (addresses.console, addresses.ingest);
        tracing::info!(%console, %ingest, data = %data.display(), "ready");
        Ok(Self {
            store,
            loaded,
            health,
            pages,
            pipeline,
            triage,
            slack,
            oidc,
            rates,
            configuration,
            notices,
            fleet: following,
            verifications,
            answers_stop,
            control,
            control_stop,
        })
    }

    /// Reads the file again and takes from it what can change while the server runs; a bad file changes nothing.
    async fn reload(&mut self) -> Result<(), Failure> {
        let new = settings::load(&self.loaded.path)?;
        let (old, settings) = (&self.loaded.settings, &new.settings);
        let prices = self.pipeline.prices();
        let tls = self.health.tls();
        let certificate = tls.read_again(&settings.listen).map_err(Failure::config)?;
        let provider = self.oidc.prepare(settings)?;
        let table = settings.compute.table()?;
        if let Some(registry) = self.pipeline.reload(&self.store, old, settings).await? {
            self.pages.replace_metrics(registry);
        }
        self.triage.set_policy(settings.alerts.clone());
        self.slack.replace(settings);
        self.oidc.replace(provider);
        let rated = self.rates.replace(table);
        self.pages.admission().set_names(settings.listen.names.clone());
        let shown = tls.shown();
        tls.show(certificate);
        tls.tell(&settings.listen);
        self.configuration.set_budgets(settings).await?;
        let needs_restart = configuration::needs_restart(old, settings);
        self.configuration.record(Some(&self.loaded), &new, &needs_restart).await?;
        self.configuration.record_certificate(shown.as_ref(), tls.shown().as_ref()).await?;
        let priced = self.pipeline.prices();
        if priced != prices {
            let file = settings.ingest.prices.as_deref();
            self.configuration.record_prices(Some(prices.version()), &priced, file).await?;
        }
        let file = settings.compute.rates.as_deref();
        self.configuration.record_rates(&rated, &self.rates.current(), file).await?;
        tracing::info!(sha256 = new.hash, needs_restart = needs_restart.join(" "), "the configuration was changed");
        self.loaded = new;
        Ok(())
    }

    /// Ends everything but the store and the console, in the order in which data flows.
    async fn drain(&mut self) {
        self.health.draining();
        self.verifications.end();
        self.configuration.end().await;
        self.notices.end().await;
        self.pipeline.drain().await;
        self.fleet.end().await;
        // Live tails have shown what became durable by now, or come back for it.
        self.answers_stop.cancel();
        self.control_stop.cancel();
        // A panic in it was logged by the runtime; there is nothing left to end.
        let _ = (&mut self.control).await;
    }
}

/// The console's routes for whoever is at the control socket.
fn to_local(pages: &Console, stop: &CancellationToken) -> HttpServer {
    let admission = Admission::of_peer(Principal::local());
    HttpServer::new(limits::CONTROL_CONNECTIONS_MAX, Protocol::Http1, pages.router(), admission, stop.clone())
}

/// Writes down what is in effect from the start on.
async fn record_start(
    configuration: &mut configuration::Writer,
    loaded: &Loaded,
    health: &Health,
    pipeline: &Pipeline,
    rates: &Rates,
) -> Result<(), Failure> {
    let settings = &loaded.settings;
    configuration.record(None, loaded, &[]).await?;
    configuration.record_certificate(None, health.tls().shown().as_ref()).await?;
    configuration.record_prices(None, &pipeline.prices(), settings.ingest.prices.as_deref()).await?;
    let file = settings.compute.rates.as_deref();
    configuration.record_rates(&RateTable::default(), &rates.current(), file).await
}

/// The engine of the server: what it shows of alerts and agents is what the API shows.
fn engine(
    store: &Store,
    settings: &settings::Query,
    triage: &Arc<TriageService>,
    fleet: Arc<FleetService>,
    rates: Rates,
) -> Result<query::Engine, query::QueryError> {
    let operations = store.operations();
    let options = query::Options {
        audit: Some(operations.appender()),
        threads: settings.threads.map(Into::into),
        queries_max: settings.queries_max.map(Into::into),
        triage: Some(Arc::clone(triage)),
        fleet: Some(fleet),
        rates,
    };
    query::Engine::new(store.events().reader(), operations.reader(), options)
}

async fn open(settings: settings::Store) -> Result<Store, Failure> {
    let settings::Store { data, reserve_bytes, seal_seconds } = settings;
    tracing::info!(data = %data.display(), "recovering");
    let segment_age_max = Duration::from_secs(seal_seconds.get().into());
    let options = Options { reserve_bytes, segment_age_max, ..Options::default() };
    Ok(tokio::task::spawn_blocking(move || Store::open(&data, options)).await??)
}
