//! Every destination against its strict receiver, which refuses, fails after it took, cuts answers and takes parts: nothing is lost,
//! what is doubled is byte for byte the same, and where the receiver knows ids nothing is doubled.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fake::{DATADOG, ELASTICSEARCH, Fake, Fault, LOKI, OTLP, SECOPS, SENTINEL, SUMO, WEBHOOK, WEBHOOK_SECRET};
use crate::fleet::{Fleet, Shipment, administration, events};

/// Records of the fleet.
const EVENTS: usize = 700;
const OPERATIONS: usize = 30;

/// What is asked of a destination.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Each record once.
    Once,
    /// Each record at least once, its duplicates the same.
    AtLeastOnce,
}

/// What goes wrong with the first requests, with everything else in between.
const SCRIPT: [Fault; 12] = [
    Fault::Busy,
    Fault::TakenAndCut,
    Fault::Limited,
    Fault::TakenAndFailed,
    Fault::Unauthorised,
    Fault::Unauthorised,
    Fault::TakenAndCut,
    Fault::TakenAndCut,
    Fault::Revoked,
    Fault::Busy,
    Fault::TakenAndFailed,
    Fault::Limited,
];

/// Ships a fleet through the faults, and checks what arrived. `settings` are made from the address and a place for secrets.
fn check(name: &str, promise: Promise, settings: impl Fn(&str, &dyn Fn(&str) -> String) -> Value) {
    let fake = Fake::start();
    let fleet = Fleet::of(&events(EVENTS), &administration(OPERATIONS));
    let secret = |text: &str| fleet.secret("secret", text);
    fake.ask(|state| state.faults.extend(SCRIPT));
    let shipment = fleet.ship("siem", &settings(&fake.address, &secret));
    fake.ask(|state| {
        assert!(state.complaints.is_empty(), "{name}: {:?}", state.complaints);
        let expected: BTreeSet<(String, u64)> =
            numbers("events/0", EVENTS).chain(numbers("operations/0", OPERATIONS)).collect();
        let lost: Vec<_> = expected.iter().filter(|record| !state.taken.contains_key(*record)).collect();
        assert!(lost.is_empty(), "{name} lost {lost:?}");
        assert_eq!(state.taken.len(), expected.len(), "{name} has what nobody recorded");
        let doubled = state.taken.values().map(|texts| texts.len() - 1).sum::<usize>();
        assert!(state.taken.values().flat_map(|texts| texts.windows(2)).all(|pair| pair[0] == pair[1]), "{name}");
        assert!(promise == Promise::AtLeastOnce || doubled == 0, "{name} doubled {doubled}");
        let Shipment { count, rejected, .. } = shipment;
        assert_eq!((count, rejected), ((EVENTS + OPERATIONS) as u64, 0), "{name}");
        println!(
            "| {name} | {} | {} | {} | 0 | {doubled} |",
            expected.len(),
            state.requests,
            SCRIPT.len() - state.faults.len()
        );
    });
}

fn numbers(stream: &str, count: usize) -> impl Iterator<Item = (String, u64)> {
    (0..count as u64).map(move |number| (stream.to_owned(), number))
}

#[test]
fn elasticsearch_has_each_record_once() {
    check(
        "elasticsearch",
        Promise::Once,
        |url, secret| json!({"type": "elasticsearch", "url": format!("{url}{ELASTICSEARCH}"), "api_key": secret("hunter2")}),
    );
}

#[test]
fn loki_loses_nothing() {
    check(
        "loki",
        Promise::AtLeastOnce,
        |url, _| json!({"type": "loki", "url": format!("{url}{LOKI}"), "tenant": "security"}),
    );
}

#[test]
fn datadog_loses_nothing() {
    check(
        "datadog",
        Promise::AtLeastOnce,
        |url, secret| json!({"type": "datadog", "url": format!("{url}{DATADOG}"), "api_key": secret("hunter2")}),
    );
}

#[test]
fn sumo_logic_loses_nothing() {
    check(
        "sumo_logic",
        Promise::AtLeastOnce,
        |url, secret| json!({"type": "sumo_logic", "source": secret(&format!("{url}{SUMO}")), "category": "security/tachograph"}),
    );
}

#[test]
fn sentinel_loses_nothing() {
    check("sentinel", Promise::AtLeastOnce, |url, secret| {
        json!({"type": "sentinel", "url": format!("{url}{SENTINEL}"), "rule": "dcr-1", "authority": format!("{url}{SENTINEL}"),
            "tenant": "tenant-1", "client_id": "client-1", "client_secret": secret("hunter2")})
    });
}

/// Settings of `secops` at an address, without its schema.
fn secops(url: &str, secret: &dyn Fn(&str) -> String) -> Value {
    let key = json!({"client_email": "siem@acme.example", "token_uri": format!("{url}{SECOPS}/token"),
        "private_key": include_str!("rsa.pem")});
    json!({"type": "secops", "url": format!("{url}{SECOPS}"), "project": "acme", "location": "eu", "instance": "i-1",
        "credentials": secret(&key.to_string())})
}

#[test]
fn secops_loses_nothing() {
    check("secops", Promise::AtLeastOnce, secops);
}

#[test]
fn secops_loses_no_raw_log() {
    check("secops, raw logs", Promise::AtLeastOnce, |url, secret| {
        let mut settings = secops(url, secret);
        settings["schema"] = "plain".into();
        settings["forwarder"] = "f-1".into();
        settings
    });
}

#[test]
fn otlp_loses_nothing() {
    check("otlp", Promise::AtLeastOnce, |url, _| json!({"type": "otlp", "url": format!("{url}{OTLP}")}));
}

#[test]
fn webhooks_have_each_record_once_where_ids_are_remembered() {
    check(
        "webhook_events",
        Promise::Once,
        |url, secret| json!({"type": "webhook_events", "url": format!("{url}{WEBHOOK}"), "secret": secret(WEBHOOK_SECRET)}),
    );
}

/// What is refused costs no request more, however much it is, and what is busy is sent again without harm.
#[test]
fn records_that_elasticsearch_refuses_are_dead_letters_in_as_many_requests_as_without_them() {
    let requests = |poison: usize, parts: usize| {
        let fake = Fake::start();
        let mut events = events(600);
        for number in 0..poison {
            events[number * 7]["target"] = "poison".into();
        }
        let fleet = Fleet::of(&events, &[]);
        fake.ask(|state| state.faults.extend(vec![Fault::Part; parts]));
        let settings = json!({"type": "elasticsearch", "url": format!("{}{ELASTICSEARCH}", fake.address),
            "api_key": fleet.secret("key", "hunter2")});
        let shipment = fleet.ship("siem", &settings);
        assert_eq!((shipment.count, shipment.rejected), (600 - poison as u64, poison as u64));
        let letters: BTreeSet<String> = (0..poison).map(|number| format!("events/0/{}", number * 7)).collect();
        assert_eq!(shipment.letters.into_keys().collect::<BTreeSet<_>>(), letters);
        fake.ask(|state| {
            assert!(state.taken.values().all(|texts| texts.len() == 1), "ids make repetition harmless");
            assert_eq!(state.taken.len(), 600 - poison);
            state.requests
        })
    };
    let batches = requests(0, 0);
    // A refusal ends a window of batches, so how the rest is cut may differ by a batch.
    assert!(requests(80, 0) <= batches + 2);
    assert!(requests(0, 3) <= batches + 3);
    assert!(requests(80, 3) <= batches + 5);
}

/// A receiver of OTLP that rejects a part says how many: they are counted and told, and nothing is sent twice.
#[test]
fn what_otlp_rejects_is_counted_and_not_sent_again() {
    let fake = Fake::start();
    let fleet = Fleet::of(&events(300), &[]);
    fake.ask(|state| state.faults.extend([Fault::Part]));
    let shipment = fleet.ship("siem", &json!({"type": "otlp", "url": format!("{}{OTLP}", fake.address)}));
    fake.ask(|state| {
        assert!(shipment.rejected > 0 && shipment.letters.is_empty(), "{shipment:?}");
        assert_eq!(shipment.count, state.taken.len() as u64);
        assert_eq!(shipment.count + shipment.rejected, 300);
        assert!(state.taken.values().all(|texts| texts.len() == 1));
        let told = format!("{} log records were rejected, which ones is not said: not now", shipment.rejected);
        assert!(shipment.acks.iter().any(|ack| ack.contains(&told)), "{:?}", shipment.acks);
    });
}
