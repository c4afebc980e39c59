//! Hard budgets by the real binary: many gateways at once against one cap, kill -9 in the middle, blind retries, and the
//! ledger afterwards.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex};

use serde_json::{Value, json};

use crate::harness::{World, http, server::Server};

const BUDGETS: &str = r#"
[[collector]]
name = "gateway"
transport = "http"
dialect = "native"

[[budget]]
name = "payments"
cap_usd = 1
period = "month"
team = "payments"

[[budget]]
name = "everybody"
cap_usd = 100
period = "month"
"#;
/// The cap in micro-USD.
const CAP: u64 = 1_000_000;
/// What each call may cost: it does not divide the cap.
const PRICE: u64 = 7_001;
const GATEWAYS: usize = 8;
const CALLS: usize = 40;
const KILLS: usize = 5;

/// Where the server listens now, and in which of its lives that is.
struct Address {
    now: Mutex<(usize, String)>,
    moved: Condvar,
}

impl Address {
    /// The address, which is not that of the life in which a request failed.
    fn after(&self, failed: Option<usize>) -> (usize, String) {
        let now = self.now.lock().unwrap();
        self.moved.wait_while(now, |(life, _)| failed == Some(*life)).unwrap().clone()
    }

    fn move_to(&self, address: &str) {
        let mut now = self.now.lock().unwrap();
        *now = (now.0 + 1, address.to_owned());
        self.moved.notify_all();
    }
}

fn post(address: &str, token: &str, action: &str, body: &Value) -> std::io::Result<http::Answer> {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let path = format!("/api/v1/budgets/{action}");
    http::send(address, "POST", &path, &headers, body.to_string().as_bytes())
}

/// Asks until there is an answer: a gateway whose server is killed sends the same request again.
fn insist(place: &Address, token: &str, action: &str, body: &Value) -> (u16, Value) {
    let mut failed = None;
    loop {
        let (life, address) = place.after(failed);
        match post(&address, token, action, body) {
            Ok(answer) if answer.status == 503 => failed = None,
            // A kill in the middle of an answer cuts it.
            Ok(answer) => match serde_json::from_str(&answer.body) {
                Ok(body) => return (answer.status, body),
                Err(_) => failed = Some(life),
            },
            Err(_) => failed = Some(life),
        }
    }
}

/// What an answer says that must never change.
fn said(status: u16, answer: &Value) -> Value {
    json!([status, answer["decision"], answer["expires"], answer["available_micros"], answer["code"]])
}

fn reservation(id: &str) -> Value {
    json!({"id": id, "budgets": ["payments", "everybody"], "micros": PRICE, "ttl_seconds": 86_400})
}

/// The calls of one gateway. Every fourth that is granted is committed below its reservation, and every fifth given back.
fn gateway(place: &Address, token: &str, number: usize, answered: &Sender<(String, Value)>) {
    for call in 0..CALLS {
        let id = format!("{number}-{call}");
        let (status, answer) = insist(place, token, "reserve", &reservation(&id));
        assert!(status == 200 || status == 402, "{status} {answer}");
        answered.send((id.clone(), said(status, &answer))).unwrap();
        if status == 200 && call.is_multiple_of(4) {
            let (status, answer) = insist(place, token, "commit", &json!({"id": id, "micros": PRICE - 1}));
            assert_eq!((status, &answer["reserved_micros"]), (200, &json!(PRICE - 1)), "{answer}");
        } else if status == 200 && call.is_multiple_of(5) {
            let (status, answer) = insist(place, token, "release", &json!({"id": id}));
            assert_eq!((status, &answer["decision"]), (200, &json!("released")), "{answer}");
        }
    }
}

#[test]
fn a_cap_holds_while_many_ask_and_the_server_is_killed() {
    let world = World::new(BUDGETS);
    let token = world.token("gateway", &["--role", "budget"]);
    let mut server = Some(world.serve());
    let console = |server: &Option<Server>| server.as_ref().unwrap().console.clone();
    let place = Address { now: Mutex::new((0, console(&server))), moved: Condvar::new() };
    let (sender, answered) = channel();
    let mut answers = BTreeMap::new();
    std::thread::scope(|scope| {
        for number in 0..GATEWAYS {
            let (place, token, sender) = (&place, &token, sender.clone());
            scope.spawn(move || gateway(place, token, number, &sender));
        }
        drop(sender);
        let step = GATEWAYS * CALLS / (KILLS + 1);
        for (id, said) in answered {
            answers.insert(id, said);
            if answers.len().is_multiple_of(step) && answers.len() / step <= KILLS {
                // Dropping it is kill -9.
                drop(server.take());
                server = Some(world.serve());
                place.move_to(&console(&server));
            }
        }
    });
    assert_eq!(answers.len(), GATEWAYS * CALLS);
    check_after_kills(&world, &server.unwrap(), &token, &answers);
}

fn check_after_kills(world: &World, server: &Server, token: &str, answers: &BTreeMap<String, Value>) {
    let granted = answers.values().filter(|said| said[0] == 200).count();
    let refused = answers.len() - granted;
    assert!(granted > 0 && refused > 0, "{granted} granted, {refused} refused");
    // No answer changes; what was ended is over.
    for (id, before) in answers {
        let answer = post(&server.console, token, "reserve", &reservation(id)).unwrap();
        let call: usize = id.split_once('-').unwrap().1.parse().unwrap();
        let ended = before[0] == 200 && [4, 5].iter().any(|every| call.is_multiple_of(*every));
        let now = said(answer.status, &answer.json());
        if ended {
            assert_eq!((&now[0], &now[4]), (&json!(409), &json!("reservation_over")), "{id}");
        } else {
            assert_eq!(now, *before, "{id}");
        }
    }
    let shown = world.run(&["budgets", "show", "payments", "-o", "json"]).ok().json();
    let micros = |name: &str| shown[format!("{name}_micros")].as_u64().unwrap();
    assert!(micros("reserved") + micros("committed") <= CAP, "{shown}");
    let (open, rest) = (shown["open_reservations"].as_u64().unwrap(), micros("available"));
    assert_eq!(micros("reserved"), open * PRICE);
    assert!(rest < PRICE || refused == 0, "somebody was refused although there was room: {shown}");
    // Every answer stands in the ledger, as it was given.
    let asked = world.sql("SELECT count(*) AS n FROM operations WHERE kind = 'budget.reserve'")[0]["n"].clone();
    assert!(asked.as_u64().unwrap() >= answers.len() as u64);
    let decided = ["--ledger", "operations", "kind=budget.decision", "record.request=reserve"];
    world.wait_for(asked.as_u64().unwrap(), &decided);
    let rows = world.sql("SELECT reservation, decision, state FROM reservations ORDER BY seq");
    let mut stored: BTreeMap<&str, &str> = BTreeMap::new();
    for row in &rows {
        let (id, decision) = (row["reservation"].as_str().unwrap(), row["decision"].as_str().unwrap());
        let first = *stored.entry(id).or_insert(decision);
        assert_eq!(first, decision, "{id} was decided twice, and not the same");
    }
    for (id, said) in answers {
        let expected = if said[0] == 200 { "granted" } else { "refused" };
        assert_eq!(stored.get(id.as_str()), Some(&expected), "{id}");
    }
    let kept = rows.iter().filter(|row| row["state"] == "open").map(|row| &row["reservation"]);
    let kept: std::collections::BTreeSet<_> = kept.map(Value::to_string).collect();
    assert_eq!(kept.len() as u64, open);
    eprintln!("{} asked, {granted} granted, {refused} refused, {KILLS} kills, {open} open", answers.len());
    assert_eq!(world.run(&["verify", world.data().to_str().unwrap(), "-o", "json"]).ok().json()["verdict"], "verified");
}

fn event(call: &str, micros: u64) -> String {
    json!({"kind": "model.tokens", "family": "gateway", "source": "gateway", "team": "payments", "interception": call,
        "source_id": call, "cost_source_micros": micros})
    .to_string()
        + "\n"
}

#[test]
fn spend_that_was_not_reserved_is_shown_once_and_a_budget_that_goes_is_closed() {
    let world = World::new(BUDGETS);
    let gateway = world.token("gateway", &["--role", "budget"]);
    let sender = world.token("sender", &["--role", "ingest", "--trust", "gateway"]);
    let server = world.serve();
    assert_eq!(post(&server.console, &gateway, "reserve", &reservation("call-1")).unwrap().status, 200);
    let push = |server: &Server, body: &str| {
        let authorization = format!("Bearer {sender}");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
        http::send(&server.ingest, "POST", "/v1/events/gateway", &headers, body.as_bytes()).unwrap()
    };
    let answer = push(&server, &(event("call-1", 5_000) + &event("stranger", 800)));
    assert_eq!(answer.status, 200, "{answer:?}");
    let observed = ["--ledger", "operations", "kind=budget.observed", "subject=payments", "record.micros=5800"];
    world.wait_for(1, &observed);
    drop(server);
    let server = world.serve();
    assert_eq!(push(&server, &event("later", 100)).status, 200);
    let observed = ["--ledger", "operations", "kind=budget.observed", "subject=payments", "record.micros=5900"];
    world.wait_for(1, &observed);
    let shown = world.run(&["budgets", "show", "payments"]).ok().out;
    for line in ["reserved:     $0.007001", "unreserved:   $0.0009", "observed:     $0.0059", "team:         payments"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(shown.contains("call-1") && shown.contains("gateway"), "{shown}");
    let listed = world.run(&["budgets", "list"]).ok().out;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    world.configure(
        &BUDGETS.replace("name = \"everybody\"", "name = \"all\"").replace("cap_usd = 1\n", "cap_usd = 2\n"),
    );
    server.signal("HUP").unwrap();
    server.wait_for_log("budgets were set").unwrap();
    let rows = world.sql("SELECT budget, cap_micros, set_by FROM budgets ORDER BY budget");
    let caps: Vec<_> = rows.iter().map(|row| (row["budget"].as_str().unwrap(), row["cap_micros"].as_u64())).collect();
    assert_eq!(caps, [("all", Some(100 * CAP)), ("everybody", None), ("payments", Some(2 * CAP))]);
    assert!(rows.iter().all(|row| row["set_by"] == "serve"), "{rows:?}");
    let sets = || world.sql("SELECT count(*) AS n FROM operations WHERE kind = 'budget.set'")[0]["n"].clone();
    let before = sets();
    assert!(server.stop().unwrap().success());
    assert!(world.serve().stop().unwrap().success());
    assert_eq!(sets(), before, "nothing is set that stands there already");
}

#[test]
fn what_a_person_set_stays_until_the_configuration_says_something_new() {
    let world = World::new(BUDGETS);
    let cap = |budget: &str| -> Option<u64> {
        let rows = world.sql("SELECT budget, cap_micros FROM budgets");
        rows.iter().find(|row| row["budget"] == budget).and_then(|row| row["cap_micros"].as_u64())
    };
    let server = world.serve();
    let shown = world.run(&["budgets", "set", "payments", "--cap", "7.5"]).ok().out;
    assert!(shown.contains("cap:          $7.50\n") && shown.contains("configured:"), "{shown}");
    world.run(&["budgets", "set", "night", "--cap", "3", "--team", "data"]).ok();
    let refused = world.run(&["budgets", "set", "payments", "--cap", "1", "--period", "day"]);
    assert!(refused.err.contains("stands in the configuration"), "{refused:?}");
    assert!(world.run(&["budgets", "set", "payments", "--cap", "-1"]).err.contains("--cap"));
    server.signal("HUP").unwrap();
    assert!(server.stop().unwrap().success());
    let server = world.serve();
    assert_eq!((cap("payments"), cap("night")), (Some(7_500_000), Some(3_000_000)), "a restart changes neither");
    world.configure(&BUDGETS.replace("cap_usd = 1\n", "cap_usd = 2\n"));
    server.signal("HUP").unwrap();
    server.wait_for_log("budgets were set").unwrap();
    assert_eq!((cap("payments"), cap("night")), (Some(2 * CAP), Some(3_000_000)), "the file said something new of one");
    world.run(&["budgets", "set", "payments", "--cap", "9"]).ok();
    let shown = world.run(&["budgets", "reset", "payments"]).ok().out;
    assert!(shown.contains("set by:       local\n") && !shown.contains("configured:"), "{shown}");
    assert_eq!(cap("payments"), Some(2 * CAP));
    world.run(&["budgets", "close", "night"]).ok();
    assert_eq!(cap("night"), None);
    assert!(world.run(&["budgets", "close", "payments"]).err.contains("stands in the configuration"));
}
