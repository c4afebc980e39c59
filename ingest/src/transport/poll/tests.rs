//! The transport over HTTP against made-up interfaces that page as the real ones are documented to, fail, limit, and change their
//! rows; into a real ledger, with restarts in between.

mod changes;
mod enriched;
mod fake;
mod faults;
mod paging;

use ledger::events::column;
use operations::access::Principal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::dialect;
use crate::fixtures::{House, Tokens};
use crate::pipeline::Channel;
use crate::transport::http::Push;
use fake::Fake;

/// A house whose collector asks a made-up interface.
struct Scene {
    house: House,
    fake: Fake,
    api: &'static str,
    more: String,
    poller: Poller,
}

impl Scene {
    /// With these lists; `more` are further settings in JSON, each after a comma.
    async fn new(api: &'static str, endpoints: &[&str], more: &str) -> Self {
        let (house, fake) = (House::new(""), Fake::start().await);
        std::fs::write(house.directory.path().join("token"), "hunter2\n").unwrap();
        let endpoints = serde_json::to_string(endpoints).unwrap();
        let more = format!(",\"endpoints\":{endpoints}{more}");
        let poller = build(&house, &fake, api, &more);
        Self { house, fake, api, more, poller }
    }

    /// The process dies with what it had read and starts again.
    async fn restart(self) -> Self {
        let Self { house, fake, api, more, poller } = self;
        drop(poller);
        let house = house.reopen().await;
        let poller = build(&house, &fake, api, &more);
        Self { house, fake, api, more, poller }
    }

    /// Reads every list once, and what is left of it at once.
    async fn poll(&mut self) {
        for at in 0..self.poller.lists.len() {
            while {
                assert!(self.poller.step(at).await);
                let list = &self.poller.lists[at];
                list.trouble.is_none() && list.due <= Instant::now()
            } {}
        }
    }

    fn trouble(&self) -> String {
        let standing = self.poller.around.channel.standing();
        format!("{} {}", standing.state, standing.reason.unwrap_or_default())
    }

    fn records(&self) -> u64 {
        self.poller.around.channel.metrics().records.get()
    }

    fn commits(&self) -> u64 {
        self.house.store.events().reader().durable().unwrap().next_seq.get()
    }

    /// The natural ids of all events of this kind, in order.
    fn ids(&self, kind: &str) -> Vec<String> {
        let rows = self.house.rows();
        let rows = rows.iter().filter(|row| row.text(column::KIND) == Some(kind));
        let mut ids: Vec<String> = rows.map(|row| row.text(column::SOURCE_ID).unwrap_or_default().to_owned()).collect();
        ids.sort();
        ids
    }

    fn cursor(&self, list: &str) -> Option<String> {
        let inputs = self.house.store.events().inputs();
        let value = inputs.get(format!("poll/api/{list}").as_bytes())?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

fn build(house: &House, fake: &Fake, api: &str, more: &str) -> Poller {
    let token = house.directory.path().join("token");
    let text = format!("{{\"api\":\"{api}\",\"url\":\"{}\",\"token\":\"file:{}\"{more}}}", fake.url, token.display());
    let settings: Settings = serde_json::from_str(&text).unwrap();
    Poll.check(&settings).unwrap();
    let pipeline = house.collectors.pipeline();
    let dialect = dialect::by_name(api).or(dialect::by_name("native")).unwrap();
    let channel = Channel::new("api", dialect, pipeline.metrics());
    let stop = CancellationToken::new();
    let push = Push::new(Arc::clone(pipeline), Arc::new(Tokens), stop.clone(), TaskTracker::new());
    let start = Start {
        channel,
        transport: "poll",
        place: "",
        principal: Arc::new(Principal::local()),
        settings: &settings,
        pipeline,
        stop: &stop,
        push: &push,
    };
    let mut poller = poller(&read(&settings).unwrap(), &start).unwrap();
    poller.around.gap = Duration::ZERO;
    poller
}

/// A time so many seconds ago, as interfaces write it.
fn ago(seconds: i64) -> String {
    timestamp::format(clock::now() - seconds * 1_000_000)
}

#[test]
fn settings_are_checked_and_never_repeat_a_secret() {
    let check = |more: &str, want: &str| {
        let text =
            format!("{{\"api\":\"coder\",\"url\":\"https://coder.acme.example\",\"token\":\"env:CODER\"{more}}}");
        // The later of two members counts.
        let settings: Settings = serde_json::from_str(&text).unwrap();
        match Poll.check(&settings) {
            Ok(()) => assert_eq!(want, "", "{more}"),
            Err(message) => {
                assert!(!want.is_empty() && message.contains(want), "{more}: {message}");
                assert!(!message.contains("hunter2"), "{message}");
            }
        }
    };
    check("", "");
    check(",\"endpoints\":[\"audit\",\"users\"],\"every_seconds\":5,\"overlap_minutes\":0", "");
    check(",\"since\":\"2026-01-01T00:00:00Z\"", "");
    check(",\"api\":\"jira\"", "none of coder, ona, litellm");
    check(",\"token\":\"hunter2\"", "env:NAME or file:PATH");
    check(",\"endpoints\":[\"audits\"]", "\"audits\" is none of users, groups");
    check(",\"endpoints\":[]", "names none");
    check(",\"every_seconds\":1", "not between 5 and 86400");
    check(",\"overlap_minutes\":100000", "not between");
    check(",\"since\":\"yesterday\"", "since");
    check(",\"since\":\"2999-01-01T00:00:00Z\"", "since");
    check(",\"url\":\"http://coder.acme.example\"", "must begin with https://");
    check(",\"url\":\"http://127.0.0.1:3000\"", "");
    check(",\"url\":\"http://127.evil.example\"", "must begin with https://");
    check(",\"url\":\"https://a:hunter2@coder.acme.example\"", "belongs into `token`");
    check(",\"url\":\"coder\"", "url");
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_told_without_a_server() {
    let settings = serde_json::json!({
        "api": "coder", "url": "https://coder.acme.example", "token": "env:TACHOGRAPH_SURELY_NOT_SET",
    });
    let settings = settings.as_object().unwrap();
    let (state, reason) = Poll.look(settings).unwrap();
    assert!(state == State::Parked && reason.contains("TACHOGRAPH_SURELY_NOT_SET"), "{reason}");
    assert_eq!(Poll.place("", settings), "https://coder.acme.example");
}

#[test]
fn lists_are_well_described() {
    for api in APIS {
        let mut names: Vec<&str> = api.endpoints.iter().map(|endpoint| endpoint.name).collect();
        let documented = SETTINGS.iter().find(|setting| setting.name == "endpoints").unwrap().doc;
        assert!(names.iter().all(|name| documented.contains(&format!("`{name}`"))), "{}", api.name);
        names.dedup();
        assert_eq!(names.len(), api.endpoints.len());
        for endpoint in api.endpoints {
            let is_whole = !endpoint.paths.is_empty() && endpoint.paths.iter().all(|path| path.starts_with('/'));
            assert!(is_whole && endpoint.every > 0 && (1..=100).contains(&endpoint.limit), "{}", endpoint.name);
        }
    }
}
