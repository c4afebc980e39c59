//! Bounds, queries that carry data, and fleets too small to tell. The demo's story stands in the examples.

use detect_core::pack::Pack as _;
use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn post(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "allow", "method": "POST", "domain": domain, "workspace": workspace})
}

fn observe(events: &[Value]) -> Findings {
    let mut detector = SlowPost::new(&Parameters::default(), fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

/// What is found, as severity, title and a part of the reason, in events of a fleet in which five others are at work.
fn check(what: &str, events: &[Value], expected: &[(Severity, &str, &str)]) {
    let mut all: Vec<Value> = (0..5).map(|other| post(0, &format!("o{other}"), "packages.example")).collect();
    all.extend_from_slice(events);
    let findings = observe(&all);
    let opened: Vec<_> = findings.alerts().iter().filter(|alert| alert.revision == 1).collect();
    let matches = opened.len() == expected.len()
        && opened.iter().zip(expected).all(|(alert, (severity, title, reason))| {
            alert.severity == *severity && alert.title == *title && alert.reason.contains(reason)
        });
    assert!(matches, "{what}: {opened:#?}");
}

fn with(mut event: Value, columns: &Value) -> Value {
    for (name, value) in columns.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

#[test]
fn data_in_queries_is_found_and_a_single_agent_is_no_fleet() {
    let events: Vec<Value> = (0..8)
        .map(|number| {
            let path = format!("/pixel.gif?d={}{number}", "A".repeat(400));
            with(post(number * 400, "w", "attacker-logger.com"), &json!({"method": "GET", "path": path}))
        })
        .collect();
    let findings = observe(&events);
    let alert = &findings.alerts()[0];
    assert_eq!(alert.severity, Severity::Medium);
    for part in ["6 requests with data in the address", "Together they are 2406 bytes", "So small a fleet"] {
        assert!(alert.reason.contains(part), "{part}: {}", alert.reason);
    }
    let same: Vec<Value> = (0..40)
        .map(|number| {
            let path = format!("/poll?session={}", "k3Jx9Zq".repeat(9));
            with(post(number * 400, "w", "attacker-logger.com"), &json!({"method": "GET", "path": path}))
        })
        .collect();
    assert!(observe(&same).alerts().is_empty(), "what is said again carries nothing");
}

#[test]
fn data_in_paths_hosts_and_headers_is_found() {
    let coded = |number: i64| format!("Q{number}x9Zk3Jf8Tn2Wv7Lp4Rb6Yh1Md5Gs0Cq{number}Ua8Ei3Xo").repeat(3);
    let events = |columns: &dyn Fn(i64) -> Value| -> Vec<Value> {
        (0..90).map(|number| with(post(number * 5, "w", "t.example"), &columns(number))).collect()
    };
    let upload = "Upload to t.example";
    check(
        "paths",
        &events(&|number| json!({"method": "GET", "path": format!("/a/{}/b", coded(number))})),
        &[(Severity::Medium, upload, "with data in the address to t.example")],
    );
    check(
        "hosts",
        &events(
            &|number| json!({"method": "GET", "host": format!("{}.t.example", &coded(number).to_lowercase()[..60])}),
        ),
        &[(Severity::Medium, upload, "with data in the address to t.example")],
    );
    check(
        "headers",
        &events(&|number| json!({"method": "GET", "path": format!("/{number}"), "bytes_out": 14_000})),
        &[(Severity::Medium, upload, "with data in the address to t.example")],
    );
}

#[test]
fn reads_in_between_and_many_places_hide_nothing() {
    let padded: Vec<Value> = (0..60)
        .flat_map(|number| {
            let write = with(post(number * 600, "w", "t.example"), &json!({"bytes_out": 800}));
            let reads =
                (1..8).map(move |read| with(post(number * 600 + read, "w", "t.example"), &json!({"method": "GET"})));
            std::iter::once(write).chain(reads)
        })
        .collect();
    check(
        "padding",
        &padded,
        &[(Severity::Medium, "Slow trickle of data to t.example", "other requests carried nothing")],
    );
    let many: Vec<Value> = (0..40)
        .map(|number| with(post(number * 600, "w", &format!("t{number}.example")), &json!({"bytes_out": 950})))
        .collect();
    check(
        "many places",
        &many,
        &[(Severity::High, "Data to about 17 rare places", "writes to about 17 rare places went out")],
    );
    let few: Vec<Value> = (0..40)
        .map(|number| with(post(number * 600, "w", &format!("t{}.example", number % 2)), &json!({"bytes_out": 10})))
        .collect();
    let title = |domain| format!("Slow trickle of data to t{domain}.example");
    check(
        "two places",
        &few,
        &[
            (Severity::Medium, &title(0), "Together they are 60 bytes"),
            (Severity::Medium, &title(1), "at most 10 bytes each"),
        ],
    );
}

#[test]
fn what_is_much_is_measured_against_what_the_team_sends() {
    let mut events: Vec<Value> =
        (0..60).map(|number| with(post(number, "o1", "packages.example"), &json!({"bytes_out": 3_000}))).collect();
    events.push(with(post(90, "w", "t.example"), &json!({"bytes_out": 70_000})));
    events.push(with(post(91, "w", "u.example"), &json!({"bytes_out": 7_000_000})));
    events.push(with(post(92, "w", "v.example"), &json!({"bytes_out": 7_000})));
    let usual = "99 of 100 are below 4096 bytes";
    check(
        "sizes",
        &events,
        &[(Severity::Medium, "Upload to t.example", usual), (Severity::High, "Upload to u.example", usual)],
    );
}

#[test]
fn whose_place_it_is_counts_where_anybody_has_one() {
    let push = |second: i64, workspace: &str, owner: &str| {
        let columns =
            json!({"host": "github.com", "path": format!("/{owner}/x.git/git-receive-pack"), "bytes_out": 900_000});
        with(post(second, workspace, "github.com"), &columns)
    };
    let after = 90_000;
    let events = [
        push(1, "o1", "early"),
        push(after, "o1", "acme"),
        push(after + 1, "w", "acme"),
        push(after + 2, "w", "stranger"),
        push(after + 3, "w", "stranger"),
    ];
    let whose = "Anybody has a place of his own on that service";
    check(
        "repositories",
        &events,
        &[
            (Severity::Medium, "Upload to github.com/acme", whose),
            (Severity::Medium, "Upload to github.com/stranger", whose),
        ],
    );
    let paste = with(post(5, "w", "paste.rs"), &json!({"bytes_out": 90_000}));
    check("a paste", &[paste], &[(Severity::Critical, "Upload to paste.rs", "where anybody leaves files")]);
}

#[test]
fn decoys_do_not_push_out_a_trickle() {
    let mut events = Vec::new();
    for number in 0..8 {
        events.push(post(number * 600, "w", "attacker-logger.com"));
        let decoys = if number < 2 { 0 } else { 30 };
        events.extend((0..decoys).map(|decoy| post(number * 600 + 1, "w", &format!("d{number}x{decoy}.example"))));
    }
    let findings = observe(&events);
    let titles: Vec<&str> = findings.alerts().iter().map(|alert| alert.title.as_str()).collect();
    assert_eq!(titles[0], "Slow trickle of data to attacker-logger.com", "{titles:?}");
    assert!(titles[1..].iter().all(|title| title.starts_with("Data to about")), "{titles:?}");
}

#[test]
fn the_state_of_one_agent_is_small() {
    let (mut outflow, mut spread) = (Outflow::default(), Spread::default());
    for number in 0..10_000u64 {
        let event = post(number as i64, "w", &format!("d{}.example", number % 50));
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let event = EventRow::new(&row, false, fixtures::key());
        let load = Load { is_write: true, carried: event.request().unwrap().carried(), address: 0, text: 0 };
        let place = event.place() as u32;
        outflow.trickles.of(place, event.second(), || Trickle::new(place)).unwrap().note(&event, load, 300);
        spread.note(&event, load, 300);
    }
    let mut bytes = Vec::new();
    outflow.pack(&mut bytes);
    spread.pack(&mut bytes);
    assert!(bytes.len() <= 300, "{} bytes", bytes.len());
    assert!(size_of::<Trickle>() <= 60 && size_of::<Spread>() <= 64);
    let places = spread.places();
    assert!((35..=70).contains(&places), "about 50: {places}");
}

#[test]
fn a_pause_of_days_begins_anew() {
    let events: Vec<Value> = (0..8).map(|number| post(number * 300_000, "w", "attacker-logger.com")).collect();
    assert!(observe(&events).alerts().is_empty());
}

#[test]
fn what_is_known_to_have_left_outlasts_a_pause() {
    let events: Vec<Value> =
        (0..12).map(|number| with(post(number * 200_000, "w", "t.example"), &json!({"bytes_out": 12_000}))).collect();
    check("days between", &events, &[(Severity::High, "Slow trickle of data to t.example", "Together they are 72 kB")]);
}
