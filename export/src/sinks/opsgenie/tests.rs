//! The requests as the API's description wants them, their order and their addresses.

use operations::alert::{Alert, State};

use super::*;
use crate::fixtures::{alert_of, entry_of, outbox, records_of, step as step_of, told};

fn sink(region: &str) -> Opsgenie {
    let settings: OpsgenieSettings =
        serde_json::from_value(json!({"api_key": "env:OPSGENIE", "region": region})).unwrap();
    settings.sink().unwrap()
}

fn requests(records: &[Record], outbox: &Outbox) -> Vec<(String, Value)> {
    let messages = sink("us").render(records, outbox).messages;
    messages.into_iter().map(|message| (message.path, serde_json::from_slice(&message.body).unwrap())).collect()
}

#[test]
fn an_alert_is_created_acknowledged_and_closed_under_one_alias() {
    let alert = alert_of(1, Severity::High);
    let end = Alert { revision: 2, state: State::Resolved, ..alert.clone() };
    let entries = [entry_of(&alert), step_of("alert.ack", &alert), entry_of(&end)];
    let records = crate::fixtures::alert_records(&crate::fixtures::operations(&entries));
    let requests = requests(&records, &outbox());
    let alias = format!("tachograph-{}", alert.id);
    let paths: Vec<&str> = requests.iter().map(|(path, _)| path.as_str()).collect();
    let step = |action: &str| format!("/v2/alerts/{alias}/{action}?identifierType=alias");
    assert_eq!(paths, ["/v2/alerts".to_owned(), step("acknowledge"), step("close")]);
    let created = &requests[0].1;
    assert_eq!((&created["alias"], &created["priority"]), (&json!(alias), &json!("P2")));
    assert_eq!(created["message"], "[HIGH] Refused POST to attacker-logger.com");
    assert_eq!(created["entity"], "alice/api");
    assert_eq!(requests[1].1["note"], "alice looks after it.");
    assert_eq!(requests[2].1["note"], "Resolved after 1 events.");
}

#[test]
fn a_storm_is_few_alerts_and_a_digest_is_closed_when_it_is_over() {
    let alerts: Vec<Alert> = (0..2_000).map(|number| alert_of(number, Severity::ALL[number as usize % 5])).collect();
    let storm = requests(&records_of(&alerts), &outbox());
    assert_eq!(storm.len(), 6);
    assert_eq!(
        (&storm[5].1["priority"], &storm[5].1["alias"]),
        (&json!("P1"), &json!("tachograph-digest_operations_0_0"))
    );
    let ends: Vec<Alert> = (0..2)
        .map(|number| Alert { revision: 2, state: State::Resolved, ..alert_of(number, Severity::High) })
        .collect();
    let over = requests(&records_of(&ends), &told(&[0, 1], true));
    let path = "/v2/alerts/tachograph-digest_operations_0_0/close?identifierType=alias";
    assert_eq!(over.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), [path]);
}

#[test]
fn the_key_goes_to_its_region_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "hunter2").unwrap();
    let hosts = [("us", "https://api.opsgenie.com/v2/alerts"), ("eu", "https://api.eu.opsgenie.com/v2/alerts")];
    for (region, url) in hosts {
        let mut sink = sink(region);
        sink.api_key = Secret::File(dir.path().join("key"));
        let message = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox()).messages.remove(0);
        let request = sink.payload(&message, Timestamp::EPOCH).unwrap();
        assert_eq!(request.shown_url, url);
        assert_eq!(request.authorization.map(|proof| proof.scheme), Some("GenieKey"));
        assert!(!String::from_utf8(request.body).unwrap().contains("hunter2"));
    }
}

#[test]
fn answers_are_judged() {
    let judge = |status: u16| {
        sink("us").judge(&Response { status, retry_after: Some(Duration::from_mins(1)), body: "{}".to_owned() })
    };
    assert!(matches!((judge(200), judge(202)), (Judgement::Acked(_), Judgement::Acked(_))));
    assert!(matches!((judge(400), judge(422)), (Judgement::Reject { .. }, Judgement::Reject { .. })));
    assert!(matches!((judge(429), judge(503)), (Judgement::Retry { .. }, Judgement::Retry { .. })));
    assert!(matches!(judge(500), Judgement::Uncertain { .. }));
    assert!(matches!((judge(401), judge(403)), (Judgement::Park { .. }, Judgement::Park { .. })));
}
