//! One sender does not stop the others: connections that trickle, that never read, and more of them than there are places.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::harness::tls::Authority;
use crate::harness::{World, http};

const CONFIGURATION: &str = r#"
[[collector]]
name = "native"
transport = "http"
dialect = "native"

[[budget]]
name = "payments"
cap_usd = 10
period = "month"
"#;

/// More connections than a listener has places.
const CROWD: usize = 1_100;

/// Connections that send this and then nothing more.
fn crowd(address: &str, number: usize, head: impl AsRef<[u8]>) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        // The server may hang up at any time: that is what it is asked to do.
        let _ = stream.write_all(head.as_ref());
        stream
    };
    (0..number).map(connect).collect()
}

/// This process needs as many files as the crowd has connections.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[test]
fn slow_bodies_of_nobody_keep_the_console_and_the_budgets_reachable() {
    raise_file_limit();
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let gateway = world.token("gateway", &["--role", "budget"]);
    let head = format!(
        "POST /api/v1/integrations/slack/interactions HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\npayload=",
        server.console
    );
    let slow = crowd(&server.console, CROWD, &head);
    let silent = crowd(&server.console, CROWD, "GET /healthz HTTP/1.1\r\n");
    assert_eq!(http::get(&server.console, "/healthz").status, 200);
    assert_eq!(http::get(&server.console, "/readyz").status, 200);
    let reserve = |id: &str| {
        let body = json!({ "id": id, "budgets": ["payments"], "micros": 10 }).to_string();
        let authorization = format!("Bearer {gateway}");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        http::send(&server.console, "POST", "/api/v1/budgets/reserve", &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(reserve("first"), 200);
    // Whoever finds no place among those without a token is told so, and is not read.
    let mut refused = slow.into_iter().filter_map(|mut stream| {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 429").then_some(answer)
    });
    assert!(refused.next().is_some_and(|answer| answer.contains("retry-after: 1")));
    assert_eq!(reserve("second"), 200);
    drop(silent);
    assert!(server.stop().unwrap().success());
}

#[test]
fn slow_bodies_of_one_token_keep_no_other_token_waiting() {
    raise_file_limit();
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let [slow, other] = ["slow", "other"].map(|name| world.token(name, &["--role", "ingest"]));
    let head = format!(
        "POST /v1/events/native HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {slow}\r\nContent-Length: 100000\r\n\r\n{{",
        server.ingest
    );
    let crowd = crowd(&server.ingest, 200, &head);
    for number in 0..20 {
        let event =
            json!({ "kind": "egress.http", "host": "files.example", "source_id": number.to_string() }).to_string();
        let authorization = format!("Bearer {other}");
        let headers = [("Authorization", authorization.as_str())];
        let answer = http::send(&server.ingest, "POST", "/v1/events/native", &headers, event.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    drop(crowd);
    assert!(server.stop().unwrap().success());
    let rows = world.sql("SELECT count(*) AS n FROM events WHERE kind = 'egress.http'");
    assert_eq!(rows[0]["n"], 20);
}

#[test]
fn handshakes_that_never_end_keep_nobody_waiting() {
    raise_file_limit();
    let world = World::new(CONFIGURATION);
    let authority = Authority::new(&world, "authority");
    world.configure_listeners(&authority.sign(&world, "server").settings(), CONFIGURATION);
    let server = world.serve();
    let token = world.token("other", &["--role", "ingest"]);
    let client = authority.client();
    // The head of a record of 512 bytes that never come, and a silence.
    let half = crowd(&server.ingest, CROWD, b"\x16\x03\x01\x02\x00\x01");
    let silent = crowd(&server.ingest, CROWD, b"");
    for number in 0..5 {
        let event =
            json!({ "kind": "egress.http", "host": "files.example", "source_id": number.to_string() }).to_string();
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let stream = client.connect(&server.ingest).unwrap();
        let address = &server.ingest;
        let answer = http::send_over(stream, address, "POST", "/v1/events/native", &headers, event.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // Nobody waits for handshakes at the end either.
    assert!(server.stop().unwrap().success());
    drop((half, silent));
}

#[test]
fn tails_that_nobody_reads_leave_places_for_others() {
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let [greedy, other] = ["greedy", "other"].map(|name| world.token(name, &["--role", "analyst"]));
    let tail = |token: &str| {
        let mut stream = TcpStream::connect(&server.console).unwrap();
        let head = format!(
            "GET /api/v1/tail?ledger=operations&from=start HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            server.console
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8(status.to_vec()).unwrap(), stream)
    };
    let held: Vec<_> = (0..64).map(|_| tail(&greedy)).collect();
    let refused = held.iter().filter(|(status, _)| status == "HTTP/1.1 429").count();
    assert!(refused > 0 && refused < 64, "{refused} of 64");
    assert_eq!(tail(&other).0, "HTTP/1.1 200");
    drop(held);
    assert!(server.stop().unwrap().success());
}

#[test]
fn an_ambiguous_or_foreign_head_is_refused() {
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let ask = |head: &str| {
        let mut stream = TcpStream::connect(&server.console).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let close = "Connection: close\r\n\r\n";
    let twice =
        ask(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: a\r\nAuthorization: b\r\n{close}"));
    assert!(twice.starts_with("HTTP/1.1 400") && twice.contains("\"code\":\"ambiguous\""), "{twice}");
    let foreign = ask(&format!("GET /healthz HTTP/1.1\r\nHost: rebound.example\r\n{close}"));
    assert!(foreign.starts_with("HTTP/1.1 421") && foreign.contains("names"), "{foreign}");
    assert!(ask(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{close}")).starts_with("HTTP/1.1 200"));
    assert!(server.stop().unwrap().success());
}
