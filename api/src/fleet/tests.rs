//! The fleet over its routes, and that the view says the same.

use axum::body::Body;
use axum::http::{Request as HttpRequest, Response, StatusCode};
use futures::StreamExt;
use ledger::events::column;
use ledger::{Entry, LedgerName, SystemClock, TimeSource};
use operations::access::{Authorize, Role};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::super::tests::documents;
use crate::fixtures::{Ledgers, People, alert, ask, event, principal};
use crate::{Services, State, limits, router};
use query::output::Format;

struct Server {
    ledgers: Ledgers,
    router: axum::Router,
    people: std::sync::Arc<People>,
    engine: query::Engine,
    stop: tokio_util::sync::CancellationToken,
}

/// An event that was seen just now.
fn now(kind: &str, agent: &str, texts: &[(ledger::column::handle::Text, &str)]) -> Entry {
    let mut entry = event(0, kind, texts);
    for moment in [column::TIME, column::OBSERVED] {
        entry.set_time(moment, SystemClock.now());
    }
    entry.set_text(column::AGENT, agent);
    entry.set_text(column::TEAM, "red");
    entry
}

async fn server() -> Server {
    let ledgers = Ledgers::new(1_000);
    let denied = [(column::METHOD, "POST"), (column::HOST, "attacker-logger.com"), (column::OUTCOME, "deny")];
    let prompt = [(column::SESSION, "s-1"), (column::CONTENT, r#"{"prompt":"Fix refund rounding"}"#)];
    let events = [
        now("prompt", "ag-1", &prompt),
        now(
            "command",
            "ag-1",
            &[(column::COMMAND, "cargo test"), (column::TOOL, "Bash"), (column::OUTCOME, "success")],
        ),
        now("egress.http", "ag-2", &denied),
        now("approval", "ag-3", &[(column::TOOL, "Bash")]),
    ];
    ledgers.append(LedgerName::Events, events, 9).await;
    let known = vec![
        principal("ada", Role::Analyst, true),
        principal("bob", Role::Analyst, false),
        principal("aud", Role::Auditor, false),
    ];
    let people = std::sync::Arc::new(People::new(known));
    let services: Services = ledgers.services(std::sync::Arc::clone(&people) as std::sync::Arc<dyn Authorize>);
    let (engine, stop) = (services.engine.clone(), services.stop.clone());
    Server { ledgers, router: router(State::new(services)), people, engine, stop }
}

impl Server {
    async fn get(&self, who: &str, path: &str, last: Option<&str>) -> Response<Body> {
        let mut request = HttpRequest::get(path).header("authorization", format!("Bearer secret-{who}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn json(&self, who: &str, path: &str) -> Value {
        let response = self.get(who, path, None).await;
        serde_json::from_slice(&axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    /// What the audit trail has of reading content through a door.
    async fn content_reads(&self, via: &str) -> String {
        let sql =
            format!("SELECT count(*) AS n FROM operations WHERE kind = 'content.read' AND record->>'via' = '{via}'");
        ask(&self.engine, &sql, Format::NdJson).await
    }
}

#[tokio::test]
async fn the_route_the_view_and_the_document_say_the_same() {
    let server = server().await;
    let page = server.json("ada", "/api/v1/fleet?content=true").await;
    documents("Fleet", &page);
    documents("FleetCounters", &page["counters"]);
    let agents = page["agents"].as_array().unwrap();
    for agent in agents {
        documents("FleetAgent", agent);
    }
    assert_eq!(agents.iter().map(|agent| &agent["agent"]).collect::<Vec<_>>(), ["ag-3", "ag-2", "ag-1"]);
    assert_eq!((&agents[2]["task"], &agents[2]["command"]), (&json!("Fix refund rounding"), &json!("cargo test")));
    assert_eq!((&page["counters"]["states"]["waiting"], &page["counters"]["denied"]), (&json!(1), &json!(1)));
    assert_eq!(server.content_reads("fleet").await, "{\"n\":1}\n");

    let rows = ask(&server.engine, "SELECT * FROM agents ORDER BY attention DESC", Format::NdJson).await;
    for (row, agent) in rows.lines().zip(agents) {
        let row: Value = serde_json::from_str(row).unwrap();
        for (name, told) in agent.as_object().unwrap() {
            let is_moving = ["events_per_minute", "activity", "activity_from", "activity_events", "activity_denied"];
            // Times are written with other precisions, and what moves with the clock may have moved.
            let is_time = row[name].as_str().is_some_and(|text| text.ends_with('Z'));
            assert!(
                row[name] == *told || is_time || is_moving.contains(&name.as_str()),
                "{name}: {} {told}",
                row[name]
            );
        }
        assert_eq!(row.as_object().unwrap().len(), agent.as_object().unwrap().len());
    }
    assert_eq!(rows.lines().count(), agents.len());
}

#[tokio::test]
async fn filters_pages_and_permissions() {
    let server = server().await;
    let names = async |query: &str| {
        let page = server.json("bob", &format!("/api/v1/fleet?{query}")).await;
        let names = page["agents"].as_array().unwrap().iter().map(|agent| agent["agent"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>().join(" "), page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(names("state=working&team=red").await.0, "ag-2 ag-1");
    assert_eq!(names("team=blue").await.0, "");
    assert_eq!(names("agent=AG-1").await.0, "ag-1");
    let (first, next) = names("limit=2").await;
    assert_eq!(first, "ag-3 ag-2");
    assert_eq!(names(&format!("limit=2&cursor={}", next.unwrap())).await, ("ag-1".to_owned(), None));
    let page = server.json("bob", "/api/v1/fleet").await;
    assert!(page["agents"].as_array().unwrap().iter().all(|agent| agent.get("task").is_none()), "content is left out");
    for (who, path, code) in [
        ("aud", "/api/v1/fleet", "role"),
        ("bob", "/api/v1/fleet?content=true", "content_permission"),
        ("bob", "/api/v1/fleet?state=asleep", "request"),
        ("bob", "/api/v1/fleet?cursor=1", "request"),
        ("bob", "/api/v1/fleet?nothing=1", "request"),
        ("aud", "/api/v1/stream?topics=fleet", "role"),
        ("bob", "/api/v1/stream?content=true", "content_permission"),
        ("bob", "/api/v1/stream?topics=nothing", "request"),
        ("bob", "/api/v1/stream?from=here", "request"),
    ] {
        assert_eq!(server.json(who, path).await["code"], code, "{who} {path}");
    }
}

/// The events of a stream as they come, with the ids that move it on.
struct Events {
    body: axum::body::BodyDataStream,
    text: String,
    id: String,
}

impl Events {
    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { body: response.into_body().into_data_stream(), text: String::new(), id: String::new() }
    }

    /// The next event that has data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((one, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| one.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
                let (name, data, id) = (field("event: "), field("data: "), field("id: "));
                self.text = rest.to_owned();
                if !id.is_empty() {
                    self.id = id;
                }
                if !data.is_empty() {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of a topic that holds something.
    async fn of_topic(&mut self, topic: &str, member: &str) -> Value {
        loop {
            let (name, data) = self.next().await.unwrap();
            if name == topic && data[member].as_array().is_some_and(|list| !list.is_empty()) {
                return data;
            }
        }
    }
}

fn agents(data: &Value) -> Vec<&str> {
    data["agents"].as_array().unwrap().iter().map(|agent| agent["agent"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_tells_what_changed_and_goes_on_where_it_ended() {
    let server = server().await;
    let page = server.json("bob", "/api/v1/fleet").await;
    let from = page["position"].as_str().unwrap().to_owned();
    server.ledgers.append(LedgerName::Events, [now("prompt", "ag-2", &[])], 9).await;
    let mut events =
        Events::of(server.get("bob", &format!("/api/v1/stream?from={}", from.replace('+', "%2B")), None).await);
    let data = events.of_topic("fleet", "agents").await;
    assert_eq!((agents(&data), &data["agents"][0]["last_kind"]), (vec!["ag-2"], &json!("prompt")));
    assert!(data["agents"][0].get("command").is_none());
    let (name, ticks) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &ticks["events"], &ticks["rows"][0]["name"]), ("events", &json!(1), &json!("ag-2")));
    assert_eq!(events.next().await.unwrap().0, "alerts");
    let (name, head) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &head["position"]), ("head", &json!("events/0/4")));
    server.ledgers.append(LedgerName::Operations, [alert("alert-1", 1, "open", "high")], 9).await;
    let alerts = events.of_topic("alerts", "alerts").await;
    assert_eq!((&alerts["alerts"][0]["id"], &alerts["open"]["high"]), (&json!("alert-1"), &json!(1)));
    server.ledgers.append(LedgerName::Events, [now("prompt", "ag-1", &[])], 9).await;
    assert_eq!(agents(&events.of_topic("fleet", "agents").await), ["ag-1"]);
    let last = events.id.clone();
    assert!(last.starts_with("events/0/4+operations/0/"), "the id comes after the update: {last}");
    drop(events);
    server.ledgers.append(LedgerName::Events, [now("prompt", "ag-3", &[])], 9).await;
    let mut again = Events::of(server.get("bob", "/api/v1/stream?topics=fleet", Some(&last)).await);
    let data = again.of_topic("fleet", "agents").await;
    assert_eq!(agents(&data), ["ag-1", "ag-3"], "what was not confirmed comes again, and nothing is missing");
}

#[tokio::test]
async fn who_comes_from_another_ledger_loads_everything_anew() {
    let server = server().await;
    let mut events = Events::of(server.get("bob", "/api/v1/stream?topics=fleet,events", Some("events/0/999999")).await);
    assert_eq!(events.next().await.unwrap(), ("resync".to_owned(), json!({ "topics": ["fleet", "events"] })));
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_with_the_server() {
    let server = server().await;
    let mut events = Events::of(server.get("ada", "/api/v1/stream?topics=head&content=true", None).await);
    assert_eq!(events.next().await.unwrap().0, "head");
    assert_eq!(server.content_reads("stream").await, "{\"n\":1}\n");
    server.people.revoke_all();
    let (name, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("error", &json!("unauthorized")));
    assert_eq!(events.next().await, None);
    let server = self::server().await;
    let mut other = Events::of(server.get("ada", "/api/v1/stream?topics=head", None).await);
    other.next().await.unwrap();
    server.stop.cancel();
    assert_eq!(other.next().await, None);
}

#[tokio::test]
async fn one_token_has_only_so_many_streams() {
    let server = server().await;
    let mut open = Vec::new();
    for _ in 0..limits::STREAMS_PER_TOKEN_MAX {
        open.push(server.get("bob", "/api/v1/stream", None).await);
    }
    assert_eq!(server.get("bob", "/api/v1/stream", None).await.status(), StatusCode::TOO_MANY_REQUESTS);
    open.pop();
    assert_eq!(server.get("bob", "/api/v1/stream", None).await.status(), StatusCode::OK);
}
