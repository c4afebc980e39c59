//! The `[export]` table of the configuration: one `[[export.sinks]]` per sink. Common settings stand beside the sink's own.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::{LedgerName, Timestamp};
use operations::alert::{Alert, Severity};
use operations::field_names;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::connections::Reach;
use crate::connections::proxy::Proxy;
use crate::delivery::route::Routes;
use crate::hash::sha256;
use crate::limits::{IN_FLIGHT, IN_FLIGHT_MAX, INTERVAL_MS_MAX, REQUEST_TIMEOUT, SINK_NAME_MAX, SINKS_MAX};
use crate::message::BatchLimits;
use crate::receipts::ask::check_read;
use crate::record::{Filter, Grouping};
use crate::schemas::{self, SchemaSpec};
use crate::selection::Selection;
use crate::sink::{AnySink, SinkSpec, Start};
use crate::sinks::SINKS;
use crate::streams::renderer::{FieldPolicy, Renderer};
use operations::secret::Secret;

/// What the configuration says about export.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The sinks.
    pub sinks: Vec<SinkConfig>,
    /// Which alerts go to which of those that take alerts; a sink that no route names gets every alert.
    pub routes: Routes,
    /// Which alerts are told together. It comes from the policy on alerts.
    #[serde(skip)]
    pub grouping: Grouping,
}

/// Where events and alerts are sent, one table for each receiver. A change is taken over on SIGHUP. `type` says which kind of receiver it
/// is, one of those below; beside it stand the settings that every sink has, and those of its type.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// The sink's name: the subject of its receipts. A sink under a new name starts anew.
    pub name: String,
    /// Where a sink without a receipt starts. Without it one that people read starts `now`, a SIEM at the `beginning`.
    #[serde(default)]
    pub start: Option<Start>,
    /// Whether it stands still. Nothing is lost meanwhile.
    #[serde(default)]
    pub paused: bool,
    /// Whether the receiver may have a private address.
    #[serde(default)]
    pub allow_private: bool,
    /// A PEM file with the receiver's certificate authority.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the sink's own certificate, for receivers that ask for one; the authorities between may follow it, which mail with STARTTLS leaves out. It is read when the sink starts.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Where the key of that certificate lies, in PEM and not encrypted.
    #[serde(default)]
    pub key_file: Option<Secret>,
    /// The proxy that everything to the receiver goes through; those of the environment are not used. With a name and a password in it, it is
    /// given by where it lies. The proxy resolves the receiver's name, so `allow_private` is about the proxy's own address then, and a
    /// receiver that is given as an address which is not public is refused.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Seconds for one request.
    #[schemars(range(min = 1, max = 600))]
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// Milliseconds in which one more message may go; each kind of sink has its own default. A few may go at once.
    #[schemars(range(max = INTERVAL_MS_MAX))]
    #[serde(default)]
    pub interval_ms: Option<u64>,
    /// Batches that may be on their way at once; without it 4 where the receiver allows more than one. After a kill as many are sent again.
    #[schemars(range(min = 1, max = IN_FLIGHT_MAX))]
    #[serde(default)]
    pub in_flight: Option<u8>,
    /// Kinds of events that it gets; empty means every kind.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// What must hold of a record, in the grammar of docs/filter.md, such as `team:payments -kind:resource`; for receivers of everything.
    #[serde(default)]
    pub filter: operations::filter::Filter,
    /// The schema that its records are said in, one of those below, for receivers of everything. Without it the first one that its type takes.
    #[serde(default)]
    pub schema: Option<String>,
    /// The mildest alerts that it gets.
    #[serde(default = "info")]
    pub severity: Severity,
    /// What happens to single columns of events. Content and the raw `record` are dropped unless this says otherwise.
    #[serde(default)]
    pub fields: FieldPolicy,
    /// Settings of its type that hold in place of its own when `receipts compare` asks the destination for what it has, such as another key: the one
    /// that writes need not read. An empty text leaves a setting out.
    #[serde(default)]
    pub read: Map<String, Value>,
}

impl Common {
    /// The names of the settings that every sink has, beside `type` and its own.
    pub fn field_names() -> &'static [&'static str] {
        field_names(Self::deserialize)
    }
}

fn timeout_seconds() -> u64 {
    REQUEST_TIMEOUT.as_secs()
}

fn info() -> Severity {
    Severity::Info
}

/// Settings that there were once, or that many look for, of one kind of sink or of all, and what to write instead.
const GONE: [(Option<&str>, &str, &str); 2] = [
    (None, "console", "there are no pages yet that a message could lead to; leave the setting out"),
    (Some("syslog"), "tls", "write transport = \"tls\" for tls = true, and transport = \"tcp\" for tls = false"),
];

/// One sink. Secrets are references, so this may be printed.
#[derive(Clone)]
pub struct SinkConfig {
    /// What every sink has.
    pub common: Common,
    /// The kind of sink.
    pub spec: &'static SinkSpec,
    /// Its own settings as they were written.
    pub settings: Map<String, Value>,
    /// The sink that they make.
    pub(crate) sink: AnySink,
    /// The schema that its records are said in, if it takes everything.
    schema: Option<&'static SchemaSpec>,
    /// The routes, if one of them names the sink.
    routes: Option<Arc<Routes>>,
    grouping: Arc<Grouping>,
}

impl fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkConfig")
            .field("common", &self.common)
            .field("type", &self.spec.kind)
            .finish_non_exhaustive()
    }
}

impl PartialEq for SinkConfig {
    fn eq(&self, other: &Self) -> bool {
        self.common == other.common && self.spec.kind == other.spec.kind && self.settings == other.settings
    }
}

impl<'de> Deserialize<'de> for SinkConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_settings(Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl SinkConfig {
    /// Reads one sink from its settings. The message names the sink and the setting.
    pub fn from_settings(mut settings: Map<String, Value>) -> Result<Self, String> {
        let common: Map<String, Value> = Common::field_names()
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), settings.remove(*name)?)))
            .collect();
        let common: Common =
            serde_json::from_value(Value::Object(common)).map_err(|error| format!("a sink: {error}"))?;
        let name = common.name.clone();
        let kinds = || SINKS.iter().map(|spec| spec.kind).collect::<Vec<_>>().join(", ");
        let kind =
            settings.remove("type").ok_or_else(|| format!("sink {name}: type is missing; it is one of {}", kinds()))?;
        let spec = SINKS
            .iter()
            .find(|spec| kind == spec.kind)
            .ok_or_else(|| format!("sink {name}: {kind} is not a type of sink; it is one of {}", kinds()))?;
        let gone =
            GONE.iter().find(|(of, gone, _)| of.is_none_or(|of| of == spec.kind) && settings.contains_key(*gone));
        if let Some((_, gone, why)) = gone {
            return Err(format!("sink {name}: unknown field `{gone}`: {why}"));
        }
        if let Some(stranger) = settings.keys().find(|name| !(spec.fields)().contains(&name.as_str())) {
            let known = [(spec.fields)(), Common::field_names(), &["type"]].concat().join("`, `");
            return Err(format!("sink {name}: unknown field `{stranger}`, expected one of `{known}`"));
        }
        let sink =
            spec.class.parse(Value::Object(settings.clone())).map_err(|error| format!("sink {name}: {error}"))?;
        let schema = schema_of(&common, &sink).map_err(|error| format!("sink {name}: {error}"))?;
        let config = Self { common, spec, settings, sink, schema, routes: None, grouping: Arc::default() };
        check_read(&config).map_err(|error| format!("sink {name}: read: {error}"))?;
        Ok(config)
    }

    /// Whether nothing is different that a worker of it follows: settings, and for receivers of alerts what goes to them and what is told
    /// together.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let delivers = self.spec.class.is_delivery();
        self == other && self.routes == other.routes && (!delivers || self.grouping == other.grouping)
    }

    /// Which rows of a ledger it gets, and how they become records. `key` is the installation's key, for hashed columns, and `origin` that of
    /// the ledger's log.
    pub(crate) fn selection(&self, key: [u8; 32], origin: &str) -> Selection {
        let selection = Selection::new(self.filter(), Renderer::new(self.common.fields.clone(), key));
        let selection = match self.schema {
            Some(schema) => selection.said_in(schema, format!("{origin}/{}", self.common.name), self.rendering(schema)),
            None => selection,
        };
        match &self.sink {
            AnySink::Stream(sink) if sink.filling().is_some() => selection.said_only(),
            AnySink::Stream(sink) if !sink.reads_columns() => selection.without_columns(),
            _ => selection,
        }
    }

    /// The schema that its records are said in, if it takes everything.
    pub(crate) fn schema(&self) -> Option<&'static SchemaSpec> {
        self.schema
    }

    /// The name of everything that records follow from: the schema with the version of its mapping, and a hash of what selects rows and columns.
    /// As long as it is the same, the same rows become the same records.
    fn rendering(&self, schema: &SchemaSpec) -> String {
        let Common { kinds, filter, severity, fields, .. } = &self.common;
        let settings = serde_json::json!([kinds, filter, severity, fields]).to_string();
        let hash = sha256(settings.as_bytes());
        format!("{}/{} {}", schema.name, schema.mapping, hash.get(..16).unwrap_or(&hash))
    }

    /// Which rows it gets.
    pub fn filter(&self) -> Filter {
        Filter {
            kinds: self.common.kinds.clone(),
            severity: self.common.severity,
            alerts_only: self.spec.class.is_delivery(),
            sink: self.common.name.clone(),
            routes: self.routes.clone(),
            grouping: self.grouping.clone(),
            rows: self.common.filter.clone(),
        }
    }

    /// How many batches may be on their way at once. A bound on messages in time needs them one by one.
    pub(crate) fn in_flight(&self) -> usize {
        match &self.sink {
            AnySink::Stream(stream) if self.limits().interval.is_zero() => {
                self.common.in_flight.unwrap_or(IN_FLIGHT).min(stream.in_flight_max()).into()
            }
            _ => 1,
        }
    }

    /// What one batch holds, and how often a message goes.
    pub(crate) fn limits(&self) -> BatchLimits {
        let limits = self.sink.erased().batch_limits();
        let interval = self.common.interval_ms.map_or(limits.interval, Duration::from_millis);
        BatchLimits { interval, ..limits }
    }

    /// The sink under these routes. One that no route names, or that takes more than alerts, is not routed.
    #[must_use]
    pub fn routed(mut self, routes: &Arc<Routes>) -> Self {
        self.routes = (routes.name(&self.common.name) && self.spec.class.is_delivery()).then(|| routes.clone());
        self
    }

    /// The sink with what is told together.
    #[must_use]
    pub fn grouped(mut self, grouping: &Arc<Grouping>) -> Self {
        self.grouping = grouping.clone();
        self
    }

    /// The secret with which its receiver signs what people do with messages, if anybody listens to that.
    pub fn signing_secret(&self) -> Option<&Secret> {
        self.sink.erased().signing_secret()
    }

    /// How far its connection may reach. `origin` is that of the ledger's log.
    pub(crate) fn reach(&self, origin: &str) -> Reach {
        let Common { name, allow_private, ca_file, certificate_file, key_file, proxy, timeout_seconds, .. } =
            &self.common;
        Reach {
            sink: name.clone(),
            origin: origin.to_owned(),
            allow_private: *allow_private,
            ca_file: ca_file.clone(),
            identity: certificate_file.clone().zip(key_file.clone()),
            proxy: proxy.clone(),
            timeout: Duration::from_secs(*timeout_seconds),
        }
    }

    /// Where it starts in a ledger that it never exported from.
    pub fn start(&self) -> Start {
        self.common.start.unwrap_or(self.spec.class.start())
    }

    /// Whether the content part of this ledger is read for it.
    pub(crate) fn needs_content(&self, ledger: LedgerName) -> bool {
        let asked = || !self.common.filter.content_columns(ledger).is_empty();
        ledger == LedgerName::Events && (self.common.fields.needs_content() || asked())
    }

    /// Secrets that are not set and files that cannot be read. The sink waits for them.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> = self.sink.sender(&self.reach("")).err().into_iter().collect();
        missing.extend(self.missing_secrets());
        missing
    }

    /// The secrets among them.
    pub(crate) fn missing_secrets(&self) -> Vec<String> {
        self.secrets().filter_map(|(name, secret)| Some(format!("{name}: {}", secret.read().err()?))).collect()
    }

    /// A setting whose value has the form of a reference is one: none of the others begins so.
    fn secrets(&self) -> impl Iterator<Item = (&str, Secret)> {
        self.settings.iter().filter_map(|(name, value)| {
            let secret = Secret::try_from(value.as_str()?.to_owned()).ok()?;
            Some((name.as_str(), secret))
        })
    }

    /// Where it sends, for people: as much of the address as holds no secret, or where the address lies.
    pub fn place(&self) -> String {
        let text = |name: &str| self.settings.get(name).and_then(Value::as_str);
        if let Some(url) = text("url").and_then(|url| reqwest::Url::parse(url).ok()) {
            return url.origin().ascii_serialization();
        }
        let brokers = self.settings.get("brokers").and_then(Value::as_array);
        if let Some(brokers) = brokers {
            return brokers.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        }
        let secret = || self.secrets().next().map(|(_, secret)| secret.to_string());
        let place = ["server", "bucket", "container", "folder"].into_iter().find_map(text);
        place.map(str::to_owned).or_else(secret).unwrap_or_default()
    }

    fn check(&self) -> Result<(), String> {
        let Common { name, timeout_seconds, interval_ms, in_flight, fields, certificate_file, key_file, .. } =
            &self.common;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if name.is_empty() || name.len() > SINK_NAME_MAX || !plain {
            return Err(format!("a name has 1 to {SINK_NAME_MAX} letters, digits, '-', '_' and '.'"));
        }
        if !(1..=600).contains(timeout_seconds) {
            return Err(format!("timeout_seconds is {timeout_seconds}; it must be 1 to 600"));
        }
        let at_once = match &self.sink {
            AnySink::Stream(stream) => stream.in_flight_max(),
            AnySink::Delivery(_) => 1,
        };
        if in_flight.is_some_and(|in_flight| !(1..=at_once).contains(&in_flight)) {
            return Err(format!("in_flight must be 1 to {at_once} for a sink of this type"));
        }
        if interval_ms.is_some_and(|interval| interval > INTERVAL_MS_MAX) {
            return Err(format!("interval_ms must be at most {INTERVAL_MS_MAX}"));
        }
        if certificate_file.is_some() != key_file.is_some() {
            return Err("certificate_file and key_file go together".to_owned());
        }
        if let Some(column) = fields.unknown_column() {
            return Err(format!("fields: {column} is not a column of events"));
        }
        Ok(())
    }
}

/// The schema that a sink's records are said in. The error says which there are.
fn schema_of(common: &Common, sink: &AnySink) -> Result<Option<&'static SchemaSpec>, String> {
    let AnySink::Stream(stream) = sink else {
        return match (&common.schema, common.filter.is_empty()) {
            (None, true) => Ok(None),
            (Some(_), _) => Err("schema is for receivers of every record; this one is told of alerts".to_owned()),
            (_, false) => Err("filter is for receivers of every record; a route says which alerts go here".to_owned()),
        };
    };
    let taken = stream.schemas();
    let Some(name) = &common.schema else { return Ok(taken.first().copied()) };
    let found = taken.iter().copied().find(|schema| schema.name == name);
    found.map(Some).ok_or_else(|| format!("schema {name} is not one of {}", schemas::names(taken)))
}

impl Config {
    /// What the sinks need and is not there: secrets that are not set and files that cannot be read. A sink waits for them.
    pub fn missing(&self) -> Vec<ConfigError> {
        let of = |sink: &SinkConfig| {
            let missing = sink.missing().into_iter();
            missing.map(|message| ConfigError { sink: sink.common.name.clone(), message }).collect::<Vec<_>>()
        };
        self.sinks.iter().flat_map(of).collect()
    }

    /// Checks what types cannot: names, ranges, columns.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.sinks.len() > SINKS_MAX {
            return Err(ConfigError { sink: String::new(), message: format!("there are more than {SINKS_MAX}") });
        }
        let mut names = BTreeSet::new();
        for sink in &self.sinks {
            let failed = |message| ConfigError { sink: sink.common.name.clone(), message };
            sink.check().map_err(failed)?;
            if !names.insert(&sink.common.name) {
                return Err(failed("there are two sinks of this name".to_owned()));
            }
        }
        self.routes.check(|name| self.is_receiver(name)).map_err(|message| ConfigError { sink: String::new(), message })
    }

    /// The sink of this name.
    pub fn sink(&self, name: &str) -> Option<&SinkConfig> {
        self.sinks.iter().find(|sink| sink.common.name == name)
    }

    /// Whether a sink of this name takes alerts only, as those do that people read.
    pub fn is_receiver(&self, name: &str) -> bool {
        self.sink(name).is_some_and(|sink| sink.spec.class.is_delivery())
    }

    /// The names of the sinks to which an alert goes that is recorded at `at`, as far as severities and routes decide.
    pub fn receivers(&self, alert: &Alert, at: Timestamp) -> Vec<String> {
        let routes = Arc::new(self.routes.clone());
        let follows = |sink: &&SinkConfig| sink.spec.class.ledgers().contains(&LedgerName::Operations);
        let sinks = self.sinks.iter().filter(follows).map(|sink| sink.clone().routed(&routes));
        sinks.filter(|sink| sink.filter().leads_to(alert, at)).map(|sink| sink.common.name.clone()).collect()
    }
}

/// A sink's settings are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if sink.is_empty() { "export: ".to_owned() } else { format!("export.sinks {sink}: ") })]
pub struct ConfigError {
    /// The sink; empty if it is about none in particular.
    pub sink: String,
    /// Which setting, and what it may be.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(sinks: &Value) -> Result<Config, String> {
        let config: Config = serde_json::from_value(json!({ "sinks": sinks })).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn sinks_are_read_and_mistakes_are_named() {
        let slack = json!({"name": "soc", "type": "slack", "webhook": "env:SLACK", "severity": "high"});
        let config = read(&json!([slack])).unwrap();
        assert_eq!(config.sink("soc").unwrap().start(), Start::Now);
        let cases = [
            (json!([{"type": "slack"}]), "name"),
            (json!([{"name": "a"}]), "splunk_hec, slack"),
            (json!([{"name": "a", "type": "slak"}]), "slack"),
            (json!([{"name": "a", "type": "slack", "webhook": "https://hooks.slack.example/hunter2"}]), "env:NAME"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "webhok": 1}]), "webhok"),
            (json!([{"name": "a b", "type": "slack", "webhook": "env:A"}]), "letters"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "fields": {"hots": "drop"}}]), "hots"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "timeout_seconds": 0}]), "timeout_seconds"),
            (json!([{"name": "a", "type": "splunk_hec", "url": "splunk", "token": "env:A"}]), "url"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "certificate_file": "/a"}]), "go together"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "key_file": "hunter2"}]), "env:NAME"),
            (json!([{"name": "a", "type": "slack", "webhook": "env:A", "proxy": "http://u:hunter2@p"}]), "file:PATH"),
            (json!([slack, slack]), "two sinks"),
            (
                json!([{"name": "a", "type": "slack", "webhook": "env:A", "console": "https://c.example"}]),
                "no pages yet",
            ),
        ];
        for (sinks, expected) in cases {
            let error = read(&sinks).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
