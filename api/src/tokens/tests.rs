//! Tokens, sinks and status over the router: who may, what is answered, and that a secret is told once.

use axum::body::Body;
use axum::http::Request;
use operations::access::{Principal, Role};
use tower::ServiceExt;

use super::*;
use crate::fixtures::{Ledgers, People, principal};
use crate::tests::documents;
use crate::{OPENAPI, Peer, router};

/// What somebody is answered: the status and the JSON. Nobody means the peer of a connection that shows no token.
async fn send(ledgers: &Ledgers, who: Option<&str>, method: &str, path: &str, body: &str) -> (u16, Value) {
    let bound = Principal { team: Some("red".to_owned()), ..(*principal("red", Role::Admin, true)).clone() };
    let people = vec![
        principal("root", Role::Admin, false),
        principal("ada", Role::Analyst, true),
        principal("aud", Role::Auditor, false),
        principal("box", Role::Ingest, false),
        Arc::new(bound),
    ];
    let router = router(State::new(ledgers.services(Arc::new(People::new(people)))));
    let request = Request::builder().method(method).uri(path);
    let request = match who {
        Some(who) => request.header("authorization", format!("Bearer secret-{who}")),
        None => request.extension(Peer::of_connection(Arc::new(Principal::local()))),
    };
    let response = router.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn tokens_are_created_listed_and_revoked_and_their_secret_is_told_once() {
    let ledgers = Ledgers::new(1_000);
    let new = |name: &str, rest: &str| format!(r#"{{"name":{name:?},"roles":["ingest"]{rest}}}"#);
    let fixed = r#","trust":"host","dialects":["coder"],"workspace":"w","user":"u","team":"t","org":"o""#;
    let (status, created) = send(&ledgers, Some("root"), "POST", "/api/v1/tokens", &new("a", fixed)).await;
    assert_eq!(status, 200, "{created}");
    documents("CreatedToken", &created);
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("tachograph_"), "{secret}");
    for name in ["b", "c"] {
        assert_eq!(send(&ledgers, None, "POST", "/api/v1/tokens", &new(name, "")).await.0, 200);
    }
    let path = format!("/api/v1/tokens/{}/revoke", created["id"].as_str().unwrap());
    let (status, revoked) = send(&ledgers, Some("root"), "POST", &path, "").await;
    assert_eq!((status, &revoked["name"]), (200, &json!("a")), "{revoked}");
    documents("RevokedToken", &revoked);
    assert_eq!(send(&ledgers, Some("root"), "POST", &path, "").await.1["code"], "already_revoked");

    let first = send(&ledgers, Some("root"), "GET", "/api/v1/tokens?all=true&limit=2", "").await.1;
    documents("Tokens", &first);
    let path = format!("/api/v1/tokens?all=true&limit=2&cursor={}", first["next"].as_str().unwrap());
    let second = send(&ledgers, None, "GET", &path, "").await.1;
    assert_eq!((&first["total"], &second["next"]), (&json!(3), &Value::Null));
    assert!(![&first, &second].iter().any(|page| page.to_string().contains(secret)), "a list shows no secret");
    let tokens = [&first, &second].map(|page| page["tokens"].as_array().unwrap().clone()).concat();
    documents("Token", tokens.iter().find(|token| token["name"] == "a").unwrap());
    let active = send(&ledgers, Some("root"), "GET", "/api/v1/tokens", "").await.1;
    assert_eq!((active["total"].clone(), active["tokens"].as_array().unwrap().len()), (json!(2), 2));
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let ledgers = Ledgers::new(1_000);
    let new = r#"{"name":"x","roles":["analyst"]}"#;
    let content = r#"{"name":"x","roles":["analyst"],"content":true}"#;
    let cases = [
        ("root", "POST", "/api/v1/tokens", content, 403, "content_permission"),
        ("red", "POST", "/api/v1/tokens", new, 403, "role"),
        ("red", "GET", "/api/v1/tokens", "", 403, "role"),
        ("ada", "POST", "/api/v1/tokens", new, 403, "role"),
        ("aud", "GET", "/api/v1/tokens", "", 403, "role"),
        ("box", "POST", "/api/v1/tokens/tok_1/revoke", "", 403, "role"),
        ("root", "POST", "/api/v1/tokens/tok_1/revoke", "", 404, "unknown_token"),
        ("root", "POST", "/api/v1/tokens", r#"{"name":"","roles":["analyst"]}"#, 422, "invalid"),
        ("root", "POST", "/api/v1/tokens", r#"{"name":"x","roles":[]}"#, 422, "invalid"),
        ("root", "POST", "/api/v1/tokens", r#"{"name":"x","roles":["king"]}"#, 400, "request"),
        ("root", "POST", "/api/v1/tokens", r#"{"name":"x","roles":["analyst"],"hash":""}"#, 400, "request"),
        ("root", "GET", "/api/v1/tokens?since=1", "", 400, "request"),
        ("box", "GET", "/api/v1/status", "", 403, "role"),
        ("box", "GET", "/api/v1/sinks", "", 403, "role"),
        ("ada", "POST", "/api/v1/sinks/siem/retry", "", 403, "role"),
        ("root", "POST", "/api/v1/sinks/other/retry", "", 404, "unknown_sink"),
        ("ada", "POST", "/api/v1/sinks/siem/pause", "", 403, "role"),
        ("aud", "POST", "/api/v1/sinks/siem/resume", "", 403, "role"),
        ("root", "POST", "/api/v1/sinks/other/pause", "", 404, "unknown_sink"),
        ("root", "POST", "/api/v1/sinks/siem/pause", r#"{"why":"x"}"#, 400, "request"),
        ("root", "POST", "/api/v1/sinks/siem/pause", r#"{"reason":""}"#, 400, "request"),
        ("root", "POST", "/api/v1/sinks/siem/resume", "", 409, "sink_state"),
        ("ada", "POST", "/api/v1/sinks/siem/backfills", r#"{"from":"beginning"}"#, 403, "role"),
        ("root", "POST", "/api/v1/sinks/other/backfills", r#"{"from":"beginning"}"#, 404, "unknown_sink"),
        ("root", "POST", "/api/v1/sinks/siem/backfills", "", 400, "request"),
        ("root", "POST", "/api/v1/sinks/siem/backfills", r#"{"from":"yesterday"}"#, 400, "request"),
        ("root", "POST", "/api/v1/sinks/siem/backfills", r#"{"from":"beginning","ledger":"x"}"#, 400, "request"),
        ("ada", "POST", "/api/v1/sinks/siem/backfills/1/cancel", "", 403, "role"),
        ("root", "POST", "/api/v1/sinks/siem/backfills/9/cancel", "", 404, "unknown_backfill"),
    ];
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let documented = document.pointer("/components/schemas/Problem/properties/code/enum").unwrap();
    for (who, method, path, body, status, code) in cases {
        let (answered, problem) = send(&ledgers, Some(who), method, path, body).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{who} {path} {body} {problem}");
        assert!(documented.as_array().unwrap().contains(&json!(code)), "{code} is documented");
    }
}

#[tokio::test]
async fn analysts_and_auditors_see_how_things_stand_and_admins_order() {
    let ledgers = Ledgers::new(1_000);
    for who in [Some("root"), Some("ada"), Some("aud"), None] {
        assert_eq!(send(&ledgers, who, "GET", "/api/v1/status", "").await.1["process"], 1, "{who:?}");
        assert_eq!(send(&ledgers, who, "GET", "/api/v1/sinks", "").await.1["sinks"][0]["sink"], "siem", "{who:?}");
    }
    for who in [Some("root"), None] {
        for (order, body) in [("retry", ""), ("pause", ""), ("pause", r#"{"reason":"planned work"}"#)] {
            let path = format!("/api/v1/sinks/siem/{order}");
            assert_eq!(send(&ledgers, who, "POST", &path, body).await, (200, json!({ "sink": "siem" })), "{order}");
        }
        let path = "/api/v1/sinks/siem/backfills";
        for (body, expected) in [
            (r#"{"from":"operations/0/7","again":true}"#, json!({ "from": "operations/0/7", "again": true })),
            (r#"{"from":"beginning"}"#, json!({ "from": "events/0/0", "again": false })),
            (r#"{"from":"1970-01-01T00:00:01Z"}"#, json!({ "ledger": "events", "from": 1_000_000 })),
        ] {
            assert_eq!(send(&ledgers, who, "POST", path, body).await, (200, expected), "{body}");
        }
    }
}
