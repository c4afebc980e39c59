//! Collectors and sinks as people and programs ask for them: each with its state, since when, why, what to do, its last event and how
//! far it is behind. The words are those of `operations::standing`; what they mean for operators stands in docs/health.md.
//!
//! `/readyz`, `/healthz`, `doctor` and metrics show the same list.

use export::SinkStatus;
use ingest::collectors::Status;
use ingest::config::Collector;
use ledger::{LedgerName, Reader, Timestamp};
use operations::standing::{Standing, State};
use serde::{Deserialize, Serialize};

use crate::output;

/// What an endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It brings events.
    Collector,
    /// It takes events or alerts.
    Sink,
}

impl Role {
    /// The word in pages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Sink => "sink",
        }
    }
}

/// One collector, or one sink in one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// What it does.
    pub role: Role,
    /// Its name in the configuration.
    pub name: String,
    /// Its transport, or its type of sink.
    pub kind: String,
    /// The dialect of a collector.
    #[serde(default)]
    pub dialect: Option<String>,
    /// The ledger that it fills or follows.
    pub ledger: String,
    /// Where it reads, or where it sends.
    pub place: String,
    /// How it stands.
    pub state: State,
    /// Since when; not known without a server.
    pub since: Option<Moment>,
    /// What is wrong.
    pub reason: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// When the last record arrived, or when the receiver last acknowledged one.
    pub last_event: Option<Moment>,
    /// Bytes in the files of a collector that were not yet read.
    pub lag_bytes: Option<u64>,
    /// Entries that a sink has not yet passed.
    pub lag_entries: Option<u64>,
    /// Age of the oldest of them that was read; of a collector that asks for rows, of the newest one that it got.
    pub lag_seconds: Option<u64>,
    /// Requests for a collector that were refused since the start.
    pub refused_requests: u64,
    /// Records that arrived for a collector since the start,
    #[serde(default)]
    pub records: u64,
    /// those of them that were kept without being understood,
    #[serde(default)]
    pub unparsed: u64,
    /// and the events that came of them.
    #[serde(default)]
    pub events: u64,
    /// Records that the receiver of a sink refused for good and did not take since.
    pub dead_records: u64,
}

/// A moment that is written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(pub Timestamp);

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        output::exact_time(moment.0)
    }
}

impl TryFrom<String> for Moment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ingest::timestamp::parse(&text)
            .map(|micros| Self(Timestamp::from_unix_micros(micros)))
            .ok_or("not a time of RFC 3339")
    }
}

impl Endpoint {
    fn new(role: Role, name: &str, kind: &str, ledger: LedgerName, place: String, standing: Standing) -> Self {
        let Standing { state, since, reason } = standing;
        Self {
            role,
            name: name.to_owned(),
            kind: kind.to_owned(),
            dialect: None,
            ledger: ledger.as_str().to_owned(),
            place,
            state,
            since: Some(Moment(since)),
            reason,
            remedy: state.remedy().map(str::to_owned),
            last_event: None,
            lag_bytes: None,
            lag_entries: None,
            lag_seconds: None,
            refused_requests: 0,
            records: 0,
            unparsed: 0,
            events: 0,
            dead_records: 0,
        }
    }

    /// A collector that runs.
    pub fn of_collector(status: Status) -> Self {
        let Status { name, transport, dialect, place, standing, last_record, lag_bytes, refused_requests, .. } = status;
        let Status { lag_seconds, records, unparsed, events, .. } = status;
        let endpoint = Self::new(Role::Collector, &name, transport, LedgerName::Events, place, standing);
        Self {
            dialect: Some(dialect.to_owned()),
            last_event: last_record.map(|micros| Moment(Timestamp::from_unix_micros(micros))),
            lag_bytes,
            lag_seconds,
            refused_requests,
            records,
            unparsed,
            events,
            ..endpoint
        }
    }

    /// A sink that runs.
    pub fn of_sink(status: SinkStatus) -> Self {
        let SinkStatus { sink, kind, ledger, place, standing, last_ack, lag, lag_seconds, dead, .. } = status;
        let endpoint = Self::new(Role::Sink, &sink, kind, ledger, place, standing);
        let (lag_entries, lag_seconds) = (Some(lag), Some(lag_seconds));
        Self { last_event: last_ack.map(Moment), lag_entries, lag_seconds, dead_records: dead, ..endpoint }
    }

    /// A collector while no server runs, as far as this process can see what it would read.
    fn idle_collector(collector: &Collector) -> Self {
        let (state, reason) = collector.look().map_or((State::Ok, None), |(state, reason)| (state, Some(reason)));
        let standing = Standing { state, since: Timestamp::EPOCH, reason };
        let (name, kind) = (&collector.name, &collector.transport);
        let endpoint = Self::new(Role::Collector, name, kind, LedgerName::Events, collector.place(), standing);
        Self { since: None, dialect: Some(collector.dialect.clone()), ..endpoint }
    }

    /// Where it stands, without its name.
    pub fn finding(&self) -> String {
        let mut text = self.state.as_str().to_owned();
        if let Some(Moment(since)) = self.since {
            text.extend([" since ", &output::time(since)]);
        }
        if let Some(reason) = &self.reason {
            text.extend([": ", reason]);
        }
        if let Some(remedy) = &self.remedy {
            text.extend([" (", remedy, ")"]);
        }
        text.extend(["; ", &self.kind, ", ", &self.place]);
        if let Some(Moment(last)) = self.last_event {
            text.extend(["; last event ", &output::time(last)]);
        }
        let mut number = |value: Option<u64>, unit: &str| {
            if let Some(value) = value {
                text.extend(["; ", &value.to_string(), " ", unit]);
            }
        };
        number(self.lag_bytes, "bytes behind");
        number(self.lag_entries, "entries behind");
        number(self.lag_seconds.filter(|seconds| *seconds > 0), "seconds behind");
        number(Some(self.refused_requests).filter(|requests| *requests > 0), "requests refused");
        number(Some(self.dead_records).filter(|records| *records > 0), "dead letters");
        text
    }

    /// Its name with its role, such as `sink siem/events`: a sink may follow both ledgers.
    pub fn title(&self) -> String {
        let role = self.role.as_str();
        match self.role {
            Role::Collector => format!("{role} {}", self.name),
            Role::Sink => format!("{role} {}/{}", self.name, self.ledger),
        }
    }
}

/// The collectors and sinks of a configuration while no server runs. `readers` are the ledgers, if they can be read.
pub fn idle(collectors: &[Collector], sinks: &export::Config, readers: Option<[&Reader; 2]>) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = collectors.iter().map(Endpoint::idle_collector).collect();
    let statuses = match readers.map(|[events, operations]| export::status(sinks, events, operations)) {
        Some(Ok(statuses)) => statuses,
        // What is wrong with the ledgers is told elsewhere.
        Some(Err(_)) | None => export::unread_status(sinks),
    };
    for status in statuses {
        let missing = sinks.sink(&status.sink).map(export::SinkConfig::missing).unwrap_or_default();
        let mut endpoint = Endpoint { since: None, ..Endpoint::of_sink(status) };
        if !missing.is_empty() && endpoint.state == State::Ok {
            endpoint.state = State::Parked;
            endpoint.reason = Some(missing.join("; "));
            endpoint.remedy = State::Parked.remedy().map(str::to_owned);
        }
        if readers.is_none() {
            (endpoint.lag_entries, endpoint.lag_seconds) = (None, None);
        }
        endpoints.push(endpoint);
    }
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(state: State, reason: Option<&str>) -> Endpoint {
        let standing =
            Standing { state, since: Timestamp::from_unix_seconds(1_763_750_000), reason: reason.map(str::to_owned) };
        let place = "/var/log/a.json".to_owned();
        Endpoint::new(Role::Collector, "a", "tail", LedgerName::Events, place, standing)
    }

    #[test]
    fn a_finding_says_what_is_wrong_what_to_do_and_how_far_behind() {
        let well = Endpoint { lag_bytes: Some(0), ..endpoint(State::Ok, None) };
        assert_eq!(well.finding(), "ok since 2025-11-21T18:33:20.000Z; tail, /var/log/a.json; 0 bytes behind");
        let bad = Endpoint { refused_requests: 3, ..endpoint(State::Unreadable, Some("a.json: Permission denied")) };
        let text = bad.finding();
        assert!(text.contains("Z: a.json: Permission denied (let the server's user read it;"), "{text}");
        assert!(text.ends_with("; 3 requests refused"), "{text}");
        assert_eq!(bad.title(), "collector a");
    }

    #[test]
    fn every_state_is_documented() {
        let page = include_str!("../docs/health.md");
        for state in State::ALL {
            assert!(page.contains(&format!("\n| `{state}` | ")), "{state}");
        }
    }

    #[test]
    fn it_comes_over_the_socket_as_it_is() {
        for state in State::ALL {
            let endpoint = Endpoint {
                last_event: Some(Moment(Timestamp::from_unix_micros(1_763_750_000_123_456))),
                ..endpoint(state, Some("a\nb"))
            };
            let text = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), endpoint, "{text}");
            assert!(text.contains("\"last_event\":\"2025-11-21T18:33:20.123456Z\""), "{text}");
        }
    }

    #[test]
    fn without_a_server_what_is_missing_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        let settings: crate::settings::Settings = toml::from_str(&format!(
            "[[collector]]\nname = \"a\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {path:?}\n\
             [[collector]]\nname = \"b\"\ntransport = \"http\"\ndialect = \"coder\"\n\
             [[sink]]\nname = \"c\"\ntype = \"slack\"\nwebhook = \"file:{}/webhook\"\n\
             [[sink]]\nname = \"d\"\ntype = \"slack\"\npaused = true\nwebhook = \"file:{}/webhook\"\n",
            directory.path().display(),
            directory.path().display(),
        ))
        .unwrap();
        let states = || {
            let endpoints = idle(&settings.collectors, &settings.sinks(), None);
            endpoints.iter().map(|endpoint| endpoint.state).collect::<Vec<_>>()
        };
        assert_eq!(states(), [State::Missing, State::Ok, State::Parked, State::Paused]);
        std::fs::write(&path, "{}\n").unwrap();
        std::fs::write(directory.path().join("webhook"), "https://hooks.example/a\n").unwrap();
        assert_eq!(states(), [State::Ok, State::Ok, State::Ok, State::Paused]);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(states()[0], State::Unreadable);
    }
}
