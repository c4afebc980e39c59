//! The life of an alert by the real binary: found by a detector, worked on over HTTP and by commands, hidden, and still
//! there after the power went.

use serde_json::Value;

use crate::harness::{World, http, server::Server};
use crate::life::{COLLECTOR, line, push};

/// The one alert of this story; waits until it is there.
fn alert(world: &World, server: &Server) -> String {
    let token = world.token("coderd", &["--role", "ingest"]);
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let denied =
        line(0, "deny", "POST", "https://attacker-logger.com/collect").replace("2026-11-09T08:17:04.000000000Z", &now);
    assert_eq!(push(&server.ingest, &token, 0, &denied).unwrap().status, 200);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);
    let listed = world.run(&["alerts", "list", "-o", "json"]).ok().json();
    listed["alerts"][0]["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn post(server: &Server, token: &str, path: &str, body: &str) -> http::Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    http::send(&server.console, "POST", path, &headers, body.as_bytes()).unwrap()
}

#[test]
fn an_alert_lives_through_people_commands_and_a_loss_of_power() {
    let world = World::new(COLLECTOR);
    let ana = world.token("ana", &["--role", "analyst", "--content"]);
    let auditor = world.token("aud", &["--role", "auditor"]);
    let server = world.serve();
    let id = alert(&world, &server);
    // By a named person over HTTP.
    assert_eq!(post(&server, &auditor, &format!("/api/v1/alerts/{id}/ack"), "").status, 403);
    let acknowledged = post(&server, &ana, &format!("/api/v1/alerts/{id}/ack"), r#"{"note":"looking"}"#);
    assert_eq!((acknowledged.status, &acknowledged.json()["status"]), (200, &Value::from("acknowledged")));
    let again = post(&server, &ana, &format!("/api/v1/alerts/{id}/ack"), "");
    assert_eq!((again.status, &again.json()["code"]), (409, &Value::from("already_acknowledged")));
    // By commands: through the socket of the running server, and of a server as somebody else.
    let prefix = &id["alert-".len()..][..8];
    let assigned = world.run(&["alerts", "assign", prefix, "ben"]).ok().out;
    assert!(
        assigned.starts_with(&format!("Assigned {id}: it is acknowledged, recorded at operations/0/")),
        "{assigned}"
    );
    let url = format!("http://{}", server.console);
    let remote = |arguments: &[&str]| world.run(&[arguments, &["--server", &url, "--token", &ana]].concat());
    remote(&["alerts", "note", prefix, "it was the left-pad\nagain"]).ok();
    let tried =
        remote(&["alerts", "silence", "rule=egress.denied_post", "--reason", "known", "--for", "2h", "--dry-run"]).ok();
    assert_eq!(tried.out, "It would have hidden 1 alert of the last 7 days.\n");
    let refused = world.run(&["alerts", "silence", "rule~*", "--reason", "quiet", "--for", "2h"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("it would hide every alert"), "{refused:?}");
    let silenced = world
        .run(&["alerts", "silence", "rule=egress.denied_post", "--reason", "known", "--for", "2h", "-o", "json"])
        .ok();
    assert!(silenced.err.contains("It would have hidden 1 alert "), "{silenced:?}");
    let silence = silenced.json()["id"].as_str().unwrap().to_owned();
    let resolved =
        remote(&["alerts", "resolve", prefix, "--reason", "true_positive", "--note", "blocked", "--if-version", "4"])
            .ok();
    assert!(resolved.out.contains("it is closed"), "{resolved:?}");
    let twice = world.run(&["alerts", "resolve", prefix, "--reason", "benign"]);
    assert_eq!(twice.code, 2, "{twice:?}");
    assert!(twice.err.contains("closed already as true_positive, by ana"), "{twice:?}");
    server.signal("KILL").unwrap();
    drop(server);
    check(&world, &id, &silence);
    let verify = || world.run(&["verify", world.data().to_str().unwrap()]);
    // It may have died between a ledger's first batch and the checkpoint over it: the next start signs that.
    let after_kill = verify();
    assert!(
        after_kill.code == 0 || after_kill.code == 4 && after_kill.out.contains("the next start signs one"),
        "{after_kill:?}"
    );
    let server = world.serve();
    check(&world, &id, &silence);
    verify().ok();
    let url = format!("http://{}", server.console);
    let shown = world.run(&["alerts", "show", &id, "--server", &url, "--token", &ana]).ok().out;
    assert!(shown.contains("closed:       true_positive by ana at "), "{shown}");
    assert!(shown.contains("ana note: it was the left-pad\\nagain\n"), "{shown}");
    world.run(&["alerts", "unsilence", &silence]).ok();
    assert_eq!(world.run(&["alerts", "silences"]).ok().out, "There are no such silences.\n");
    assert!(server.stop().unwrap().success());
    // Without a server the command records by itself.
    world.run(&["alerts", "reopen", &id, "--note", "not over"]).ok();
    assert!(world.run(&["alerts", "list"]).ok().out.contains(" open "), "it is listed again");
    assert_eq!(world.run(&["verify", world.data().to_str().unwrap(), "-o", "json"]).ok().json()["verdict"], "verified");
}

/// What must be seen of it, with a server and without.
#[track_caller]
fn check(world: &World, id: &str, silence: &str) {
    let shown = world.run(&["alerts", "show", id, "-o", "json"]).ok().json();
    assert_eq!((&shown["status"], &shown["assignee"]), (&Value::from("closed"), &Value::from("ben")));
    assert_eq!(shown["evidence"][0], "events/0/0");
    assert_eq!(shown["hidden"][0]["by"], silence);
    let steps: Vec<_> = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["by"].as_str().unwrap(), step["action"].as_str().unwrap(), step["note"].as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("ana", "acknowledge", Some("looking")),
            ("local", "assign", None),
            ("ana", "note", Some("it was the left-pad\nagain")),
            ("ana", "close", Some("blocked")),
        ]
    );
    let row = &world.sql("SELECT status, acknowledged_by, assignee, closed_by, close_reason, notes FROM alerts")[0];
    let expected = r#"{"status":"closed","acknowledged_by":"ana","assignee":"ben","closed_by":"ana","close_reason":"true_positive","notes":3}"#;
    assert_eq!(row, &serde_json::from_str::<Value>(expected).unwrap());
    let silences = world.run(&["alerts", "silences", "-o", "json"]).ok().json();
    assert_eq!(
        (&silences["silences"][0]["id"], &silences["silences"][0]["state"]),
        (&Value::from(silence), &Value::from("active"))
    );
    let actors =
        world.sql("SELECT kind, actor FROM operations WHERE kind LIKE 'alert.%' OR kind = 'silence' ORDER BY seq");
    assert_eq!(actors.len(), 5, "{actors:?}");
}

#[test]
fn a_configured_inhibition_is_shown_and_a_wrong_one_refused() {
    let rule =
        "[[alerts.inhibit]]\nname = \"high first\"\nsource = [\"severity~*\"]\ntarget = [\"rule=loop.repeat\"]\n";
    let world = World::new(rule);
    let config = world.config();
    let check = |world: &World| world.run(&["config", "check", config.to_str().unwrap()]);
    let ended = check(&world);
    assert_eq!(ended.code, 0, "{ended:?}");
    world.configure(&rule.replace("severity~*", "colour=red"));
    let ended = check(&world);
    assert_eq!(ended.code, 78, "{ended:?}");
    assert!(ended.err.contains("colour"), "{ended:?}");
}
