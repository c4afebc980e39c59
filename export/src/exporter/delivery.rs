//! Delivery over a real store and network: dead letters that come back, what is hidden, routes, and a storm.

mod ends;
mod hidden;
mod people;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use ledger::operations::column;
use ledger::{Group, Options, Position, ReadLimit, Seq, Store, Timestamp};
use operations::alert::{ALERT, Alert, Severity};
use operations::kind::Envelope;
use operations::kind::alert_notice::NOTICE;
use operations::kind::delivery::{HIDDEN_KIND, SENT_KIND};
use operations::kind::export::{RECEIPT_KIND, REJECTED_KIND, REPLAYED_KIND};
use operations::kind::sink_order::SinkOrder;
use operations::triage::{Column, TriageService};
use serde_json::{Value, json};

use super::*;
use crate::delivery::suppressor::{Candidate, Decision, TriageSuppressor};
use crate::fixtures::alert_of;

/// PagerDuty in memory: what it took, and whether it refuses everything.
#[derive(Default)]
struct Pager {
    refuse: bool,
    events: Vec<Value>,
}

type Shared = Arc<Mutex<Pager>>;

async fn enqueue(State(shared): State<Shared>, body: Bytes) -> StatusCode {
    let mut pager = shared.lock().unwrap();
    if pager.refuse {
        return StatusCode::BAD_REQUEST;
    }
    pager.events.push(serde_json::from_slice(&body).unwrap());
    StatusCode::ACCEPTED
}

struct Bench {
    store: Store,
    config: Config,
    pager: Shared,
    folders: [tempfile::TempDir; 2],
}

impl Bench {
    async fn new() -> Self {
        let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Store::init(data.path(), "acme.example/agents").unwrap();
        let store = Store::open(data.path(), Options::default()).unwrap();
        let pager = Shared::default();
        let router = Router::new().fallback(enqueue).with_state(pager.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2/enqueue", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        std::fs::write(dir.path().join("key"), "0123456789abcdef").unwrap();
        let key = format!("file:{}", dir.path().join("key").display());
        let config =
            serde_json::from_value(json!({"sinks": [{"name": "pager", "type": "pagerduty", "routing_key": key,
            "url": url, "allow_private": true, "start": "beginning", "interval_ms": 0}]}))
            .unwrap();
        Self { store, config, pager, folders: [data, dir] }
    }

    async fn append(&self, alerts: &[Alert]) {
        let mut group = Group::new(&ledger::operations::TABLE);
        for alert in alerts {
            let envelope = Envelope { subject: &alert.id, ..Envelope::default() };
            let entry = ALERT.entry(&envelope, alert).unwrap();
            group.push(&entry).unwrap();
        }
        self.store.operations().appender().append(group).await.unwrap();
    }

    fn exporter(&self) -> Exporter {
        Exporter::new(&self.config, self.store.events(), self.store.operations(), [3; 32]).unwrap()
    }

    /// How many entries of each kind there are, and the newest receipt's end.
    fn kinds(&self) -> (BTreeMap<String, usize>, Seq) {
        let (reader, mut from) = (self.store.operations().reader(), Seq::FIRST);
        let (mut kinds, mut end) = (BTreeMap::new(), Seq::FIRST);
        loop {
            let rows = reader.read(from, false, ReadLimit { rows: 10_000, bytes: 1 << 24 }).unwrap();
            if rows.is_empty() {
                return (kinds, end);
            }
            for row in rows.iter() {
                let kind = row.text(column::KIND).unwrap_or_default();
                *kinds.entry(kind.to_owned()).or_default() += 1;
                if kind == RECEIPT_KIND {
                    end = row.text(column::TO).unwrap().parse::<Position>().unwrap().seq;
                }
            }
            from = rows.next_seq;
        }
    }

    /// Waits until `done` holds of the kinds and the newest receipt.
    async fn until(&self, done: impl Fn(&BTreeMap<String, usize>, Seq) -> bool) {
        let mut watch = self.store.operations().reader().watch().unwrap();
        loop {
            let (kinds, end) = self.kinds();
            if done(&kinds, end) {
                return;
            }
            watch.changed().await.unwrap();
        }
    }

    fn sent(&self) -> Vec<(String, String)> {
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let pager = self.pager.lock().unwrap();
        pager.events.iter().map(|event| (text(event, "event_action"), text(event, "dedup_key"))).collect()
    }
}

fn has(kinds: &BTreeMap<String, usize>, kind: &str, count: usize) -> bool {
    kinds.get(kind).copied().unwrap_or_default() >= count
}

fn resolved(number: u64) -> Alert {
    Alert { revision: 2, state: operations::alert::State::Resolved, ..alert_of(number, Severity::High) }
}

fn event(action: &str, number: u64) -> (String, String) {
    (action.to_owned(), format!("tachograph/{}", alert_of(number, Severity::High).id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_seen_and_come_back_with_the_end_of_their_alert() {
    let bench = Bench::new().await;
    bench.pager.lock().unwrap().refuse = true;
    let exporter = bench.exporter();
    let (status, controls, stop) = (exporter.status(), exporter.controls(), CancellationToken::new());
    let running = tokio::spawn(exporter.run(stop.clone()));
    bench.append(&[alert_of(1, Severity::High), alert_of(2, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, REJECTED_KIND, 2)).await;
    let offline =
        crate::status(&bench.config, &bench.store.events().reader(), &bench.store.operations().reader()).unwrap();
    assert_eq!(offline[0].dead, 2);
    // The first alert ends meanwhile. Nobody was told of it, so nobody is told of its end.
    bench.pager.lock().unwrap().refuse = false;
    bench.append(&[resolved(1), alert_of(3, Severity::High)]).await;
    bench.until(|_, end| end >= Seq::new(5)).await;
    assert!(controls.order("nobody", "alice", SinkOrder::Retry).await.is_err());
    controls.order("pager", "alice", SinkOrder::Retry).await.unwrap();
    bench.until(|kinds, _| has(kinds, REPLAYED_KIND, 2)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(status.get()[0].dead, 0);
    assert_eq!(bench.sent(), [event("trigger", 3), event("trigger", 1), event("resolve", 1), event("trigger", 2)]);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_digest_comes_back_as_a_digest() {
    let bench = Bench::new().await;
    bench.pager.lock().unwrap().refuse = true;
    let alerts: Vec<Alert> = (0..300).map(|number| alert_of(number, Severity::High)).collect();
    bench.append(&alerts).await;
    let exporter = bench.exporter();
    let (controls, stop) = (exporter.controls(), CancellationToken::new());
    let running = tokio::spawn(exporter.run(stop.clone()));
    bench.until(|kinds, _| has(kinds, REJECTED_KIND, 300)).await;
    bench.pager.lock().unwrap().refuse = false;
    // Two of them end meanwhile, and one goes on: that one is told by its newer revision.
    let goes_on = Alert { revision: 2, state: operations::alert::State::Updated, ..alert_of(3, Severity::High) };
    bench.append(&[resolved(1), resolved(2), goes_on]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 1)).await;
    controls.order("pager", "alice", SinkOrder::Retry).await.unwrap();
    bench.until(|kinds, _| has(kinds, REPLAYED_KIND, 300)).await;
    stop.cancel();
    running.await.unwrap();
    let pager = bench.pager.lock().unwrap();
    let digest = &pager.events[1]["payload"];
    assert_eq!((pager.events.len(), &digest["class"]), (2, &json!("digest")));
    assert_eq!(digest["summary"], "299 alerts: 299 high; 2 of them over");
    drop(pager);
    // Nothing of it is left to be sent, and nobody is told of what goes on and then ended once more.
    let told_again = bench.sent().iter().filter(|(_, key)| *key == event("", 3).1).count();
    assert_eq!(told_again, 1);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_whose_last_alert_is_told_alone_is_resolved() {
    let mut bench = Bench::new().await;
    bench.config.grouping = crate::Grouping { columns: vec![Column::Rule], window: Duration::from_mins(30) };
    let stop = CancellationToken::new();
    let running = tokio::spawn(bench.exporter().run(stop.clone()));
    let worse = Alert { revision: 2, state: operations::alert::State::Updated, ..alert_of(2, Severity::Critical) };
    let over = Alert { revision: 3, state: operations::alert::State::Resolved, ..worse.clone() };
    for (alerts, sent) in [
        (vec![alert_of(1, Severity::High), alert_of(2, Severity::High)], 1),
        (vec![resolved(1)], 2),
        (vec![worse], 4),
        (vec![over], 5),
    ] {
        bench.append(&alerts).await;
        bench.until(|kinds, _| has(kinds, SENT_KIND, sent)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.sent(), [event("trigger", 1), event("trigger", 2), event("resolve", 1), event("resolve", 2)]);
    bench.store.stop();
}

struct Silence;

impl Suppressor for Silence {
    fn decide(&self, alerts: &[Candidate], _now: Timestamp) -> Vec<Decision> {
        let hidden = |alert: &Alert| alert.id.ends_with('1');
        let verdict = |asked: &Candidate| {
            if hidden(&asked.alert) { Decision::Suppress("silence-7".to_owned()) } else { Decision::Notify }
        };
        alerts.iter().map(verdict).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_is_on_record_and_not_sent_nor_is_its_end() {
    let bench = Bench::new().await;
    let mut exporter = bench.exporter();
    exporter.set_suppressor(&(Arc::new(Silence) as Arc<dyn Suppressor>));
    let stop = CancellationToken::new();
    let running = tokio::spawn(exporter.run(stop.clone()));
    bench.append(&[alert_of(1, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, HIDDEN_KIND, 1)).await;
    bench.append(&[resolved(1), alert_of(2, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, RECEIPT_KIND, 2)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.sent(), [event("trigger", 2)]);
    assert_eq!(bench.kinds().0[HIDDEN_KIND], 1);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_decides_and_whoever_was_told_hears_the_end() {
    let mut bench = Bench::new().await;
    bench.config.routes = serde_json::from_value(json!([
        {"name": "oncall", "receivers": ["pager"], "severity": "critical"},
        {"name": "rest", "receivers": ["pager"], "rule": ["no.such"]},
        {"name": "drop", "receivers": ["pager"], "user": ["nobody"], "continue": true},
    ]))
    .unwrap();
    bench.config.routes.list.push(serde_json::from_value(json!({"name": "siem", "receivers": ["other"]})).unwrap());
    let check = bench.config.check().unwrap_err().to_string();
    assert!(check.contains("\"other\"") && check.starts_with("export: route siem"), "{check}");
    // A second receiver takes what the first does not get.
    let mut second = bench.config.sinks[0].clone();
    second.common.name = "other".to_owned();
    second.common.paused = true;
    bench.config.sinks.push(second);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bench.exporter().run(stop.clone()));
    let milder = Alert { severity: Severity::Low, ..resolved(2) };
    bench
        .append(&[
            alert_of(1, Severity::High),
            alert_of(2, Severity::Critical),
            resolved(1),
            milder,
            alert_of(3, Severity::Critical),
        ])
        .await;
    bench.until(|_, end| end >= Seq::new(5)).await;
    stop.cancel();
    running.await.unwrap();
    let told: Vec<(String, String)> = bench.sent().into_iter().filter(|(_, key)| !key.ends_with('3')).collect();
    assert_eq!(told, [event("trigger", 2), event("resolve", 2)]);
    bench.store.stop();
}

impl Bench {
    /// A second service, that only escalations reach, and a service of triage with the step that names it.
    fn escalating(&mut self) -> Arc<TriageService> {
        let mut chief = self.config.sinks[0].settings.clone();
        std::fs::write(self.folders[1].path().join("chief"), "fedcba9876543210").unwrap();
        let key = format!("file:{}", self.folders[1].path().join("chief").display());
        let own = json!({"name": "chief", "type": "pagerduty", "routing_key": key, "allow_private": true,
            "start": "beginning", "interval_ms": 0, "severity": "critical"});
        chief.extend(own.as_object().unwrap().clone());
        self.config.sinks.push(crate::SinkConfig::from_settings(chief).unwrap());
        let policy = json!({"escalate": [{"name": "chief", "after_minutes": 15, "receivers": ["chief"]}]});
        let operations = self.store.operations();
        let policy = serde_json::from_value(policy).unwrap();
        Arc::new(TriageService::new(operations.reader(), Some(operations.appender()), policy))
    }

    fn run(&self, triage: &Arc<TriageService>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let mut exporter = self.exporter();
        exporter.set_suppressor(&TriageSuppressor::of(triage));
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(exporter.run(stop)))
    }

    /// What each service got: its key's first letter, what, and the alert's last digit.
    fn told(&self) -> Vec<String> {
        let pager = self.pager.lock().unwrap();
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let said = pager.events.iter().map(|event| {
            let (key, action, subject) =
                (text(event, "routing_key"), text(event, "event_action"), text(event, "dedup_key"));
            format!("{} {action} {}", &key[..1], &subject[subject.len() - 1..])
        });
        said.collect()
    }
}

fn ask(triage: &TriageService, request: Value) -> String {
    let request = serde_json::from_value(request).unwrap();
    let principal = operations::access::Principal::local();
    tokio::task::block_in_place(|| triage.act(&request, &principal, crate::status::now())).unwrap().subject
}

fn record_notices(triage: &TriageService, now: Timestamp) -> Option<Timestamp> {
    tokio::task::block_in_place(|| triage.record_notices(now)).unwrap()
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_acknowledges_reaches_the_next_receiver_once_whatever_is_restarted() {
    let mut bench = Bench::new().await;
    let triage = bench.escalating();
    let (stop, running) = bench.run(&triage);
    bench.append(&[alert_of(1, Severity::High), alert_of(2, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 2)).await;
    let id = alert_of(2, Severity::High).id;
    ask(&triage, json!({"action": "ack", "alert": id}));
    let now = crate::status::now();
    assert!(
        record_notices(&triage, now.saturating_add(MINUTE * 14))
            .is_some_and(|next| next <= now.saturating_add(MINUTE * 15))
    );
    assert!(!bench.kinds().0.contains_key(NOTICE));
    assert_eq!(record_notices(&triage, now.saturating_add(MINUTE * 16)), None);
    bench.until(|kinds, _| has(kinds, SENT_KIND, 4)).await;
    stop.cancel();
    running.await.unwrap();
    // Everything is started anew, and time goes on.
    let again = bench.escalating();
    bench.config.sinks.pop();
    let (stop, running) = bench.run(&again);
    record_notices(&again, now.saturating_add(MINUTE * 60));
    bench.append(&[resolved(1), alert_of(3, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 7)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.kinds().0[NOTICE], 1);
    let mut told = bench.told();
    told.sort();
    let expected =
        ["0 acknowledge 2", "0 resolve 1", "0 trigger 1", "0 trigger 2", "0 trigger 3", "f resolve 1", "f trigger 1"];
    assert_eq!(told, expected);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_whose_silence_ends_is_told_then_and_once() {
    let mut bench = Bench::new().await;
    let triage = bench.escalating();
    let ends = crate::status::now().saturating_add(MINUTE * 60);
    let silence = ask(
        &triage,
        json!({"action": "silence", "kind": "silence", "matchers": ["rule=egress.denied_post"],
        "reason": "a test", "ends": ends}),
    );
    let (stop, running) = bench.run(&triage);
    bench.append(&[alert_of(1, Severity::High), alert_of(2, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, HIDDEN_KIND, 2)).await;
    bench.append(&[resolved(2)]).await;
    assert!(record_notices(&triage, crate::status::now()).is_some_and(|next| next <= ends));
    ask(&triage, json!({"action": "expire", "silence": silence}));
    for _ in 0..3 {
        record_notices(&triage, crate::status::now());
    }
    bench.until(|kinds, _| has(kinds, SENT_KIND, 1)).await;
    bench.append(&[resolved(1)]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 2)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!((bench.told(), bench.kinds().0[NOTICE]), (vec!["0 trigger 1".to_owned(), "0 resolve 1".to_owned()], 1));
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_is_opened_again_is_told_again_and_in_order() {
    let mut bench = Bench::new().await;
    let triage = bench.escalating();
    let id = alert_of(1, Severity::High).id;
    let close = || json!({"action": "resolve", "alert": id, "reason": "benign"});
    bench.append(&[alert_of(1, Severity::High)]).await;
    ask(&triage, close());
    ask(&triage, json!({"action": "reopen", "alert": id}));
    record_notices(&triage, crate::status::now());
    ask(&triage, close());
    // It fires again. All of this is recorded before anybody is told.
    bench
        .append(&[Alert { revision: 2, state: operations::alert::State::Updated, ..alert_of(1, Severity::High) }])
        .await;
    bench.append(&[Alert { revision: 3, ..resolved(1) }]).await;
    let end = bench.store.operations().reader().durable().unwrap().next_seq;
    let (stop, running) = bench.run(&triage);
    bench.until(|_, receipted| receipted >= end).await;
    stop.cancel();
    running.await.unwrap();
    let told = bench.told();
    let episodes: Vec<&str> = told.iter().map(|said| said.strip_prefix("0 ").unwrap()).collect();
    assert_eq!(episodes, ["trigger 1", "resolve 1", "trigger 1", "resolve 1"]);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_alerts_after_an_outage_are_a_handful_of_incidents() {
    let bench = Bench::new().await;
    let severity = |number: u64| if number.is_multiple_of(1_000) { Severity::Critical } else { Severity::High };
    let alerts: Vec<Alert> = (0..10_000).map(|number| alert_of(number, severity(number))).collect();
    for chunk in alerts.chunks(2_500) {
        bench.append(chunk).await;
    }
    let end = bench.store.operations().reader().durable().unwrap().next_seq;
    let stop = CancellationToken::new();
    let running = tokio::spawn(bench.exporter().run(stop.clone()));
    bench.until(|_, receipted| receipted >= end).await;
    stop.cancel();
    running.await.unwrap();
    let pager = bench.pager.lock().unwrap();
    let digest = |event: &&Value| event["payload"]["class"] == "digest";
    let told: u64 = pager
        .events
        .iter()
        .filter(digest)
        .map(|event| event["payload"]["custom_details"]["alerts"].as_u64().unwrap())
        .sum();
    let single = pager.events.iter().filter(|event| !digest(event)).count();
    assert_eq!((single, told + single as u64), (10, 10_000), "each critical one alone, the others in digests");
    assert!(pager.events.len() <= 20, "{}", pager.events.len());
    assert!(!digest(&&pager.events[0]), "the critical ones come first");
    drop(pager);
    bench.store.stop();
}
