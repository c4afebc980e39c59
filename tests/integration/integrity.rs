//! Verification while the server runs: a byte that is changed behind its back is named in the status, in the API and on the page.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{World, http};
use crate::life::{COLLECTOR, lines, push};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until the answer is what is waited for.
#[track_caller]
fn ask_until(address: &str, token: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = ask(address, token, "GET", path);
        if holds(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {answer}");
        std::thread::yield_now();
    }
}

#[track_caller]
fn ask(address: &str, token: &str, method: &str, path: &str) -> Value {
    let authorization = format!("Bearer {token}");
    let answer = http::send(address, method, path, &[("Authorization", &authorization)], b"").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn a_changed_byte_is_named_while_the_server_runs() {
    let world = World::with_store("seal_seconds = 1\n", COLLECTOR);
    let sender = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let analyst = world.token("ana", &["--role", "analyst"]);
    let auditor = world.token("aud", &["--role", "auditor"]);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &sender, 0, &lines(0..200)).unwrap().status, 200);
    let (path, verify) = ("/api/v1/integrity", "/api/v1/integrity/verify");
    let sealed = |answer: &Value| !answer["ledgers"][0]["segments"].as_array().unwrap().is_empty();
    let integrity = ask_until(&server.console, &auditor, path, sealed);
    let number = ask(&server.console, &auditor, "POST", verify)["number"].as_u64().unwrap();
    let is_done = |number: u64| move |answer: &Value| answer["verification"]["number"].as_u64() >= Some(number);
    let status = ask_until(&server.console, &analyst, "/api/v1/status", is_done(number));
    assert_eq!(status["verification"]["verdict"], "verified");
    // An analyst reads, and has nothing verified.
    let authorization = format!("Bearer {analyst}");
    let denied = http::send(&server.console, "POST", verify, &[("Authorization", &authorization)], b"").unwrap();
    assert_eq!((denied.status, denied.json()["code"].as_str()), (403, Some("role")));
    let file = integrity["ledgers"][0]["segments"][0]["file"].as_str().unwrap();
    let segment = world.data().join("events/0/segment").join(file);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let number = ask(&server.console, &auditor, "POST", verify)["number"].as_u64().unwrap();
    let status = ask_until(&server.console, &analyst, "/api/v1/status", is_done(number));
    assert_eq!(status["verification"]["verdict"], "tampered");
    let integrity = ask(&server.console, &auditor, "GET", path);
    assert_eq!(
        (&integrity["verdict"], integrity["verifications"][0]["by"].as_str()),
        (&"tampered".into(), Some("aud"))
    );
    let place = integrity["verifications"][0]["faults"][0]["place"].as_str().unwrap();
    assert!(place.contains(file), "{place}");
    assert_eq!(integrity["ledgers"][0]["segments"][0]["state"], "tampered");
    server.wait_for_log("the ledger was tampered with").unwrap();
}
