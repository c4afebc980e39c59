//! Alerts and silences over the router: work by named principals, pages, roles, refusals, and SQL that agrees.

use axum::Router;
use axum::body::Body;
use axum::http::Request as HttpRequest;
use ledger::LedgerName;
use operations::access::Role;
use operations::triage::{Policy, Status};
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::fixtures::{Ledgers, People, alert as revision, ask, principal};
use crate::tests::documents;
use crate::{OPENAPI, Services, router};
use query::output::Format;
use query::{Engine, Options};

struct Server {
    ledgers: Ledgers,
    engine: Engine,
    router: Router,
}

async fn server() -> Server {
    let ledgers = Ledgers::new(1_000);
    let people = vec![
        principal("ada", Role::Analyst, true),
        principal("bob", Role::Analyst, false),
        principal("root", Role::Admin, false),
        principal("aud", Role::Auditor, false),
        principal("box", Role::Ingest, false),
    ];
    let triage = ledgers.triage();
    let engine = ledgers.engine_with(Options { triage: Some(Arc::clone(&triage)), ..Options::default() });
    let services = Services { engine: engine.clone(), triage, ..ledgers.services(Arc::new(People::new(people))) };
    let router = router(State::new(services));
    let server = Server { ledgers, engine, router };
    for (id, severity) in [("alert-a1", "high"), ("alert-a2", "low"), ("alert-b1", "critical")] {
        server.append([revision(id, 1, "open", severity)]).await;
    }
    server
}

impl Server {
    async fn append(&self, entries: impl IntoIterator<Item = ledger::Entry>) {
        self.ledgers.append(LedgerName::Operations, entries, 10).await;
    }

    /// The status and the JSON of an answer.
    async fn send(&self, who: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer secret-{who}"))
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {body:?}")))
    }

    async fn get(&self, who: &str, path: &str) -> Value {
        let (status, body) = self.send(who, "GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, who: &str, path: &str, body: Value) -> Value {
        let (status, body) = self.send(who, "POST", path, &body.to_string()).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        let page = self.get("aud", &format!("/api/v1/alerts{query}")).await;
        page["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn an_alert_is_worked_on_by_named_people() {
    let server = server().await;
    let done = server.post("ada", "/api/v1/alerts/a1/ack", json!({"note": "looking", "if_version": 1})).await;
    assert_eq!(
        (&done["id"], &done["status"], &done["version"]),
        (&json!("alert-a1"), &json!("acknowledged"), &json!(2))
    );
    assert!(done["position"].as_str().unwrap().starts_with("operations/0/"));
    server.post("root", "/api/v1/alerts/alert-a1/assign", json!({"assignee": "bob"})).await;
    server.post("bob", "/api/v1/alerts/alert-a1/note", json!({"note": "<b>found it</b>"})).await;
    server.post("bob", "/api/v1/alerts/alert-a1/resolve", json!({"reason": "true_positive"})).await;
    let shown = server.get("ada", "/api/v1/alerts/alert-a1").await;
    assert_eq!((&shown["status"], &shown["assignee"], &shown["notes"]), (&json!("closed"), &json!("bob"), &json!(2)));
    assert_eq!((&shown["closed"]["by"], &shown["closed"]["reason"]), (&json!("bob"), &json!("true_positive")));
    assert_eq!((&shown["evidence"], &shown["first_seen"]), (&json!(["events/0/2"]), &json!("2026-11-21T12:00:00Z")));
    documents("Alert", &shown);
    let steps = shown["steps"].as_array().unwrap();
    let said: Vec<_> = steps.iter().map(|step| (&step["by"], &step["action"], step.get("note"))).collect();
    assert_eq!(
        said,
        [
            (&json!("ada"), &json!("acknowledge"), Some(&json!("looking"))),
            (&json!("root"), &json!("assign"), None),
            (&json!("bob"), &json!("note"), Some(&json!("<b>found it</b>"))),
            (&json!("bob"), &json!("close"), None),
        ]
    );
    // Notes are content: who may not read it sees that there is one, and who reads it leaves a trace.
    let withheld = server.get("bob", "/api/v1/alerts/alert-a1").await;
    assert_eq!(withheld["steps"][0]["note"], Value::Null);
    let sql = "SELECT actor, record->>'via' AS via FROM operations WHERE kind = 'content.read'";
    assert_eq!(ask(&server.ledgers.engine(), sql, Format::Csv).await, "actor,via\nada,alerts\n");
    server.append([revision("alert-a1", 2, "updated", "high")]).await;
    assert_eq!(server.get("aud", "/api/v1/alerts/alert-a1").await["status"], "open");
}

#[tokio::test]
async fn lists_are_filtered_and_paged_while_alerts_change() {
    let server = server().await;
    assert_eq!(server.ids("").await, ["alert-b1", "alert-a2", "alert-a1"]);
    assert_eq!(server.ids("?severity=high&severity=low").await, ["alert-a2", "alert-a1"]);
    assert_eq!(server.ids("?match=severity!%3Dlow&team=red").await, ["alert-b1", "alert-a1"]);
    server.post("ada", "/api/v1/alerts/a2/ack", json!({})).await;
    assert_eq!(server.ids("?status=open").await, ["alert-b1", "alert-a1"]);
    assert_eq!(server.ids("?assignee=").await.len(), 3);
    let page = server.get("bob", "/api/v1/alerts?limit=2").await;
    assert_eq!((page["total"].as_u64(), page["alerts"].as_array().unwrap().len()), (Some(3), 2));
    server.append([revision("alert-c1", 1, "open", "low"), revision("alert-b1", 2, "updated", "critical")]).await;
    let next = page["next"].as_str().unwrap();
    assert_eq!(server.ids(&format!("?limit=2&cursor={next}")).await, ["alert-a1"]);
    let silence = json!({"matchers": ["severity=low"], "reason": "r", "ends": "2100-01-01T00:00:00Z"});
    assert_eq!(server.send("ada", "POST", "/api/v1/silences", &silence.to_string()).await.1["code"], "too_long");
    let soon = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339();
    let silence = |more: Value| {
        let mut silence = json!({"matchers": ["severity=low"], "reason": "known", "ends": soon});
        silence.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        silence
    };
    let by_filter = |filter: &str| json!({"filter": filter, "reason": "known", "ends": soon, "dry_run": true});
    let tried = server.post("ada", "/api/v1/silences", by_filter("severity:low rule:egress.*")).await;
    assert_eq!(tried, json!({"would_have_hidden": 2}));
    for (filter, code) in [("status:open", "filter"), ("-team:red", "hides_everything"), ("tema:red", "request")] {
        let refused = server.send("ada", "POST", "/api/v1/silences", &by_filter(filter).to_string()).await.1;
        assert_eq!(refused["code"], code, "{refused}");
    }
    assert_eq!(server.ids("?filter=severity:critical%20rule:egress.*").await, ["alert-b1"]);
    let tried = server.post("ada", "/api/v1/silences", silence(json!({"dry_run": true}))).await;
    assert_eq!(tried, json!({"would_have_hidden": 2}));
    assert_eq!(server.ids("?hidden=true").await.len(), 0);
    let first = server.post("ada", "/api/v1/silences", silence(json!({}))).await;
    let window = json!({"kind": "maintenance", "every_seconds": 86_400, "until": "2100-01-01T00:00:00Z"});
    assert_eq!(
        server.send("ada", "POST", "/api/v1/silences", &silence(window).to_string()).await.1["code"],
        "too_long"
    );
    assert_eq!(server.ids("?hidden=true").await, ["alert-c1", "alert-a2"]);
    let id = first["id"].as_str().unwrap();
    let hidden = server.get("aud", "/api/v1/alerts/a2").await["hidden"].clone();
    assert_eq!((&hidden[0]["by"], &hidden[0]["reason"]), (&json!(id), &json!("known")));
    let page = server.get("aud", "/api/v1/silences?limit=1").await;
    let listed = &page["silences"][0];
    assert_eq!((&listed["id"], &listed["state"], &listed["by"]), (&json!(id), &json!("active"), &json!("ada")));
    assert_eq!(page["next"], Value::Null);
    server.post("bob", &format!("/api/v1/silences/{id}/expire"), json!({})).await;
    assert_eq!(server.get("aud", "/api/v1/silences").await["total"], 0);
    let over = server.get("aud", "/api/v1/silences?all=true").await;
    assert_eq!((&over["silences"][0]["state"], &over["silences"][0]["expired"]["by"]), (&json!("over"), &json!("bob")));
    assert_eq!(server.ids("?hidden=true").await.len(), 0);
}

#[tokio::test]
async fn what_is_refused_is_a_problem_with_a_stable_code() {
    let server = server().await;
    let no_end = json!({"matchers": ["rule=x"], "reason": "r"}).to_string();
    let cases = [
        ("box", "GET", "/api/v1/alerts", "", 403, "role"),
        ("aud", "POST", "/api/v1/alerts/a1/ack", "", 403, "role"),
        ("box", "POST", "/api/v1/silences", no_end.as_str(), 403, "role"),
        ("bob", "GET", "/api/v1/alerts?team=red&colour=red", "", 400, "request"),
        ("bob", "GET", "/api/v1/alerts?match=rule", "", 400, "request"),
        ("bob", "GET", "/api/v1/alerts?limit=0", "", 400, "request"),
        ("bob", "GET", "/api/v1/alerts?cursor=x", "", 400, "request"),
        ("bob", "GET", "/api/v1/alerts/alert-z", "", 404, "unknown_alert"),
        ("bob", "GET", "/api/v1/alerts/a", "", 409, "ambiguous_alert"),
        ("bob", "POST", "/api/v1/alerts/a1/ack", "[]", 400, "request"),
        ("bob", "POST", "/api/v1/alerts/a1/ack", r#"{"alert":"a2"}"#, 400, "request"),
        ("bob", "POST", "/api/v1/alerts/a1/ack", r#"{"colour":"red"}"#, 400, "request"),
        ("bob", "POST", "/api/v1/alerts/a1/ack", r#"{"if_version":9}"#, 409, "version"),
        ("bob", "POST", "/api/v1/alerts/a1/resolve", "", 400, "request"),
        ("bob", "POST", "/api/v1/alerts/a1/reopen", "", 409, "not_closed"),
        ("bob", "POST", "/api/v1/alerts/a1/note", r#"{"note":""}"#, 422, "empty"),
        ("bob", "POST", "/api/v1/silences", no_end.as_str(), 422, "no_end"),
        ("bob", "POST", "/api/v1/silences", r#"{"matchers":["rule~*"],"reason":"r"}"#, 422, "hides_everything"),
        ("bob", "POST", "/api/v1/silences", r#"{"matchers":[],"reason":"r","ends":5}"#, 400, "request"),
        ("bob", "POST", "/api/v1/silences/silence-1/expire", "", 404, "unknown_silence"),
    ];
    let documented: Value = serde_json::from_str(OPENAPI).unwrap();
    let codes = documented.pointer("/components/schemas/Problem/properties/code/enum").unwrap().as_array().unwrap();
    for (who, method, path, body, status, code) in cases {
        let (got, problem) = server.send(who, method, path, body).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{method} {path} {body}: {problem}");
        assert!(codes.contains(&json!(code)), "{code} is documented");
    }
    assert_eq!(server.ids("?status=open").await.len(), 3, "nothing of that changed anything");
}

/// What the API says of an alert, by the column of SQL that says the same.
const SAID: [(&str, &str); 30] = [
    ("alert", "/id"),
    ("revision", "/revision"),
    ("rule", "/rule"),
    ("severity", "/severity"),
    ("state", "/state"),
    ("title", "/title"),
    ("reason", "/reason"),
    ("count", "/count"),
    ("first_seen", "/first_seen"),
    ("team", "/who/team"),
    ("user", "/who/user"),
    ("host", "/what/host"),
    ("evidence", "/evidence"),
    ("tags", "/tags"),
    ("measured", "/measured/what"),
    ("unit", "/measured/unit"),
    ("observed", "/measured/observed"),
    ("usual_high", "/measured/usual/high"),
    ("status", "/status"),
    ("version", "/version"),
    ("opened", "/opened"),
    ("recorded", "/revised"),
    ("reopened", "/reopened"),
    ("acknowledged_by", "/acknowledged/by"),
    ("acknowledged", "/acknowledged/at"),
    ("assignee", "/assignee"),
    ("closed_by", "/closed/by"),
    ("close_reason", "/closed/reason"),
    ("duplicate_of", "/closed/duplicate_of"),
    ("notes", "/notes"),
];

impl Server {
    /// The rows of a statement that this server's engine answers.
    async fn rows(&self, sql: &str) -> Vec<Value> {
        let answered = ask(&self.engine, sql, Format::NdJson).await;
        answered.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Compares what SQL says of every alert with what the API says, and returns where each stands and whether it is hidden.
    async fn agreed(&self) -> Vec<(String, bool)> {
        let page = self.get("aud", "/api/v1/alerts").await;
        let rows = self.rows("SELECT * FROM alerts ORDER BY opened DESC, alert DESC").await;
        let alerts = page["alerts"].as_array().unwrap();
        assert_eq!(rows.len(), alerts.len());
        for (row, alert) in rows.iter().zip(alerts) {
            for (column, path) in SAID {
                let (sql, api) = (row.get(column).unwrap_or(&Value::Null), alert.pointer(path).unwrap_or(&Value::Null));
                assert!(is_same(sql, api), "{} {column}: {sql} and {api}", alert["id"]);
            }
            let hidden: Vec<&Value> = alert["hidden"].as_array().unwrap().iter().map(|hiding| &hiding["by"]).collect();
            let by: Vec<&Value> = row["hidden_by"].as_array().into_iter().flatten().collect();
            assert_eq!((hidden.is_empty(), hidden), (row["hidden"] == false, by), "{}", alert["id"]);
        }
        rows.iter().map(|row| (row["status"].as_str().unwrap().to_owned(), row["hidden"] == true)).collect()
    }
}

/// Whether two values say the same; times may be written in different ways.
fn is_same(one: &Value, other: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    one == other || time(one).zip(time(other)).is_some_and(|(one, other)| one == other)
}

#[tokio::test]
async fn sql_says_the_same_as_the_api() {
    let server = server().await;
    let path = |id: &str, what: &str| format!("/api/v1/alerts/{id}/{what}");
    let close = || json!({"reason": "benign", "note": "n"});
    // Acknowledged, then worse.
    server.post("ada", &path("a1", "ack"), json!({})).await;
    server.append([revision("alert-a1", 2, "updated", "critical")]).await;
    // Closed, and the episode ended.
    server.post("bob", &path("a2", "ack"), json!({})).await;
    server.post("bob", &path("a2", "assign"), json!({"assignee": "ada"})).await;
    server.post("bob", &path("a2", "resolve"), close()).await;
    server.append([revision("alert-a2", 2, "resolved", "low")]).await;
    // Closed, and the episode went on and ended.
    server.post("ada", &path("b1", "ack"), json!({})).await;
    server.post("ada", &path("b1", "resolve"), close()).await;
    let revisions = ["updated", "resolved"].into_iter().zip(2..);
    server.append(revisions.map(|(state, number)| revision("alert-b1", number, state, "critical"))).await;
    // Closed, reopened, acknowledged again; assigned and not any more.
    server.append(["c1", "d1", "e1"].map(|id| revision(&format!("alert-{id}"), 1, "open", "low"))).await;
    server.post("ada", &path("c1", "resolve"), close()).await;
    server.post("bob", &path("c1", "reopen"), json!({})).await;
    server.post("bob", &path("c1", "ack"), json!({})).await;
    server.post("bob", &path("c1", "assign"), json!({"assignee": "ada"})).await;
    server.post("bob", &path("c1", "assign"), json!({})).await;
    server.post("bob", &path("d1", "ack"), json!({})).await;
    server.post("bob", &path("d1", "resolve"), json!({"reason": "duplicate", "duplicate_of": "alert-c1"})).await;
    server.append([revision("alert-f1", 1, "open", "high")]).await;
    server.post("bob", &path("f1", "resolve"), close()).await;
    server.post("bob", &path("f1", "reopen"), json!({})).await;
    let said = server.agreed().await;
    let statuses: Vec<&str> = said.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["open", "open", "closed", "acknowledged", "resolved", "closed", "open"]);
    assert!(Status::ALL.iter().all(|status| statuses.contains(&status.as_str())));
    assert_eq!(server.rows("SELECT count(*) AS n FROM alerts WHERE reopened IS NOT NULL").await[0]["n"], 3);
    // Hidden by a silence, and not any more.
    let soon = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339();
    let silence = json!({"matchers": ["severity=low"], "reason": "known", "ends": soon});
    let begun = server.post("ada", "/api/v1/silences", silence).await;
    let hidden = |said: Vec<(String, bool)>| said.iter().filter(|(_, hidden)| *hidden).count();
    assert_eq!(hidden(server.agreed().await), 4);
    let ends = "SELECT count(*) AS n FROM alerts WHERE hidden AND hidden_until > now() AND hidden_until < now() + INTERVAL '2 hours'";
    assert_eq!(server.rows(ends).await[0]["n"], 4);
    let state = "SELECT state, author, matchers, expired_by FROM silences";
    let silenced = &server.rows(state).await[0];
    assert_eq!((&silenced["state"], &silenced["matchers"]), (&json!("active"), &json!(["severity=low"])));
    let id = begun["id"].as_str().unwrap();
    server.post("bob", &format!("/api/v1/silences/{id}/expire"), json!({})).await;
    assert_eq!(hidden(server.agreed().await), 0);
    let silenced = &server.rows(state).await[0];
    assert_eq!((&silenced["state"], &silenced["expired_by"]), (&json!("over"), &json!("bob")));
}

#[tokio::test]
async fn sql_knows_alerts_that_the_projection_has_forgotten() {
    let server = server().await;
    let operations = server.ledgers.store.operations();
    let service = TriageService::new(operations.reader(), None, Policy::default()).keeping(2);
    assert_eq!(service.read(|triage| triage.iter().count()).unwrap(), 2);
    let count = |triage: &Triage| triage.iter().count();
    assert_eq!((service.read_all(1 << 20, count).unwrap(), service.read_all(1_000, count).unwrap()), (Some(3), None));
    let options = Options { triage: Some(Arc::new(service)), ..Options::default() };
    let engine = server.ledgers.engine_with(options);
    let sql = "SELECT count(*) AS n, count(DISTINCT severity) AS s FROM alerts";
    assert_eq!(ask(&engine, sql, Format::Csv).await, "n,s\n3,3\n");
}
