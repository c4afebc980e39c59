//! Sessions over real ledgers: list, lanes, pages, folds, search, one record and its proof.

use std::sync::Arc;

use axum::Router;
use axum::http::{Request, StatusCode};
use ledger::events::column;
use ledger::{Digest, LedgerName};
use operations::access::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fixtures::{Ledgers, People, alert, event, principal, story};
use crate::{State, router};

async fn server() -> (Ledgers, Router) {
    let ledgers = Ledgers::new(1_000);
    let (events, _) = story();
    ledgers.append(LedgerName::Events, events, 4).await;
    let mut found = alert("alert-1", 1, "open", "high");
    let record =
        found.text(ledger::operations::column::RECORD).unwrap().replace("\"who\":{", "\"who\":{\"session\":\"s-ada\",");
    found.set_text(ledger::operations::column::RECORD, &record);
    ledgers.append(LedgerName::Operations, [found], 4).await;
    let people =
        Arc::new(People::new(vec![principal("ada", Role::Analyst, true), principal("bob", Role::Analyst, false)]));
    let router = router(State::new(ledgers.services(people)));
    (ledgers, router)
}

async fn get(router: &Router, who: &str, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("authorization", format!("Bearer secret-{who}"));
    let response = router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn ok(router: &Router, who: &str, path: &str) -> Value {
    let (status, body) = get(router, who, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

fn texts<'a>(rows: &'a Value, member: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[member].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn sessions_are_listed_filtered_and_paged() {
    let (_ledgers, router) = server().await;
    let all = ok(&router, "bob", "/api/v1/sessions").await;
    assert_eq!(texts(&all["sessions"], "session"), ["s-bob", "s-ada"]);
    assert_eq!((&all["totals"]["sessions"], &all["totals"]["cost_micros"]), (&2.into(), &3_500_000.into()));
    let ada = &all["sessions"][1];
    assert_eq!(
        (&ada["alerts"]["count"], &ada["alerts"]["worst"], &ada["has_end"]),
        (&1.into(), &"high".into(), &false.into())
    );
    assert_eq!(
        (&ada["records"], &ada["commands"], &ada["allowed"], &ada["denied"]),
        (&7.into(), &1.into(), &1.into(), &1.into())
    );
    let first = ok(&router, "bob", "/api/v1/sessions?limit=1").await;
    let next = format!("/api/v1/sessions?limit=1&cursor={}", first["next"].as_str().unwrap());
    assert_eq!(texts(&ok(&router, "bob", &next).await["sessions"], "session"), ["s-ada"]);
    let check = async |filter: &str, expected: &[&str]| {
        let found = ok(&router, "bob", &format!("/api/v1/sessions?filter={filter}")).await;
        assert_eq!(texts(&found["sessions"], "session"), expected, "{filter}");
        assert_eq!(found["totals"]["sessions"], expected.len(), "{filter}");
    };
    check("team:red", &["s-ada"]).await;
    check("cost%3E2", &["s-ada"]).await;
    check("host:packages.*", &["s-ada"]).await;
    check("-host:packages.*", &["s-bob"]).await;
    check("alerts%3E0", &["s-ada"]).await;
    check("alerts%3C1", &["s-bob"]).await;
    check("until:2026-11-20", &[]).await;
    let (status, refused) = get(&router, "bob", "/api/v1/sessions?filter=tema:red").await;
    assert_eq!(
        (status, refused["detail"].as_str().unwrap().contains("did you mean team?")),
        (StatusCode::BAD_REQUEST, true)
    );
    assert_eq!(get(&router, "bob", "/api/v1/sessions?content=true").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ok(&router, "ada", "/api/v1/sessions?content=true").await["sessions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_session_is_shown_in_lanes_and_pages() {
    let (_ledgers, router) = server().await;
    let shown = ok(&router, "bob", "/api/v1/sessions/s-ada?buckets=6").await;
    let egress = shown["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == "egress").unwrap();
    let sum = |member: &str| {
        egress["buckets"].as_array().unwrap().iter().map(|bucket| bucket[member].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("count"), sum("denied")), (2, 1));
    assert_eq!(shown["money"].as_array().unwrap().last().unwrap()["cost_micros"], 2_500_000);
    assert_eq!(texts(&shown["alert_rows"], "alert"), ["alert-1"]);
    assert_eq!(get(&router, "bob", "/api/v1/sessions/s-none").await.0, StatusCode::NOT_FOUND);

    let path = "/api/v1/sessions/s-ada/records";
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ok(&router, "bob", &format!("{path}?limit=3&cursor={cursor}")).await;
        seen.extend(page["records"].as_array().unwrap().iter().map(|row| row["position"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = next.to_owned();
    }
    let expected: Vec<String> = (0..7).map(|seq| format!("events/0/{seq}")).collect();
    assert_eq!(seen[..7], expected);
    assert!(seen[7].starts_with("operations/0/"), "the alert was recorded after the last event: {seen:?}");
    let whole = ok(&router, "bob", path).await;
    assert_eq!(whole["records"][2]["alerts"][0], "alert-1");
    assert_eq!(
        (&whole["records"][6]["from"]["position"], &whole["records"][6]["from"]["how"]),
        (&"events/0/5".into(), &"linked".into())
    );
    assert_eq!(whole["records"][6]["summary"], "command exit 0");
    assert_eq!(ok(&router, "ada", &format!("{path}?content=true")).await["records"][6]["summary"], "ls -la exit 0");
    let denied = ok(&router, "bob", &format!("{path}?filter=outcome:deny&kinds=egress,model")).await;
    assert_eq!(texts(&denied["records"], "position"), ["events/0/2"]);
    let last =
        ok(&router, "bob", &format!("{path}?limit=2&before={}", whole["records"][5]["cursor"].as_str().unwrap())).await;
    assert_eq!(texts(&last["records"], "position"), ["events/0/3", "events/0/4"]);
    let found = ok(&router, "bob", &format!("{path}?search=LOGGER.com")).await;
    assert_eq!((&found["found"]["total"], &found["found"]["positions"][0]), (&1.into(), &"events/0/2".into()));
    assert_eq!(
        ok(&router, "bob", &format!("{path}?search=ls%20-la")).await["found"]["total"],
        0,
        "content is not searched"
    );
    assert_eq!(ok(&router, "ada", &format!("{path}?search=ls%20-la&content=true")).await["found"]["total"], 2);
    let index = ok(&router, "bob", &format!("{path}?index=true")).await;
    assert_eq!(index["seq"], serde_json::json!([0, 1, 1, 1, 1, 1, 1]));
    assert_eq!(index["outcome"], serde_json::json!([0, 1, 2, 0, 0, 0, 3]));
}

#[tokio::test]
async fn repeats_are_folded_over_pages() {
    let (ledgers, router) = server().await;
    let request = |second: i64| {
        event(
            100 + second,
            "egress.http",
            &[(column::SESSION, "s-fold"), (column::HOST, "a.example"), (column::OUTCOME, "allow")],
        )
    };
    ledgers.append(LedgerName::Events, (0..46).map(request), 46).await;
    let page = ok(&router, "bob", "/api/v1/sessions/s-fold/records?fold=true").await;
    assert_eq!(page["records"].as_array().unwrap().len(), 1);
    assert_eq!((&page["records"][0]["repeated"]["times"], &page["next"]), (&46.into(), &Value::Null));
}

#[tokio::test]
async fn one_record_has_its_proof() {
    let (ledgers, router) = server().await;
    for path in ["events%2F0%2F2", "2"] {
        let shown = ok(&router, "bob", &format!("/api/v1/records/{path}")).await;
        assert_eq!(
            (&shown["record"]["host"], &shown["flagged"][0]["id"]),
            (&"attacker-logger.com".into(), &"alert-1".into())
        );
        assert!(shown["record"].get("command").is_none());
        assert_eq!(
            (&shown["elsewhere"][0]["column"], &shown["elsewhere"][0]["records"]),
            (&"domain".into(), &1.into())
        );
        let states = ["proven", "durable, not yet provable"];
        assert!(states.contains(&shown["proof"]["state"].as_str().unwrap()), "{}", shown["proof"]);
    }
    let some = ok(&router, "bob", "/api/v1/records?positions=events/0/6,99,events/0/2").await;
    let positions: Vec<&str> =
        some["records"].as_array().unwrap().iter().map(|row| row["position"].as_str().unwrap()).collect();
    assert_eq!(positions, ["events/0/2", "events/0/6"], "those that are there, in order of time");
    assert_eq!(ok(&router, "bob", "/api/v1/records?positions=").await["records"], json!([]));
    for wrong in ["operations/0/1", "x", &vec!["1"; 201].join(",")] {
        let (status, _) = get(&router, "bob", &format!("/api/v1/records?positions={wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(get(&router, "bob", "/api/v1/records?positions=6&content=true").await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(&router, "bob", "/api/v1/records/99").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "bob", "/api/v1/records/x").await.0, StatusCode::BAD_REQUEST);
    // The batch closes after its time.
    let proof = loop {
        let proof = ok(&router, "ada", "/api/v1/records/6?content=true").await["proof"].clone();
        if proof["state"] == "proven" {
            break proof;
        }
        tokio::task::yield_now().await;
    };
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut hashed = vec![0];
    hashed.extend(bytes(&proof["leaf_data"]));
    assert_eq!(Digest::of(&[], &[&hashed]).0.to_vec(), bytes(&proof["leaf"]));
    assert!(proof["content"]["part"].is_string(), "content was asked for");
    let link = format!("/api/v1/records/6-{:.8}", proof["leaf"].as_str().unwrap());
    assert_eq!(ok(&router, "bob", &link).await["proof"]["content"], Value::Null);
    assert_eq!(get(&router, "bob", "/api/v1/records/6-00000000").await.0, StatusCode::CONFLICT);
    let whole = ok(&router, "ada", "/api/v1/records/11?content=true").await;
    assert_eq!(whole["raw"], r#"{"action":"login","who":{"name":"carol"}}"#);
    drop(ledgers);
}
