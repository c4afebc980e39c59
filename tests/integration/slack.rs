//! The button under a Slack message, by the real binary: signed as Slack signs, and otherwise not believed.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::harness::{World, http, server::Server};
use crate::life::{COLLECTOR, line, push};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const PATH: &str = "/api/v1/integrations/slack/interactions";

/// The signature of a body as Slack makes it.
fn sign(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn send(server: &Server, timestamp: i64, body: &str, signature: &str) -> http::Answer {
    let timestamp = timestamp.to_string();
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Slack-Request-Timestamp", timestamp.as_str()),
        ("X-Slack-Signature", signature),
    ];
    http::send(&server.console, "POST", PATH, &headers, body.as_bytes()).unwrap()
}

fn pressed(user: &str, alert: &str) -> String {
    let payload = json!({
        "type": "block_actions", "user": {"id": user, "username": "ana", "team_id": "T0"}, "response_url": "https://hooks.slack.example/actions",
        "actions": [{"type": "button", "action_id": "tachograph_acknowledge", "value": alert}],
    });
    payload.to_string().bytes().fold("payload=".to_owned(), |form, byte| format!("{form}%{byte:02X}"))
}

#[test]
fn a_signed_button_acknowledges_once_and_nobody_else_is_believed() {
    let world = World::new("");
    std::fs::write(world.path("webhook"), "http://127.0.0.1:9/services/T0/B0/hunter2\n").unwrap();
    std::fs::write(world.path("signing"), format!("{SECRET}\n")).unwrap();
    world.configure(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"soc\"\ntype = \"slack\"\nwebhook = \"file:{}\"\nsigning_secret = \"file:{}\"\nallow_private = true\n",
        world.path("webhook").display(),
        world.path("signing").display(),
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    let time = chrono::Utc::now();
    let denied = line(0, "deny", "POST", "https://attacker-logger.com/collect")
        .replace("2026-11-09T08:17:04.000000000Z", &time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string());
    assert_eq!(push(&server.ingest, &token, 0, &denied).unwrap().status, 200);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);
    let listed = world.run(&["alerts", "list", "-o", "json"]).ok().json();
    let id = listed["alerts"][0]["id"].as_str().unwrap();
    let (now, body) = (time.timestamp(), pressed("U123ABC", id));
    // Nobody is believed without a signature of the last minutes over these bytes, and nobody is told why.
    let strangers = [
        send(&server, now, &body, &sign("another secret", now, &body)),
        send(&server, now, &body, &sign(SECRET, now, &pressed("U123ABC", "alert-0"))),
        send(&server, now - 600, &body, &sign(SECRET, now - 600, &body)),
        send(&server, now + 600, &body, &sign(SECRET, now + 600, &body)),
        send(&server, now + 1, &body, &sign(SECRET, now, &body)),
        send(&server, now, &body, "v0="),
        send(&server, now, "", ""),
    ];
    for answer in &strangers {
        assert_eq!((answer.status, &answer.body), (401, &strangers[0].body), "{answer:?}");
    }
    let large = "x".repeat(300 << 10);
    assert_eq!(send(&server, now, &large, &sign(SECRET, now, &large)).status, 413);
    let text = |answer: http::Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["text"].as_str().unwrap().to_owned()
    };
    let signature = sign(SECRET, now, &body);
    assert_eq!(text(send(&server, now, &body, &signature)), format!("You look after {id}."));
    assert_eq!(text(send(&server, now, &body, &signature)), "This was done already.");
    let other = pressed("U9", id);
    let said = text(send(&server, now, &other, &sign(SECRET, now, &other)));
    assert_eq!(said, "Nothing was changed: the alert was acknowledged already, by slack:U123ABC/ana.");
    server.signal("KILL").unwrap();
    drop(server);
    let server = world.serve();
    let said = text(send(&server, now, &body, &signature));
    assert_eq!(said, "Nothing was changed: the alert was acknowledged already, by slack:U123ABC/ana.");
    let done = world.sql("SELECT subject, actor FROM operations WHERE kind = 'alert.ack'");
    assert_eq!(done, [json!({"subject": id, "actor": "slack:U123ABC/ana"})]);
    world.run(&["alerts", "resolve", id, "--reason", "benign"]).ok();
    let again = pressed("U9", id);
    let said = text(send(&server, now, &again, &sign(SECRET, now, &again)));
    assert!(said.contains("closed already as benign, by local"), "{said}");
    // The secret is read anew each time, so that it can be rotated.
    std::fs::write(world.path("signing"), "rotated\n").unwrap();
    assert_eq!(send(&server, now, &body, &signature).status, 401);
    assert!(server.stop().unwrap().success());
}
