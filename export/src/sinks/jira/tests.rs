//! The requests as Jira's API wants them, what its answers mean, and that each alert has one issue, which ends with it.

use std::collections::BTreeMap;

use operations::alert::{Alert, Severity, State};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{self, alert_of, outbox, records_of, told_as};

fn sink() -> Jira {
    let settings = json!({"url": "https://jira.acme.example/", "user": "bot@acme.example", "token": "env:J", "project": "SEC",
        "done_transition": "31"});
    serde_json::from_value::<Jira>(settings).unwrap().sink().unwrap()
}

fn requests(alerts: &[Alert], outbox: &Outbox) -> Vec<(String, Value)> {
    let messages = sink().render(&records_of(alerts), outbox).messages;
    messages.into_iter().map(|message| (message.path, serde_json::from_slice(&message.body).unwrap())).collect()
}

fn resolved(number: u64) -> Alert {
    Alert { revision: 2, state: State::Resolved, ..alert_of(number, Severity::High) }
}

#[test]
fn an_alert_is_an_issue_and_its_end_waits_for_the_name_of_it() {
    let alerts = [alert_of(1, Severity::High), resolved(1)];
    let rendered = sink().render(&records_of(&alerts), &outbox());
    assert_eq!((rendered.messages.len(), rendered.taken), (1, 1), "the end is in the next batch");
    let created = &requests(&alerts, &outbox())[0];
    assert_eq!(created.0, "/rest/api/3/issue");
    let fields = &created.1["fields"];
    assert_eq!(fields["summary"], "[HIGH][OPEN] Refused POST to attacker-logger.com");
    assert_eq!((&fields["project"]["key"], &fields["issuetype"]["name"]), (&json!("SEC"), &json!("Task")));
    let label = format!("tachograph-{}_r1", alerts[0].id);
    assert_eq!(fields["labels"], json!(["tachograph", "severity-high", label]));
    assert_eq!((&fields["description"]["type"], &fields["description"]["version"]), (&json!("doc"), &json!(1)));
    let ends = requests(&[resolved(1)], &told_as(&[1], false, "SEC-7"));
    let paths: Vec<&str> = ends.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/rest/api/3/issue/SEC-7/comment", "/rest/api/3/issue/SEC-7/transitions"]);
    assert_eq!(ends[0].1["body"]["content"][0]["content"][0]["text"], "Resolved after 1 events.");
    assert_eq!(ends[1].1, json!({"transition": {"id": "31"}}));
}

#[test]
fn numbers_are_no_comment_and_what_becomes_worse_is_one() {
    let known = told_as(&[1], false, "SEC-7");
    let more = Alert { revision: 2, state: State::Updated, count: 9, follows: Some(1), ..alert_of(1, Severity::High) };
    assert!(requests(&[more], &known).is_empty());
    let worse = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::Critical) };
    let said = requests(&[worse], &known);
    assert_eq!((said.len(), said[0].0.as_str()), (1, "/rest/api/3/issue/SEC-7/comment"));
    assert!(said[0].1.to_string().contains("[CRITICAL][UPDATED]"));
}

#[test]
fn a_storm_is_few_issues_and_its_digest_ends() {
    let alerts: Vec<Alert> = (0..2_000).map(|number| alert_of(number, Severity::ALL[number as usize % 5])).collect();
    let storm = requests(&alerts, &outbox());
    assert_eq!(storm.len(), 6);
    assert!(storm.iter().all(|(path, _)| path == "/rest/api/3/issue"));
    assert!(storm[5].1["fields"]["summary"].as_str().unwrap().starts_with("[DIGEST] 1995 alerts"));
    let ends = requests(&[resolved(1), resolved(2)], &told_as(&[1, 2], true, "SEC-9"));
    let paths: Vec<&str> = ends.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/rest/api/3/issue/SEC-9/comment", "/rest/api/3/issue/SEC-9/transitions"]);
}

#[test]
fn what_is_no_key_of_an_issue_becomes_no_part_of_an_address() {
    for handle in ["SEC-7/../../x", "sec-7", "SEC-", "SEC", "-7", "S EC-7", "SEC-7?"] {
        let ends = requests(&[resolved(1)], &told_as(&[1], false, handle));
        assert!(ends.is_empty(), "{handle}: {ends:?}");
    }
    let sly = Response { status: 201, retry_after: None, body: json!({"key": "../../x"}).to_string() };
    assert!(matches!(sink().judge(&sly), Judgement::Acked(Ack { handle: None, .. })));
}

#[test]
fn a_creation_that_is_not_certain_is_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t"), "hunter2").unwrap();
    let sink = Jira { token: Secret::File(dir.path().join("t")), ..sink() };
    let message = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox()).messages.remove(0);
    let question = sink.question(&message, Timestamp::EPOCH).unwrap().unwrap();
    assert_eq!(question.shown_url, "https://jira.acme.example/rest/api/3/search/jql");
    let proof = question.authorization.unwrap();
    assert_eq!((proof.scheme, proof.secret.expose()), ("Basic", "Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIy"));
    let jql = serde_json::from_slice::<Value>(&question.body).unwrap()["jql"].clone();
    let created: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(jql, format!("labels = {}", created["fields"]["labels"][2]));
    let says = |status: u16, body: &Value| {
        sink.reconciled(&message, &Response { status, retry_after: None, body: body.to_string() })
    };
    assert_eq!(
        says(200, &json!({"issues": [{"id": "1", "key": "SEC-7"}], "isLast": true})),
        Reconciled::Has(Some("SEC-7".into()))
    );
    assert_eq!(says(200, &json!({"issues": [], "isLast": true})), Reconciled::HasNot);
    assert!(matches!(says(200, &json!({})), Reconciled::Unknown(Judgement::Uncertain { .. })));
    assert!(matches!(says(401, &json!({})), Reconciled::Unknown(Judgement::Park { .. })));
    let comment = Message { to: COMMENT, ..message.clone() };
    assert!(sink.question(&comment, Timestamp::EPOCH).is_none());
}

#[test]
fn answers_are_judged() {
    let judge = |status: u16, body: &Value| {
        sink().judge(&Response { status, retry_after: Some(Duration::from_secs(9)), body: body.to_string() })
    };
    let none = json!({});
    let created = judge(201, &json!({"id": "10", "key": "SEC-7"}));
    assert!(matches!(created, Judgement::Acked(Ack { handle: Some(key), .. }) if key == "SEC-7"));
    assert!(matches!((judge(204, &none), judge(429, &none)), (Judgement::Acked(_), Judgement::Retry { .. })));
    let nowhere = json!({"errors": {"project": "valid project is required"}});
    assert!(matches!((judge(400, &nowhere), judge(400, &none)), (Judgement::Park { .. }, Judgement::Reject { .. })));
    let gone = json!({"errorMessages": ["Issue does not exist or you do not have permission to see it."]});
    assert!(matches!((judge(404, &gone), judge(404, &none)), (Judgement::Reject { .. }, Judgement::Park { .. })));
    assert!(matches!((judge(502, &none), judge(401, &none)), (Judgement::Uncertain { .. }, Judgement::Park { .. })));
}

#[test]
fn mistakes_are_named() {
    let check = |name: &str, value: Value| {
        let mut settings = json!({"url": "https://jira.acme.example", "token": "env:J", "project": "SEC"});
        settings[name] = value;
        let error = serde_json::from_value::<Jira>(settings).unwrap().sink().err().unwrap();
        assert!(error.contains(name), "{error}");
    };
    check("project", json!("sec-1"));
    check("done_transition", json!("Done"));
    check("issue_type", json!(" "));
    check("user", json!("a:b"));
    check("url", json!("acme"));
}

/// A Jira: its issues by their keys, and whether each is open.
#[derive(Default)]
struct Model(BTreeMap<String, bool>);

impl Model {
    /// Takes a message, and returns what it calls the issue that it created.
    fn take(&mut self, message: &Message) -> Option<String> {
        if message.to == CREATE {
            let key = format!("SEC-{}", self.0.len() + 1);
            self.0.insert(key.clone(), true);
            return Some(key);
        }
        let key = message.path.strip_prefix("/rest/api/3/issue/").unwrap().split('/').next().unwrap();
        let open = self.0.get_mut(key).expect("nothing is said of an issue that does not exist");
        *open &= message.to != MOVE;
        None
    }
}

proptest! {
    #[test]
    fn an_alert_has_one_issue_which_ends_with_it(steps in proptest::collection::vec((0u8..5, any::<bool>()), 1..20)) {
        let (mut outbox, mut jira) = (outbox(), Model::default());
        let (mut batch, mut revision, mut over, mut episodes) = (Vec::new(), 0, true, 0);
        for (step, sends) in steps {
            let alert = alert_of(1, [Severity::High, Severity::Critical][usize::from(step == 1)]);
            match step {
                0 | 1 => {
                    revision += 1;
                    episodes += usize::from(over);
                    over = false;
                    let state = if revision == 1 { State::Open } else { State::Updated };
                    batch.push(fixtures::entry_of(&Alert { revision, state, ..alert }));
                }
                _ if over => continue,
                2 => batch.push(fixtures::step("alert.ack", &Alert { revision, ..alert })),
                3 => {
                    (over, revision) = (true, revision + 1);
                    batch.push(fixtures::entry_of(&Alert { revision, state: State::Resolved, ..alert }));
                }
                _ => {
                    over = true;
                    batch.push(fixtures::step("alert.close", &Alert { revision, ..alert }));
                }
            }
            if sends {
                deliver(&mut batch, &mut outbox, &mut jira);
                prop_assert_eq!(jira.0.values().filter(|open| **open).count(), usize::from(!over));
                prop_assert_eq!(jira.0.len(), episodes);
            }
        }
    }
}

/// Renders what waits, in batches, and has the model and the outbox take it.
fn deliver(batch: &mut Vec<Value>, outbox: &mut Outbox, jira: &mut Model) {
    let mut records = fixtures::alert_records(&fixtures::operations(batch));
    while !records.is_empty() {
        let rendered = sink().render(&records, outbox);
        for message in &rendered.messages {
            let handle = jira.take(message);
            if !message.alerts.is_empty() {
                fixtures::receive_as(outbox, &json!(message.alerts), false, handle.as_deref());
            }
        }
        records.drain(..rendered.taken);
    }
    batch.clear();
}
