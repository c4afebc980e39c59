//! The configuration file: one TOML that joins the tables of all packages.
//!
//! Reading it opens no file, no socket and no secret besides the file itself; `check` finds what types cannot.

mod budget;
pub mod edge;
pub mod oidc;
mod problems;
mod reference;
pub mod rules;
#[cfg(test)]
mod shape;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use detect_rules::user::Depth;
use export::{Secret, SinkConfig};
use ingest::config::Collector;
use operations::kind::budget_request::Set;
use operations::triage::Policy;
use query::compute::RateTable;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::certificate::{self, Trouble};
use crate::cli::DataLocation;
use crate::exit::{self, Failure};
use crate::limits;

pub use problems::Problem;
pub use reference::reference;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the data lies.
    pub store: Store,
    /// Where connections are accepted.
    pub listen: Listen,
    /// The OpenID provider by which people come to the console.
    pub oidc: Option<oidc::Oidc>,
    /// Files that all collectors share.
    pub ingest: Ingest,
    /// What workspaces cost beside the calls of models.
    pub compute: Compute,
    /// The collectors: transports joined with dialects.
    #[serde(rename = "collector")]
    pub collectors: Vec<Collector>,
    /// What detectors look for.
    pub detect: detect_runner::Config,
    /// Hard caps on money.
    #[serde(rename = "budget")]
    pub budgets: Vec<budget::Budget>,
    /// What belongs together, what hides what, and who hears next.
    pub alerts: Policy,
    /// Where events and alerts are sent.
    #[serde(rename = "sink")]
    #[schemars(with = "Vec<export::Common>")]
    pub sinks: Vec<SinkConfig>,
    /// Which alerts go to which sinks.
    #[serde(rename = "route")]
    pub routes: export::Routes,
    /// The sign of life to an address outside.
    pub heartbeat: Option<export::HeartbeatConfig>,
    /// What queries may take.
    pub query: Query,
}

/// Where the data lies. A change needs a restart.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The data directory that `tachograph init` made.
    pub data: PathBuf,
    /// Free space on its disk below which events are refused with 507, so that sealing, alerts and receipts go on (down to a quarter of it).
    /// The default is two of the largest segments: a smaller one may stop sealing on a full disk.
    pub reserve_bytes: u64,
    /// Seconds after which recorded events are sealed into Parquet files at the latest; earlier, once there are about 127,000 of them or 64 MiB.
    pub seal_seconds: NonZeroU32,
}

impl Default for Store {
    fn default() -> Self {
        let ledger::Options { reserve_bytes, segment_age_max, .. } = ledger::Options::default();
        let seconds = u32::try_from(segment_age_max.as_secs()).ok().and_then(NonZeroU32::new);
        Self { data: PathBuf::from("data"), reserve_bytes, seal_seconds: seconds.unwrap_or(NonZeroU32::MAX) }
    }
}

/// Where connections are accepted. A change of an address needs a restart; the rest is read again on SIGHUP.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address of the console: the API, metrics and health.
    pub console: SocketAddr,
    /// Address of intake.
    pub ingest: SocketAddr,
    /// Names by which people ask the console, such as `["tachograph.acme.example"]`. Addresses and `localhost` always go; a request under
    /// another name is answered 421, since a page in somebody's browser could make its own name mean this server.
    #[schemars(length(max = limits::LISTEN_NAMES_MAX))]
    pub names: Vec<String>,
    /// A PEM file with the certificate that the listeners show and the rest of its chain. With it they speak TLS 1.2 and 1.3 and nothing
    /// else: a request without TLS is answered 421. Without it they speak plain HTTP. Open connections go on as they began, and a pair
    /// that cannot be used changes nothing, which the log, `/readyz` and the metric `tachograph_certificate_last_reload_successful` tell.
    pub certificate: Option<PathBuf>,
    /// Where the key of the certificate lies, in PEM and not encrypted.
    pub key: Option<Secret>,
    /// The listeners that speak TLS. Without it all of them, if there is a certificate.
    pub tls: Option<Vec<ListenerName>>,
    /// A PEM file of authorities: whoever connects to intake shows a certificate of one of them. It says who may connect; who sends is still
    /// the token's word. Lists of revoked certificates are not read. Without it nobody is asked.
    pub client_certificate_authorities: Option<PathBuf>,
}

/// A listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListenerName {
    /// The API, metrics and health.
    Console,
    /// Intake.
    Ingest,
}

impl ListenerName {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Console, Self::Ingest];

    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Ingest => "ingest",
        }
    }
}

impl Listen {
    /// Where connections are accepted: of the console, and of intake.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.console, self.ingest]
    }

    /// Why what passes by this listener can be read on its way, if it can.
    pub fn bare(&self, name: ListenerName, secure: bool) -> Option<String> {
        let address = match name {
            ListenerName::Console => self.console,
            ListenerName::Ingest => self.ingest,
        };
        let bare = !secure && !address.ip().is_loopback();
        bare.then(|| {
            let name = name.as_str();
            format!(
                "listen.{name} is {address}, beyond this machine, and speaks plain HTTP: tokens and events can be read on \
                 their way; set `certificate` and `key` in [listen], or put a TLS proxy in front"
            )
        })
    }
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            console: local(7070),
            ingest: local(7071),
            names: Vec::new(),
            certificate: None,
            key: None,
            tls: None,
            client_certificate_authorities: None,
        }
    }
}

/// Files that all collectors share.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// A file that says which API key, workspace, user and team belong together. Read again on SIGHUP.
    pub names: Option<PathBuf>,
    /// A file of prices in place of the built-in table, in the form of `ingest/prices.toml`. Read again on SIGHUP; which prices are in force
    /// is logged, is an entry of kind `prices` in `operations`, and is told by `doctor`.
    pub prices: Option<PathBuf>,
}

/// What workspaces cost beside the calls of models.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Compute {
    /// A file of rates, in the form of `examples/rates.toml`; see docs/compute.md. Without it the view `compute` and the page Spend tell hours and
    /// no money. Read again on SIGHUP; which rates are in force is logged, is an entry of kind `rates` in `operations`, and is told by `doctor`.
    pub rates: Option<PathBuf>,
}

impl Compute {
    /// Reads the table; without a file an empty one.
    pub fn table(&self) -> Result<RateTable, Failure> {
        let table = self.rates.as_deref().map_or_else(|| Ok(RateTable::default()), RateTable::read);
        table.map_err(|error| Failure::config(format!("compute.rates: {error}")))
    }
}

/// What queries may take. A change needs a restart.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Threads that run queries. Without it one per core.
    pub threads: Option<NonZeroUsize>,
    /// Queries at the same time; more are answered with 503. Without it 8.
    pub queries_max: Option<NonZeroUsize>,
}

/// A file that was read, with what is recorded about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// SHA-256 of the file in hexadecimal digits: the name of this configuration in `operations`.
    pub hash: String,
    /// Where it was read.
    pub path: PathBuf,
}

/// Reads and checks a configuration file. Everything that is wrong with it ends in the exit code for that.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    let text = read(path)?;
    let settings = parse(&text).map_err(|error| {
        let mut lines: Vec<String> = problems::find(&text, |_| Vec::new()).iter().map(Problem::to_string).collect();
        if lines.is_empty() {
            lines.push(error);
        }
        Failure::config(format!("{}: {}", path.display(), lines.join("\n")))
    })?;
    Ok(Loaded { settings, hash: hash(&text), path: path.to_owned() })
}

/// A file that was looked at, whether it is in order or not.
#[derive(Debug)]
pub struct Examined {
    /// SHA-256 of the file in hexadecimal digits.
    pub hash: String,
    /// Everything that is wrong with it, and what it names and is not there.
    pub problems: Vec<Problem>,
    /// What is in order and still worth a look.
    pub warnings: Vec<String>,
}

/// Looks for everything that is wrong with a configuration file and around it. It reads the files and secrets that the
/// configuration names, and connects to nobody.
pub fn examine(path: &Path) -> Result<Examined, Failure> {
    let text = read(path)?;
    if edge::is_edge(&text) {
        return Ok(Examined { hash: hash(&text), problems: edge::examine(&text), warnings: Vec::new() });
    }
    let mut warnings = Vec::new();
    let problems = problems::find(&text, |settings| {
        let mut problems = settings.missing();
        for trouble in certificate::troubles(&settings.listen) {
            match trouble {
                Trouble::Refused(message) => problems.push(Problem::around(message)),
                Trouble::Look(message) => warnings.push(message),
            }
        }
        problems
    });
    Ok(Examined { hash: hash(&text), problems, warnings })
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn read(path: &Path) -> Result<String, Failure> {
    let io = |error: std::io::Error| {
        Failure::new(exit::CONFIG, anyhow::Error::from(error).context(format!("cannot read {}", path.display())))
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(limits::CONFIG_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > limits::CONFIG_BYTES_MAX {
        return Err(Failure::config(format!("{}: larger than {} bytes", path.display(), limits::CONFIG_BYTES_MAX)));
    }
    Ok(text)
}

/// Parses and checks the text of a configuration file.
fn parse(text: &str) -> Result<Settings, String> {
    let settings: Settings = toml::from_str(text).map_err(|error| {
        // The error's own form quotes the line, which may hold a secret that somebody wrote where a reference belongs.
        let line = error.span().map(|span| problems::line(text, span.start));
        line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
    })?;
    settings.problems().into_iter().next().map_or(Ok(settings), Err)
}

impl Settings {
    /// What types cannot find. Not everything, if something hides something else; `problems::find` takes it apart.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.listen.console == self.listen.ingest && self.listen.console.port() != 0 {
            problems.push("listen.console and listen.ingest are the same address; give each its own port".to_owned());
        }
        if self.listen.names.len() > limits::LISTEN_NAMES_MAX {
            problems.push(format!("listen.names has more than {} names", limits::LISTEN_NAMES_MAX));
        }
        problems.extend(self.oidc.iter().flat_map(|oidc| oidc.problems(&self.listen.names)));
        problems.extend(self.intake().check().iter().map(of_collectors));
        let sinks = self.sinks();
        problems.extend(sinks.check().err().as_ref().map(of_sinks));
        problems.extend(self.heartbeat.iter().filter_map(|heartbeat| heartbeat.check().err()));
        problems.extend(self.budget_sets().err());
        problems.extend(self.alerts.check().err().map(|error| error.to_string()));
        let strangers = self.alerts.check_receivers(|name| sinks.is_receiver(name));
        problems.extend(strangers.iter().map(ToString::to_string));
        problems.extend(self.detect.check().err().map(|error| error.to_string()));
        problems
    }

    /// Files, directories and secrets that the configuration names and that are not there or not in order.
    fn missing(&self) -> Vec<Problem> {
        let collectors = self.intake().missing();
        let sinks = self.sinks().missing();
        let mut problems: Vec<String> = collectors.iter().map(of_collectors).collect();
        problems.extend(sinks.iter().map(of_sinks));
        problems.extend(self.oidc.iter().flat_map(oidc::Oidc::missing));
        problems.extend(self.heartbeat.iter().filter_map(|heartbeat| {
            let missing = heartbeat.url.read().err().map(|error| error.to_string());
            missing.or(export::Heartbeat::new(heartbeat).err()).map(|reason| format!("heartbeat: {reason}"))
        }));
        problems.extend(self.compute.table().err().map(|failure| failure.message()));
        match rules::load(self, Depth::Form) {
            Ok(loaded) => problems.extend(loaded.errors.iter().map(ToString::to_string)),
            Err(failure) => problems.push(format!("detect.user_rules: {}", failure.message())),
        }
        problems.into_iter().map(Problem::around).collect()
    }

    /// The hard budgets by name, as the ledger takes them.
    pub fn budget_sets(&self) -> Result<BTreeMap<String, Set>, String> {
        budget::sets(&self.budgets)
    }

    /// What the package of sinks wants to know.
    pub fn sinks(&self) -> export::Config {
        let window = Duration::from_mins(u64::from(self.alerts.group_minutes));
        let grouping = export::Grouping { columns: self.alerts.group_by.clone(), window };
        let routes = self.routes.clone().under(self.alerts.schedules.clone());
        export::Config { sinks: self.sinks.clone(), routes, grouping }
    }

    /// What the package of collectors wants to know.
    pub fn intake(&self) -> ingest::config::Config {
        let Ingest { names, prices } = self.ingest.clone();
        ingest::config::Config { collectors: self.collectors.clone(), names, prices }
    }
}

/// A problem of a collector: the package counts them, the file lists them one by one.
fn of_collectors(problem: &ingest::config::Problem) -> String {
    problem.to_string().replacen("collectors", "collector", 1)
}

/// The same of a sink.
fn of_sinks(problem: &export::ConfigError) -> String {
    problem.to_string().replacen("export.sinks", "sink", 1)
}

impl DataLocation {
    /// The data directory that the arguments name.
    pub fn data(&self) -> Result<PathBuf, Failure> {
        match (&self.data, &self.config) {
            (Some(data), _) => Ok(data.clone()),
            (None, Some(config)) => Ok(load(config)?.settings.store.data),
            (None, None) => Ok(Store::default().data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people copy from the pages about sources is a configuration.
    #[test]
    fn what_the_pages_of_sources_show_is_taken() {
        let mut shown = 0;
        for page in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sources")).unwrap() {
            let path = page.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
                if block.contains("[[collector") {
                    parse(block).unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
                    shown += 1;
                }
            }
        }
        assert!(shown > 10, "{shown}");
    }

    #[test]
    fn defaults_are_in_order_and_mistakes_are_named() {
        assert_eq!(parse("").unwrap(), Settings::default());
        let check = |text: &str, says: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text:?} says {error:?}, not {says:?}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("[store]\ndir = 1", "dir");
        check("[listen]\nconsole = \"localhost\"", "line 2: invalid socket address");
        check("[listen]\ncertificate = \"a\"\nkey = \"hunter2\"", "env:NAME or file:PATH");
        check("[listen]\ntls = [\"telnet\"]", "telnet");
        check("[listen]\nconsole = \"[::1]:80\"\ningest = \"[::1]:80\"", "same address");
        check("[[collector]]\nname = \"a\"\ntransport = \"telex\"\ndialect = \"coder\"", "collector.a.transport");
        check("[[sink]]\nname = \"a\"\ntype = \"telex\"", "splunk_hec");
        check("[[sink]]\nname = \"a\"\ntype = \"slack\"\nwebhook = \"https://hooks.example/hunter2\"", "env:NAME");
        check("[[route]]\nname = \"a\"\nreceivers = [\"b\"]", "no sink");
        check("[detect.rules.\"no.such\"]", "no.such");
        check("[[alerts.inhibit]]\nname = \"a\"\nsource = [\"ruel=x\"]\ntarget = [\"rule=y\"]", "ruel");
        let step = "[[alerts.escalate]]\nname = \"manager\"\nafter_minutes = 5";
        check(step, "alerts.escalate[0] does nothing");
        check(&format!("{step}\nreceivers = [\"siem\"]"), "alerts.escalate manager: \"siem\" is no sink");
        let budget = |more: &str| format!("[[budget]]\nname = \"a\"\nperiod = \"day\"\n{more}\n");
        check(&budget("cap_usd = -1"), "budget \"a\": cap_usd");
        check(&budget("cap_usd = 1\ncolour = 2"), "colour");
        check(&budget("cap_usd = nan"), "cap_usd");
        check(&budget("cap_usd = 1\nutc_offset_minutes = 900"), "14 hours");
        check(&(budget("cap_usd = 1") + &budget("cap_usd = 1.5")), "twice");
        check(&budget("cap_usd = 1").replace("\"a\"", "\"reserve\""), "API");
        check("[query]\nthreads = 0", "line 2: invalid value: integer `0`");
        check("verbose = true", "verbose");
        check("[store]\n\ndata = hunter2", "line 3: ");
    }
}
