//! All collectors of a configuration, running: starts them, hands out the router of pushed events, stops them in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use ledger::{Ledger, LedgerError};
use operations::access::{Authorize, Principal};
use operations::standing::Standing;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bounded::read_text;
use crate::config::{Collector, Config};
use crate::dialect::mapped::{Mapping, MappingError};
use crate::dialect::{ChosenDialect, Dialect};
use crate::enrich::{Names, NamesError};
use crate::event::finish::Finisher;
use crate::limits;
use crate::metrics::Metrics;
use crate::pipeline::{Channel, Pipeline, Spool};
use crate::price::{PriceError, PriceTable};
use crate::refusals::Refusals;
use crate::samples::Reason;
use crate::transport::http::Push;
use crate::transport::stream::Streams;
use crate::transport::unix::SocketFile;
use crate::transport::{self, Listening, Start, Work};

/// The running collectors.
pub struct Collectors {
    pipeline: Arc<Pipeline>,
    running: Arc<[Running]>,
    router: Router,
    listening: Vec<(String, Listening)>,
    sockets: Vec<(String, SocketFile, Streams)>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    channel: Arc<Channel>,
    transport: &'static str,
    place: String,
    follows_files: bool,
    /// The file that says what its records mean.
    mapping: Option<PathBuf>,
}

/// One collector for the health page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its transport.
    pub transport: &'static str,
    /// Its dialect.
    pub dialect: &'static str,
    /// Where it reads.
    pub place: String,
    /// How it stands.
    pub standing: Standing,
    /// When its last record arrived since the start, in microseconds since 1970 UTC.
    pub last_record: Option<i64>,
    /// Files that it follows.
    pub files: i64,
    /// Bytes in these files that were not yet read; `None` if nobody can know how much there is.
    pub lag_bytes: Option<u64>,
    /// How long ago the newest row happened that it was given, where it asks for rows; in seconds.
    pub lag_seconds: Option<u64>,
    /// Records that arrived since the start.
    pub records: u64,
    /// Records that were kept without being understood since the start.
    pub unparsed: u64,
    /// Events that were recorded since the start.
    pub events: u64,
    /// Requests for it that were refused since the start.
    pub refused_requests: u64,
}

/// Why the collectors do not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file of names is not in order.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// The file of prices cannot be read.
    #[error("the file of prices {} cannot be read: {source}", path.display())]
    PricesRead {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file of prices is not in order.
    #[error("{}: {source}", path.display())]
    Prices {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PriceError,
    },
    /// A collector's configuration is not in order.
    #[error("collector {name}: {message}")]
    Collector {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Collectors {
    /// Starts the collectors of a configuration that was checked. Call it inside a runtime, on a thread where blocking is
    /// allowed: it reads the ledger's last rows to rebuild the memory of duplicates and joins.
    ///
    /// `ledger` is the `events` ledger and `key` the installation's fingerprint key. When `stop` is cancelled, sources
    /// are read no further; [`Collectors::stop`] waits until what was read is durable.
    pub fn start(
        config: &Config,
        ledger: &Ledger,
        key: [u8; 32],
        authorize: Arc<dyn Authorize>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let names = config.names.as_deref().map_or_else(|| Ok(Names::default()), Names::read)?;
        let finisher = Finisher::new(key, prices(config)?);
        let pipeline = Arc::new(Pipeline::open(ledger, &key, finisher, names, metrics)?);
        let collectors = Self::run(config, &pipeline, Collector::principal, authorize, stop)?;
        if let Some(durable) = ledger.reader().watch() {
            collectors.tasks.spawn(pipeline.keep(durable, collectors.stop.clone()));
        }
        Ok(collectors)
    }

    /// Starts the collectors of a configuration that was checked, for another machine that records what they read. Call it inside a
    /// runtime. `key` is the spool's own.
    pub fn relay(
        config: &Config,
        spool: Arc<dyn Spool>,
        key: [u8; 32],
        authorize: Arc<dyn Authorize>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let pipeline = Arc::new(Pipeline::relay(spool, &key, metrics));
        // Whom to believe is for the machine that records: here everything is passed on.
        Self::run(config, &pipeline, |_, _| Principal::local(), authorize, stop)
    }

    fn run(
        config: &Config,
        pipeline: &Arc<Pipeline>,
        principal: impl Fn(&Collector, &dyn Dialect) -> Principal,
        authorize: Arc<dyn Authorize>,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let (tasks, mut routes, mut running) = (TaskTracker::new(), Vec::new(), Vec::new());
        let (mut listening, mut sockets) = (Vec::new(), Vec::new());
        let push = Push::new(Arc::clone(pipeline), authorize, stop.clone(), tasks.clone());
        for collector in &config.collectors {
            let failed = |message: String| StartError::Collector { name: collector.name.clone(), message };
            let transport = transport::by_name(&collector.transport)
                .ok_or_else(|| failed(format!("there is no transport {:?}", collector.transport)))?;
            let dialect = collector.chosen_dialect().map_err(failed)?;
            if let ChosenDialect::Mapped(mapping) = &dialect {
                tell_of_tests(&collector.name, mapping);
            }
            let principal = Arc::new(principal(collector, &*dialect));
            let build = if collector.backfill { Channel::backfill } else { Channel::new };
            let channel = build(&collector.name, dialect, pipeline.metrics());
            let place = collector.place();
            running.push(Running {
                channel: Arc::clone(&channel),
                transport: transport.name(),
                place: place.clone(),
                follows_files: transport.follows_files(),
                mapping: collector.mapping.clone(),
            });
            let start = Start {
                channel,
                transport: transport.name(),
                place: &place,
                principal,
                settings: &collector.settings,
                pipeline,
                stop: &stop,
                push: &push,
            };
            match transport.start(start).map_err(failed)? {
                Work::Task(task) => drop(tasks.spawn(task)),
                Work::Blocking(work) => drop(tasks.spawn_blocking(work)),
                Work::Routes(of_collector) => routes.push(of_collector),
                Work::Listen(addresses) => {
                    listening.extend(addresses.into_iter().map(|address| (collector.name.clone(), address)));
                }
                Work::Socket(file, streams) => sockets.push((collector.name.clone(), file, streams)),
            }
        }
        let router = push.router(routes);
        let pipeline = Arc::clone(pipeline);
        Ok(Self { pipeline, running: running.into(), router, listening, sockets, stop, tasks })
    }

    /// The routes of pushed events, to be bound to a listener.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The addresses on which collectors wait for connections, each with the collector's name; they are given once.
    pub fn take_listening(&mut self) -> Vec<(String, Listening)> {
        std::mem::take(&mut self.listening)
    }

    /// The sockets on which collectors wait for connections, each with the collector's name; they are given once.
    pub fn take_sockets(&mut self) -> Vec<(String, SocketFile, Streams)> {
        std::mem::take(&mut self.sockets)
    }

    /// What the collectors share.
    #[cfg(test)]
    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Reads the files of names, of prices and of mappings again; a bad file keeps all of the old ones. Says whether the prices are others.
    pub fn reload(&self, config: &Config) -> Result<bool, StartError> {
        let names = config.names.as_deref().map_or_else(|| Ok(Names::default()), Names::read)?;
        let prices = prices(config)?;
        let mut mappings = Vec::new();
        for running in self.running.iter() {
            let Some(path) = &running.mapping else { continue };
            let failed = |error: MappingError| {
                let (name, message) = (running.channel.name().to_owned(), error.to_string());
                StartError::Collector { name, message }
            };
            mappings.push((&running.channel, Arc::new(Mapping::read(path).map_err(failed)?)));
        }
        for (channel, mapping) in mappings {
            tell_of_tests(channel.name(), &mapping);
            channel.remap(mapping);
        }
        self.pipeline.rename(names);
        Ok(self.pipeline.reprice(prices))
    }

    /// The prices that are in force.
    pub fn prices(&self) -> Arc<PriceTable> {
        self.pipeline.prices()
    }

    /// Tells how the collectors are, as long as anybody wants to know.
    pub fn watch(&self) -> Watch {
        Watch { running: Arc::clone(&self.running), refusals: self.pipeline.metrics().refusals().clone() }
    }

    /// Stops: no more is read, and what was read becomes durable. Stop the listener of the router at the same time, and
    /// the ledger after it.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Tells how collectors are.
#[derive(Clone)]
pub struct Watch {
    running: Arc<[Running]>,
    refusals: Refusals,
}

impl Watch {
    /// Why records were skipped or not understood, by collector, with samples after redaction.
    pub fn reasons(&self) -> BTreeMap<String, BTreeMap<String, Reason>> {
        let of = |running: &Running| (running.channel.name().to_owned(), running.channel.samples());
        self.running.iter().map(of).collect()
    }

    /// The collectors, in the order of the configuration.
    pub fn status(&self) -> Vec<Status> {
        let status = |running: &Running| {
            let channel = &running.channel;
            Status {
                name: channel.name().to_owned(),
                transport: running.transport,
                dialect: channel.dialect().name(),
                place: running.place.clone(),
                standing: channel.standing(),
                last_record: channel.last_record(),
                files: channel.metrics().files.get(),
                lag_bytes: running.follows_files.then(|| channel.metrics().lag.get().max(0) as u64),
                lag_seconds: channel.lag().map(|lag| lag.as_secs()),
                records: channel.metrics().records.get(),
                unparsed: channel.metrics().unparsed.get(),
                events: channel.metrics().events.get(),
                refused_requests: self.refusals.of(channel.name()),
            }
        };
        self.running.iter().map(status).collect()
    }
}

/// Tells the log which tests of a mapping fail. It is used all the same: what arrives meanwhile is better read by it than not at all.
fn tell_of_tests(collector: &str, mapping: &Mapping) {
    for failure in mapping.run_tests() {
        tracing::warn!(collector, test = failure.name, what = failure.what, "a test of the mapping fails");
    }
}

/// The prices that a configuration names: those of its file, or the built-in ones.
pub fn prices(config: &Config) -> Result<PriceTable, StartError> {
    let Some(path) = &config.prices else { return Ok(PriceTable::embedded()) };
    let text = read_text(path, limits::PRICES_FILE_BYTES_MAX);
    let text = text.map_err(|source| StartError::PricesRead { path: path.clone(), source })?;
    PriceTable::parse(&text).map_err(|source| StartError::Prices { path: path.clone(), source })
}
