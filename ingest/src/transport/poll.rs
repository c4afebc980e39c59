//! Lists of REST interfaces, asked for again and again: what is new or has changed becomes records, each once.
//!
//! Each interface has a file with its lists: how to ask, how they are paged, what their rows are known by and which of them may still
//! change. Everything else is the same for all: [`list`] reads a list page by page, [`cursor`] says how far it was read, [`pace`] when to
//! ask again. To add an interface, write a file with an [`Api`] and add a line to [`APIS`].

mod client;
mod coder;
mod cursor;
mod detail;
mod endpoint;
mod list;
mod litellm;
mod ona;
mod pace;
mod page;
mod position;
mod ranges;
mod run;
mod seen;
mod tags;

use std::hash::Hasher as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use operations::secret::Secret;
use operations::standing::State;
use reqwest::Url;
use serde::Deserialize;
use siphasher::sip::SipHasher13;
use tokio::time::Instant;
use url::Host;

use super::{Setting, Settings, Start, Transport, Work, read};
use crate::clock;
use crate::health::Trouble;
use crate::limits;
use crate::timestamp::{self, Stated};
use client::Asker;
use cursor::Rules;
use endpoint::{Api, Endpoint, Reading};
use list::{Around, List};
use pace::Pace;
use run::Poller;

/// Every interface that is asked.
static APIS: &[&Api] = &[&coder::API, &ona::API, &litellm::API];

/// The transport.
pub struct Poll;

/// The settings of a `poll` collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PollSettings {
    api: String,
    url: String,
    token: Secret,
    #[serde(default)]
    endpoints: Option<Vec<String>>,
    #[serde(default)]
    every_seconds: Option<u64>,
    #[serde(default)]
    overlap_minutes: Option<u64>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

impl PollSettings {
    /// The settings with what they name, or which of them is not in order.
    fn check(&self) -> Result<Checked, String> {
        let names = || APIS.iter().map(|api| api.name).collect::<Vec<_>>().join(", ");
        let api = APIS.iter().copied().find(|api| api.name == self.api);
        let api = api.ok_or_else(|| format!("api: {:?} is none of {}", self.api, names()))?;
        let within = |name: &str, value: u64, range: std::ops::RangeInclusive<u64>| {
            let message = format!("{name}: {value} is not between {} and {}", range.start(), range.end());
            if range.contains(&value) { Ok(value) } else { Err(message) }
        };
        let every = self.every_seconds.unwrap_or(limits::POLL_EVERY_SECONDS);
        let every = within("every_seconds", every, limits::POLL_EVERY_SECONDS_RANGE)?;
        let overlap =
            self.overlap_minutes.map(|minutes| within("overlap_minutes", minutes, limits::POLL_OVERLAP_RANGE));
        let since = match self.since.as_deref().map(Stated::of) {
            None => None,
            Some(Stated::At(since)) if (limits::TIME_MIN..=clock::now()).contains(&since) => Some(since),
            Some(_) => return Err("since: is no past time such as 2026-11-01T00:00:00Z".to_owned()),
        };
        Ok(Checked {
            api,
            url: address(&self.url)?,
            endpoints: chosen(api, self.endpoints.as_deref())?,
            every: Duration::from_secs(every),
            overlap: overlap.transpose()?.map(|minutes| Duration::from_secs(minutes * 60)),
            since,
        })
    }
}

/// Settings that are in order.
struct Checked {
    api: &'static Api,
    url: Url,
    endpoints: Vec<&'static Endpoint>,
    every: Duration,
    overlap: Option<Duration>,
    since: Option<i64>,
}

impl Checked {
    /// How a list is read on.
    fn rules(&self, endpoint: &Endpoint) -> Rules {
        let micros = |duration: Duration| duration.as_micros() as i64;
        let since = self.since.unwrap_or_else(|| clock::now().saturating_sub(micros(limits::POLL_SINCE)));
        let (overlap, has_windows, is_sorted) = match endpoint.reading {
            Reading::Log { overlap, has_windows, is_sorted, .. } => (overlap, has_windows, is_sorted),
            Reading::State | Reading::Keys => (Duration::ZERO, false, false),
        };
        Rules {
            since,
            overlap: micros(self.overlap.unwrap_or(overlap)),
            window: has_windows.then(|| micros(limits::POLL_WINDOW)),
            is_sorted,
            open_for: micros(limits::POLL_OPEN_FOR),
        }
    }
}

/// The address of an interface. A token is not sent over the network in plain text.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("url: {error}"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !(url.scheme() == "https" || (url.scheme() == "http" && is_here)) {
        return Err("url: must begin with https://; plain http is for this machine only".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("url: has more than host, port and path; the token belongs into `token`".to_owned());
    }
    Ok(url)
}

/// The lists that are read.
fn chosen(api: &'static Api, names: Option<&[String]>) -> Result<Vec<&'static Endpoint>, String> {
    let Some(names) = names else { return Ok(api.endpoints.iter().collect()) };
    if names.is_empty() {
        return Err("endpoints: names none; leave it out for all".to_owned());
    }
    let known = || api.endpoints.iter().map(|endpoint| endpoint.name).collect::<Vec<_>>().join(", ");
    let stranger = names.iter().find(|name| api.endpoints.iter().all(|endpoint| endpoint.name != **name));
    match stranger {
        Some(name) => Err(format!("endpoints: {name:?} is none of {}", known())),
        None => Ok(api.endpoints.iter().filter(|endpoint| names.iter().any(|name| name == endpoint.name)).collect()),
    }
}

impl Transport for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn doc(&self) -> &'static str {
        "Asks the REST interface of Coder, Ona or LiteLLM for what is new. Logs are read from the newest row that is known, and a little \
         before it; the position is durable together with the rows, so that they are recorded once over restarts, and after months it \
         goes on from there. Rows that may still change are read again, as are users, groups, templates and workspaces, which explain \
         who acted where. It keeps to `Retry-After`, asks at most four times a second, and sends the token to no other place: redirects \
         are refused. Use the dialect of the same name."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        read::<PollSettings>(settings)?.check().map(|_| ())
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        read::<PollSettings>(settings).map(|settings| settings.url).unwrap_or_default()
    }

    fn look(&self, settings: &Settings) -> Option<Trouble> {
        let settings = read::<PollSettings>(settings).ok()?;
        settings.token.read().err().map(|error| (State::Parked, error.to_string()))
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let settings: PollSettings = read(start.settings)?;
        let poller = poller(&settings, &start)?;
        let newest = poller.lists.iter().filter_map(List::newest).min();
        start.tell(&newest.map_or_else(|| "the beginning".to_owned(), timestamp::format));
        Ok(Work::Task(Box::pin(poller.run())))
    }
}

/// All lists of a collector, where the ledger says that they were read to.
fn poller(settings: &PollSettings, start: &Start<'_>) -> Result<Poller, String> {
    let checked = settings.check()?;
    let asker = Asker::new(checked.api, checked.url.clone(), settings.token.clone(), settings.ca_file.as_ref())?;
    let (collector, positions) = (start.channel.name(), start.pipeline.positions());
    let list = |endpoint: &&'static Endpoint| {
        let mut seed = SipHasher13::new();
        seed.write(collector.as_bytes());
        seed.write(endpoint.name.as_bytes());
        List::new(endpoint, collector, &*positions, checked.rules(endpoint), Pace::new(seed.finish()))
    };
    Ok(Poller {
        lists: checked.endpoints.iter().map(list).collect(),
        around: Around {
            asker,
            pipeline: Arc::clone(start.pipeline),
            channel: Arc::clone(&start.channel),
            principal: Arc::clone(&start.principal),
            stop: start.stop.clone(),
            next_request: Instant::now(),
            gap: limits::POLL_REQUEST_GAP,
        },
        every: checked.every,
        refused: None,
    })
}

static SETTINGS: &[Setting] = &[
    Setting {
        name: "api",
        required: true,
        doc: "Which interface it is: `coder`, `ona` or `litellm`.",
        example: "\"coder\"",
    },
    Setting {
        name: "url",
        required: true,
        doc: "Where it is: `https://`, host, and the path before that of the interface, if there is one.",
        example: "\"https://coder.acme.example\"",
    },
    Setting {
        name: "token",
        required: true,
        doc: "Where the token lies, as `env:NAME` or `file:PATH`. It is read anew for each request. What it must be allowed to read stands in docs/sources/poll.md.",
        example: "\"file:/run/secrets/coder\"",
    },
    Setting {
        name: "endpoints",
        required: false,
        doc: "Which lists are read; all unless it is said. Of `coder`: `users`, `groups`, `templates`, `workspaces`, `api_keys`, `audit`, `connections`, `sessions`, `chats`, `agent_time`; of `ona`: `audit`, `executions`; of `litellm`: `spend`.",
        example: "[\"audit\"]",
    },
    Setting {
        name: "every_seconds",
        required: false,
        doc: "How often the lists are read, from 5 to 86400 seconds: 60 unless it is said; users, groups and templates every fifth time, Agent Time every fifteenth.",
        example: "60",
    },
    Setting {
        name: "overlap_minutes",
        required: false,
        doc: "How far back logs are read again for rows that appear late, up to 10080 minutes; unless it is said, 10, of `sessions` and `spend` 30, of `agent_time` three days.",
        example: "10",
    },
    Setting {
        name: "since",
        required: false,
        doc: "Where logs begin when they are read for the first time; a day before that unless it is said.",
        example: "\"2026-11-01T00:00:00Z\"",
    },
    Setting {
        name: "ca_file",
        required: false,
        doc: "A PEM file of certificate authorities that are believed beside those of the system.",
        example: "\"/etc/ssl/acme-ca.pem\"",
    },
];

#[cfg(test)]
mod tests;
