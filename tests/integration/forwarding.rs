//! From a refused request to the people and systems that have to know: a chat, a SIEM, and the receipts.

use std::time::Duration;

use crate::harness::receiver::{receiver, receiver_that_refuses};
use crate::harness::{World, http};
use crate::life::{COLLECTOR, line};

#[test]
fn an_alert_reaches_people_and_events_reach_the_siem_with_receipts() {
    let (chat, posts) = receiver("ok");
    let (siem, batches) = receiver("{\"text\":\"Success\",\"code\":0}");
    let world = World::new("");
    std::fs::write(world.path("webhook"), format!("http://{chat}/services/T0/B0/hunter2\n")).unwrap();
    std::fs::write(world.path("hec"), "00000000-0000-4000-8000-000000000000\n").unwrap();
    world.configure(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"soc\"\ntype = \"slack\"\nwebhook = \"file:{}\"\nallow_private = true\n\n\
         [[sink]]\nname = \"siem\"\ntype = \"splunk_hec\"\nurl = \"http://{siem}\"\ntoken = \"file:{}\"\nallow_private = true\n",
        world.path("webhook").display(),
        world.path("hec").display(),
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    let config = world.config();
    let config = config.to_str().unwrap();
    let tried = world.run(&["sinks", "test", "soc", "--config", config]).ok();
    assert!(tried.out.contains("outcome: acked") && !tried.out.contains("hunter2"), "{tried:?}");
    let post = posts.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(post.text().contains("Test of the sink soc"));
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let denied =
        line(0, "deny", "POST", "https://attacker-logger.com/collect").replace("2026-11-09T08:17:04.000000000Z", &now);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-ndjson")];
    let answer = http::send(&server.ingest, "POST", "/v1/events/coderd", &headers, denied.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let post = posts.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(post.text().contains("attacker-logger.com"), "the chat is told where it went");
    let head = batches.recv_timeout(Duration::from_secs(30)).unwrap().head;
    assert!(head.starts_with("POST /services/collector"), "{head}");
    assert!(head.to_lowercase().contains("authorization: splunk 00000000"), "{head}");
    // What was acknowledged is in the ledger, by sink.
    for (sink, to) in [("subject=siem", "to=events/0/1"), ("subject=soc", "kind=export.receipt")] {
        world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", sink, to]);
    }
    assert!(server.stop().unwrap().success());
    let receipts =
        world.sql("SELECT subject, \"from\", \"to\" FROM operations WHERE kind = 'export.receipt' ORDER BY seq");
    for sink in ["soc", "siem"] {
        assert!(receipts.iter().any(|receipt| receipt["subject"] == sink), "{receipts:?}");
    }
    let status = world.run(&["sinks", "status", "--config", config, "-o", "json"]).ok().json();
    let events =
        status.as_array().unwrap().iter().find(|worker| worker["sink"] == "siem" && worker["ledger"] == "events");
    assert_eq!(events.unwrap()["next_seq"], 1, "{status}");
}

#[test]
fn a_silenced_alert_is_recorded_and_told_to_nobody() {
    let (chat, posts) = receiver("ok");
    let world = World::new("");
    std::fs::write(world.path("webhook"), format!("http://{chat}/services/T0/B0/hunter2\n")).unwrap();
    world.configure(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"soc\"\ntype = \"slack\"\nwebhook = \"file:{}\"\nallow_private = true\n",
        world.path("webhook").display(),
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    let silenced = ["alerts", "silence", "domain=attacker-logger.com", "--for", "1h", "--reason", "a known test"];
    world.run(&silenced).ok();
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-ndjson")];
    // The second one is told, so whatever was to be said of the first was said before.
    for (at, host) in ["attacker-logger.com", "other.example"].into_iter().enumerate() {
        let denied = line(at as u64, "deny", "POST", &format!("https://{host}/collect"))
            .replace("2026-11-09T08:17:04.000000000Z", &now);
        let answer = http::send(&server.ingest, "POST", "/v1/events/coderd", &headers, denied.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        world.wait_for(at as u64 + 1, &["--ledger", "operations", "kind=alert"]);
    }
    let config = world.config();
    let explained = |domain: &str| {
        let rows = world.sql(&format!("SELECT alert FROM alerts WHERE domain = '{domain}'"));
        let alert = rows[0]["alert"].as_str().unwrap();
        world.run(&["route", "explain", &alert[..20], "--config", config.to_str().unwrap(), "-o", "json"]).ok().json()
    };
    let hidden = explained("attacker-logger.com");
    assert!(hidden["hidden_by"].as_str().unwrap().starts_with("silence-"), "{hidden}");
    let told = explained("other.example");
    assert!(told["hidden_by"].is_null() && told["receivers"][0] == "soc", "{told}");
    let body = posts.recv_timeout(Duration::from_secs(30)).unwrap().text();
    assert!(body.contains("other.example") && !body.contains("attacker-logger.com"), "{body}");
    assert!(server.stop().unwrap().success());
    assert!(posts.try_recv().is_err(), "one notice, of the alert that nobody silenced");
    assert_eq!(world.sql("SELECT alert FROM alerts").len(), 2);
}

#[test]
fn what_a_receiver_refused_is_sent_once_more_when_somebody_asks() {
    let (chat, posts) = receiver_that_refuses(1, "ok");
    let world = World::new("");
    std::fs::write(world.path("webhook"), format!("http://{chat}/services/T0/B0/hunter2\n")).unwrap();
    world.configure(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"soc\"\ntype = \"slack\"\nwebhook = \"file:{}\"\nallow_private = true\n",
        world.path("webhook").display(),
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let config = world.config();
    let retry = ["sinks", "retry", "soc", "--config", config.to_str().unwrap()];
    assert_eq!(world.run(&retry).code, 2, "nobody sends");
    let server = world.serve();
    let unknown = world.run(&["sinks", "retry", "soz", "--config", config.to_str().unwrap()]);
    assert!(unknown.code == 2 && unknown.err.contains("soz"), "{unknown:?}");
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let denied =
        line(0, "deny", "POST", "https://attacker-logger.com/collect").replace("2026-11-09T08:17:04.000000000Z", &now);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-ndjson")];
    http::send(&server.ingest, "POST", "/v1/events/coderd", &headers, denied.as_bytes()).unwrap();
    let refused = posts.recv_timeout(Duration::from_secs(30)).unwrap();
    world.wait_for(1, &["--ledger", "operations", "kind=export.rejected"]);
    world.run(&retry).ok();
    let again = posts.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(again.text(), refused.text(), "the same notice");
    world.wait_for(1, &["--ledger", "operations", "kind=export.replayed"]);
    assert!(server.stop().unwrap().success());
}

#[test]
fn a_change_of_rules_leaves_the_sinks_alone() {
    let (siem, batches) = receiver("{\"text\":\"Success\",\"code\":0}");
    let world = World::new("");
    std::fs::write(world.path("hec"), "00000000-0000-4000-8000-000000000000\n").unwrap();
    let settings = |more: &str| {
        let hec = world.path("hec");
        world.configure(&format!(
            "{COLLECTOR}\n[[sink]]\nname = \"siem\"\ntype = \"splunk_hec\"\nurl = \"http://{siem}\"\ntoken = \"file:{}\"\n\
             allow_private = true\n{more}",
            hec.display(),
        ));
    };
    settings("");
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-ndjson")];
    let allowed = line(0, "allow", "GET", "https://pypi.example/simple");
    http::send(&server.ingest, "POST", "/v1/events/coderd", &headers, allowed.as_bytes()).unwrap();
    batches.recv_timeout(Duration::from_secs(30)).unwrap();
    world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", "subject=siem", "to=events/0/1"]);
    // What the worker of the sink counted. Its metrics count for as long as the process lives.
    let sent = || {
        let config = world.config();
        let status = world.run(&["sinks", "status", "--config", config.to_str().unwrap(), "-o", "json"]).ok().json();
        let workers = status.as_array().unwrap();
        let events = workers.iter().find(|worker| worker["ledger"] == "events").unwrap()["sent"].as_u64().unwrap();
        let metrics = http::get(&server.console, "/metrics").body;
        let counted = "tachograph_export_records_total{sink=\"siem\",ledger=\"events\"} 1\n";
        assert!(metrics.contains(counted), "{events}: {metrics}");
        events
    };
    assert_eq!(sent(), 1);
    settings("[detect.rules.\"egress.denied_post\"]\nenabled = false\n");
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was changed").unwrap();
    assert_eq!(sent(), 1, "it runs on");
    settings("severity = \"high\"\n");
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was changed").unwrap();
    assert_eq!(sent(), 0, "it was started anew");
    assert!(server.stop().unwrap().success());
}
