//! A server from its first start to its last: events in, questions out, loss of power in between.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{World, http};

/// A collector that takes pushed lines of coderd.
pub const COLLECTOR: &str = "[[collector]]\nname = \"coderd\"\ntransport = \"http\"\ndialect = \"coder\"\n";
const PRODUCER: &str = "6a0c1a52-4a43-4f35-9a53-3f6e7f3b9c01";

/// One line of coderd: a request that the firewall decided about.
pub fn line(sequence: u64, decision: &str, method: &str, url: &str) -> String {
    let rule = if decision == "allow" { r#""matched_rule":"domain=packages.acme.example","# } else { "" };
    format!(
        r#"{{"ts":"2026-11-09T08:17:05.000000000Z","level":"INFO","msg":"boundary_request","caller":"agentapi/boundary_logs.go:150","func":"ReportBoundaryLogs","logger_names":["coderd","agentrpc"],"fields":{{"owner":"tobias","workspace_name":"upgrade","agent_name":"main","decision":"{decision}","session_id":"8f0d2c4e-6b1a-4d39-9c77-2e5a9b7f1d60","sequence_number":{sequence},"workspace_id":"f2bd4e9f-7e27-49fc-961e-be4d1c2aa987","template_id":"c6d67e98-83ea-49f0-8812-e4abae2b68bc","template_version_id":"0ba39c92-1f1b-4c32-aa3e-9925d7713eb1","http_method":"{method}","http_url":"{url}",{rule}"event_time":"2026-11-09T08:17:04.000000000Z","request_id":"9f30d667-1fc9-47ba-b9e5-8eac46e0abef"}}}}"#
    ) + "\n"
}

/// Many of them, allowed.
pub fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|sequence| line(sequence, "allow", "GET", "https://packages.acme.example/npm/left-pad")).collect()
}

/// Pushes records as one producer; `None` if the server was gone.
pub fn push(ingest: &str, token: &str, offset: u64, body: &str) -> Option<http::Answer> {
    let authorization = format!("Bearer {token}");
    let offset = offset.to_string();
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/x-ndjson"),
        ("Tachograph-Producer", PRODUCER),
        ("Tachograph-Offset", offset.as_str()),
    ];
    http::send(ingest, "POST", "/v1/events/coderd", &headers, body.as_bytes()).ok()
}

#[track_caller]
fn counted(world: &World) -> (u64, u64) {
    let rows =
        world.sql("SELECT count(*) AS n, count(DISTINCT stream_seq) AS d FROM events WHERE kind = 'egress.http'");
    (rows[0]["n"].as_u64().unwrap(), rows[0]["d"].as_u64().unwrap())
}

#[test]
fn from_init_to_verify() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let analyst = world.token("ana", &["--role", "analyst"]);
    let server = world.serve();
    // The first line is for people in a hurry, then every collector and every sink has its own.
    let ready = http::get(&server.console, "/readyz").body;
    assert!(ready.starts_with("ready\ncollector coderd: ok since ") && ready.lines().count() == 2, "{ready}");
    assert_eq!(http::get(&server.console, "/healthz").status, 200);
    let answer = push(&server.ingest, &token, 0, &lines(0..20)).unwrap();
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(20)), "{answer:?}");
    assert_eq!(push(&server.ingest, "tachograph_wrong", 20, &lines(20..21)).unwrap().status, 401);
    assert_eq!(push(&server.ingest, &analyst, 20, &lines(20..21)).unwrap().status, 403);
    // Asked over HTTP, with a token and without.
    let sql = r#"{"sql":"SELECT host, count(*) AS n FROM egress GROUP BY host"}"#;
    let ask = |headers: &[(&str, &str)]| {
        http::send(&server.console, "POST", "/api/v1/query", headers, sql.as_bytes()).unwrap()
    };
    assert_eq!(ask(&[]).status, 401);
    let bearer = format!("Bearer {analyst}");
    let rows = ask(&[("Authorization", &bearer), ("Content-Type", "application/json")]);
    assert_eq!(rows.json()["rows"][0]["n"], 20, "{rows:?}");
    let url = format!("http://{}", server.console);
    let remote = ["sql", "SELECT count(*) AS n FROM events", "-o", "csv", "--server", &url, "--token", &analyst];
    assert_eq!(world.run(&remote).ok().out, "n\n20\n");
    let metrics = http::get(&server.console, "/metrics");
    assert!(metrics.body.contains("tachograph_ledger_next_seq{ledger=\"events\"} 20"), "{}", metrics.body);
    let accept = [("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
    let metrics = http::send(&server.console, "GET", "/metrics", &accept, b"").unwrap();
    assert!(metrics.body.ends_with("# EOF\n"));
    // On the directory, beside the running server.
    assert_eq!(counted(&world), (20, 20));
    let verified = world.run(&["verify", world.data().to_str().unwrap()]).ok();
    assert!(verified.out.contains("verified") && verified.out.contains("key not pinned"), "{verified:?}");
    assert!(server.stop().unwrap().success());
    let verified = world.run(&["verify", world.data().to_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!(verified["verdict"], "verified");
}

#[test]
fn a_token_counts_at_once_and_a_revoked_one_no_more() {
    let world = World::new(COLLECTOR);
    let server = world.serve();
    let token = world.token("coderd", &["--role", "ingest"]);
    assert_eq!(push(&server.ingest, &token, 0, &lines(0..1)).unwrap().status, 200);
    let id = world.run(&["token", "list", "-o", "json"]).ok().json()[0]["token"].as_str().unwrap().to_owned();
    world.run(&["token", "revoke", &id]).ok();
    assert_eq!(push(&server.ingest, &token, 1, &lines(1..2)).unwrap().status, 401);
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9_and_nothing_is_doubled() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest"]);
    let mut server = world.serve();
    let (mut next, step) = (0_u64, 25_u64);
    for _ in 0..5 {
        for _ in 0..4 {
            let answer = push(&server.ingest, &token, next, &lines(next..next + step)).unwrap();
            assert_eq!((answer.status, answer.json()["next_offset"].as_u64()), (200, Some(next + step)), "{answer:?}");
            next += step;
        }
        // A request that is on its way when the power goes: the client does not learn what became of it.
        let body = lines(next..next + step);
        let ingest = server.ingest.clone();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| push(&ingest, &token, next, &body).map(|answer| answer.status));
            let killed = server.signal("KILL");
            killed.unwrap();
            // Answered or not, both are fine: it is sent again.
            let _ = sending.join().unwrap();
        });
        drop(server);
        server = world.serve();
        let answer = push(&server.ingest, &token, next, &body).unwrap();
        assert_eq!((answer.status, answer.json()["next_offset"].as_u64()), (200, Some(next + step)), "{answer:?}");
        next += step;
    }
    assert_eq!(counted(&world), (next, next));
    drop(server);
    assert_eq!(counted(&world), (next, next), "without a server too");
    world.run(&["verify", world.data().to_str().unwrap()]).ok();
}

#[test]
fn a_refused_post_becomes_an_alert() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let denied =
        line(0, "deny", "POST", "https://attacker-logger.com/collect").replace("2026-11-09T08:17:04.000000000Z", &now);
    // The tail is there before the alert: it must see it come.
    let url = format!("http://{}", server.console);
    let analyst = world.token("ana", &["--role", "analyst"]);
    let tail = [
        "tail",
        "kind=alert",
        "--ledger",
        "operations",
        "--from",
        "start",
        "-n",
        "1",
        "-o",
        "json",
        "--server",
        &url,
        "--token",
        &analyst,
    ];
    let tail = world.command(&tail).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(push(&server.ingest, &token, 0, &denied).unwrap().status, 200);
    let output = tail.wait_with_output().unwrap();
    assert!(output.status.success());
    let alert: Value = serde_json::from_slice(&output.stdout).unwrap();
    let record: Value = serde_json::from_str(alert["record"].as_str().unwrap()).unwrap();
    assert_eq!(record["rule"], "egress.denied_post");
    assert!(record["reason"].as_str().unwrap().contains("attacker-logger.com"), "{record}");
    assert_eq!(record["evidence"][0], "events/0/0");
}

#[test]
fn a_file_is_tailed_while_it_grows() {
    let world = World::empty();
    let world = {
        world.run(&["init", world.data().to_str().unwrap()]).ok();
        let path = world.path("coderd.json");
        std::fs::write(&path, lines(0..10)).unwrap();
        world.configure(&format!(
            "[[collector]]\nname = \"coderd\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {:?}\n",
            path.display()
        ));
        world
    };
    let server = world.serve();
    let url_path = world.path("coderd.json");
    world.wait_for(10, &[]);
    let mut file = std::fs::OpenOptions::new().append(true).open(url_path).unwrap();
    std::io::Write::write_all(&mut file, lines(10..30).as_bytes()).unwrap();
    world.wait_for(30, &[]);
    drop(server);
    std::io::Write::write_all(&mut file, lines(30..40).as_bytes()).unwrap();
    let server = world.serve();
    world.wait_for(40, &[]);
    assert!(server.stop().unwrap().success());
    assert_eq!(counted(&world), (40, 40));
}

#[test]
fn a_second_server_is_refused_and_a_bad_file_keeps_the_old_configuration() {
    let world = World::new(COLLECTOR);
    let server = world.serve();
    let second = world.run(&["serve", "--config", world.config().to_str().unwrap()]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("in use by process"), "{second:?}");
    world.configure("[detect]\nno_such_key = 1\n");
    server.signal("HUP").unwrap();
    let kept = server.wait_for_log("the configuration was not changed").unwrap();
    assert!(kept.to_string().contains("no_such_key"), "{kept}");
    world.configure(&format!("{COLLECTOR}\n[detect.rules.\"egress.denied_post\"]\nenabled = false\n"));
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was changed").unwrap();
    let recorded = world.sql("SELECT \"from\", \"to\" FROM operations WHERE kind = 'config' ORDER BY seq");
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert_eq!(recorded[0]["to"], recorded[1]["from"]);
    let prices = world.path("prices.toml");
    std::fs::write(&prices, "version = \"mine\"\n").unwrap();
    world.configure(&format!("{COLLECTOR}\n[ingest]\nprices = {:?}\n", prices.display()));
    server.signal("HUP").unwrap();
    world.wait_for(1, &["--ledger", "operations", "kind=prices", "record.version=mine"]);
    let recorded = world.sql("SELECT \"from\", \"to\" FROM operations WHERE kind = 'prices' ORDER BY seq");
    assert_eq!((recorded.len(), &recorded[0]["to"]), (2, &recorded[1]["from"]), "the built-in ones came before");
}
