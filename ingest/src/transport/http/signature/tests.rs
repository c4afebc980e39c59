//! Tests of signatures: vectors of those who publish the schemes, what is refused, and requests over the router with a real ledger.

use std::io::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use ledger::events::column;
use proptest::prelude::*;
use serde_json::Value;
use tempfile::NamedTempFile;
use tower::ServiceExt as _;

use super::*;
use crate::clock;
use crate::fixtures::House;
use crate::limits::SIGNED_BODY_BYTES_MAX;

/// A file with a secret.
fn file(secret: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "{secret}").unwrap();
    file
}

fn signature(kind: &str, more: &str, secret: &NamedTempFile) -> Signature {
    let path = secret.path().display();
    toml::from_str(&format!("type = \"{kind}\"\nsecret = \"file:{path}\"\n{more}")).unwrap()
}

fn headers(written: &[(&'static str, &str)]) -> HeaderMap {
    let header =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    written.iter().map(header).collect()
}

/// Whether a request with this body proves its sender.
fn proves(signature: &Signature, head: &[(&'static str, &str)], body: &[u8], now: i64) -> bool {
    match signature.look(&headers(head), None, now) {
        Ok(Proof::Body(claim)) => claim.covers(body),
        Ok(Proof::Sender) => true,
        Err(Refused::Unproven(_)) => false,
        Err(Refused::Secret(error)) => panic!("{error}"),
    }
}

/// The example of GitHub's documentation, "Validating webhook deliveries".
const GITHUB: [&str; 3] = [
    "It's a Secret to Everybody",
    "Hello, World!",
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
];
/// The example of Standard Webhooks, as Svix publishes it: secret, id, timestamp, body, signature.
const STANDARD_WEBHOOKS: [&str; 5] = [
    "whsec_plJ3nmyCDGBKInavdOK15jsl",
    "msg_loFOjxBNrRLzqYUf",
    "1731705121",
    r#"{"event_type":"ping","data":{"success":true}}"#,
    "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
];

#[test]
fn githubs_example_is_taken_and_nothing_near_it() {
    let [secret, body, signed] = GITHUB;
    let secret = file(secret);
    let github = signature("github", "", &secret);
    let check = |signed: &str, body: &str, is_right: bool| {
        assert_eq!(
            proves(&github, &[("x-hub-signature-256", signed)], body.as_bytes(), 0),
            is_right,
            "{signed} {body}"
        );
    };
    check(signed, body, true);
    check(signed, "Hello, World", false);
    check(&signed.replace("757", "758"), body, false);
    check(&signed[..signed.len() - 2], body, false);
    check(&signed.replace("sha256=", "sha1="), body, false);
    check("sha256=", body, false);
    check("sha256=zz", body, false);
    assert!(!proves(&github, &[], body.as_bytes(), 0));
    assert!(!proves(&github, &[("x-hub-signature", signed)], body.as_bytes(), 0));
    // Two of them are none.
    let twice = [("x-hub-signature-256", signed), ("x-hub-signature-256", signed)];
    assert!(!proves(&github, &twice, body.as_bytes(), 0));
}

#[test]
fn the_example_of_standard_webhooks_is_taken_in_its_time_and_nothing_near_it() {
    let [secret, id, stamp, body, signed] = STANDARD_WEBHOOKS;
    let secret = file(secret);
    let (standard, at) = (signature("standard_webhooks", "", &secret), stamp.parse::<i64>().unwrap());
    let check = |id: &str, stamp: &str, signed: &str, body: &str, now: i64, is_right: bool| {
        let head = [("webhook-id", id), ("webhook-timestamp", stamp), ("webhook-signature", signed)];
        assert_eq!(proves(&standard, &head, body.as_bytes(), now), is_right, "{id} {stamp} {signed} {body} {now}");
    };
    check(id, stamp, signed, body, at, true);
    check(id, stamp, signed, body, at + 300, true);
    check(id, stamp, signed, body, at - 300, true);
    check(id, stamp, signed, body, at + 301, false);
    check(id, stamp, signed, body, at - 301, false);
    check(id, stamp, &format!("v1,AAAA v2,x {signed}"), body, at, true);
    check(id, stamp, &signed.replace("v1,", "v2,"), body, at, false);
    check(id, stamp, "", body, at, false);
    check("msg_other", stamp, signed, body, at, false);
    check(id, "1731705122", signed, body, at, false);
    check(id, "now", signed, body, at, false);
    check(id, stamp, signed, "{}", at, false);
    check(&"x".repeat(129), stamp, signed, body, at, false);
    // Only so many signatures are looked at.
    check(id, stamp, &format!("{}{signed}", "v1,AAAA ".repeat(SIGNATURES_MAX)), body, at, false);
    let wide = signature("standard_webhooks", "window_seconds = 3600", &secret);
    let head = [("webhook-id", id), ("webhook-timestamp", stamp), ("webhook-signature", signed)];
    assert!(proves(&wide, &head, body.as_bytes(), at + 3_600));
    // A secret that is no base64 is told as such, and not repeated.
    let wrong = file("whsec_hunter2!");
    let refused = signature("standard_webhooks", "", &wrong).look(&headers(&head), None, at);
    assert!(matches!(refused, Err(Refused::Secret(error)) if !error.to_string().contains("hunter2")));
}

#[test]
fn names_and_secrets_are_compared_whole() {
    let secret = file("open sesame");
    let basic = signature("basic", "username = \"alertmanager\"", &secret);
    let check = |shown: &str, is_right: bool| {
        let shown = format!("Basic {}", STANDARD.encode(shown));
        assert_eq!(proves(&basic, &[("authorization", &shown)], b"", 0), is_right, "{shown}");
    };
    check("alertmanager:open sesame", true);
    check("alertmanager:open", false);
    check("alertmanager:", false);
    check("other:open sesame", false);
    check("", false);
    assert!(!proves(&basic, &[("authorization", "Bearer open sesame")], b"", 0));
    assert!(!proves(&basic, &[("authorization", "Basic !")], b"", 0));
    let path = signature("path", "", &secret);
    let at = |shown: Option<&str>| matches!(path.look(&headers(&[]), shown, 0), Ok(Proof::Sender));
    assert!(at(Some("open sesame")) && !at(Some("open")) && !at(Some("")) && !at(None));
}

#[test]
fn settings_are_checked() {
    let check = |text: &str, says: &str| {
        let signature = toml::from_str::<Signature>(text).map_err(|error| error.message().to_owned());
        let told = signature.and_then(|signature| signature.check()).err().unwrap_or_default();
        assert!(if says.is_empty() { told.is_empty() } else { told.contains(says) }, "{text}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    };
    check("type = \"github\"\nsecret = \"env:A\"", "");
    check("type = \"github\"\nsecret = \"hunter2\"", "env:NAME or file:PATH");
    check("type = \"github\"", "secret");
    check("type = \"telex\"\nsecret = \"env:A\"", "telex");
    check("type = \"github\"\nsecret = \"env:A\"\ncolour = 1", "colour");
    check("type = \"basic\"\nusername = \"a:b\"\nsecret = \"env:A\"", "without `:`");
    check("type = \"standard_webhooks\"\nwindow_seconds = 0\nsecret = \"env:A\"", "between 1 and 3600");
}

/// Collectors of each kind, and the directory of their secrets.
fn house() -> (House, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, secret: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let (github, standard, plain) =
        (path("github", GITHUB[0]), path("standard", STANDARD_WEBHOOKS[0]), path("plain", "open-sesame"));
    let collector = |name: &str, dialect: &str, signature: &str| {
        format!("[[collectors]]\nname = \"{name}\"\ntransport = \"http\"\ndialect = \"{dialect}\"\n{signature}\n")
    };
    let config =
        collector(
            "github",
            "github",
            &format!("signature = {{ type = \"github\", secret = \"file:{github}\" }}\norg = \"acme\""),
        ) + &collector(
            "hooks",
            "native",
            &format!("trust = \"host\"\nsignature = {{ type = \"standard_webhooks\", secret = \"file:{standard}\" }}"),
        ) + &collector(
            "alerts",
            "native",
            &format!("signature = {{ type = \"basic\", username = \"am\", secret = \"file:{plain}\" }}"),
        ) + &collector("coderd", "native", &format!("signature = {{ type = \"path\", secret = \"file:{plain}\" }}"))
            + &collector("gone", "native", "signature = { type = \"path\", secret = \"file:/does/not/exist\" }");
    (House::new(&config), directory)
}

async fn send(router: &Router, path: &str, head: &[(&str, &str)], body: impl Into<Body>) -> (u16, Value) {
    let mut request = Request::post(format!("/v1/events/{path}"));
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(status == 401, response.headers().contains_key("www-authenticate"));
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// The signature of a body by GitHub's scheme.
fn signed(body: &str) -> String {
    let mut mac = mac(GITHUB[0].as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn github_posts_directly_and_a_delivery_that_comes_again_is_one_event() {
    let (house, _secrets) = house();
    let router = house.router();
    let push = r#"{"ref":"refs/heads/main","after":"6dcb","created":false,"deleted":false,"forced":false,"commits":[],"repository":{"full_name":"acme/billing","pushed_at":1795168800},"sender":{"login":"mira","type":"User"}}"#;
    let signed = signed(push);
    let head =
        [("x-hub-signature-256", signed.as_str()), ("content-type", "application/json"), ("x-github-delivery", "d-1")];
    let (status, body) = send(&router, "github", &head, push).await;
    assert_eq!((status, &body["accepted"]), (200, &Value::from(1)), "{body}");
    // The same under another id of delivery, which is not signed, says nothing new.
    let again = [head[0], head[1], ("x-github-delivery", "d-2")];
    let (status, body) = send(&router, "github", &again, push).await;
    assert_eq!((status, &body["duplicates"]), (200, &Value::from(1)), "{body}");
    // A body that was changed, or a token of somebody else, is refused before anything is recorded.
    let (status, body) = send(&router, "github", &head, push.replace("mira", "eve")).await;
    assert_eq!((status, &body["type"]), (401, &Value::from("urn:tachograph:ingest:signature")), "{body}");
    let (status, _) = send(&router, "github", &[("authorization", "Bearer sender")], push).await;
    assert_eq!(status, 401);
    let rows = house.rows();
    assert_eq!(rows.iter().count(), 1);
    let row = rows.iter().next().unwrap();
    assert_eq!(
        [column::TRUST, column::ORG, column::TOKEN, column::ACTION].map(|column| row.text(column).unwrap()),
        ["control_plane", "acme", "collector:github", "push"]
    );
}

#[tokio::test]
async fn a_signed_delivery_is_taken_once_and_its_sender_is_the_collectors() {
    let (house, _secrets) = house();
    let router = house.router();
    let now = (clock::now() / 1_000_000).to_string();
    let body = "{\"kind\":\"check\"}";
    let mut mac = mac(&STANDARD.decode(&STANDARD_WEBHOOKS[0]["whsec_".len()..]).unwrap()).unwrap();
    mac.update(format!("m-1.{now}.{body}").as_bytes());
    let signed = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let head = [("webhook-id", "m-1"), ("webhook-timestamp", now.as_str()), ("webhook-signature", signed.as_str())];
    for accepted in [1, 0] {
        let (status, answer) = send(&router, "hooks", &head, body).await;
        assert_eq!((status, &answer["accepted"]), (200, &Value::from(accepted)), "{answer}");
    }
    let (status, _) = send(&router, "hooks", &[head[0], ("webhook-timestamp", "1731705121"), head[2]], body).await;
    assert_eq!(status, 401);
    assert_eq!(house.column(column::TRUST), ["host"]);
}

#[tokio::test]
async fn secrets_in_a_header_or_in_the_path_are_taken_where_they_belong() {
    let (house, _secrets) = house();
    let router = house.router();
    let body = "{\"kind\":\"check\"}";
    let shown = format!("Basic {}", STANDARD.encode("am:open-sesame"));
    for (path, head, status) in [
        ("alerts", Some(shown.as_str()), 200),
        ("alerts", None, 401),
        ("alerts", Some("Bearer sender"), 401),
        ("coderd/open-sesame", None, 200),
        ("coderd/open", None, 401),
        ("coderd", None, 401),
        ("coderd", Some("Bearer sender"), 401),
        ("alerts/open-sesame", None, 404),
        ("gone/open-sesame", None, 503),
    ] {
        let head: Vec<(&str, &str)> = head.iter().map(|value| ("authorization", *value)).collect();
        let (found, answer) = send(&router, path, &head, body).await;
        assert_eq!(found, status, "{path} {answer}");
        assert!(!answer.to_string().contains("open"), "{answer}");
    }
    let status = house.collectors.watch().status();
    let place = |name: &str| status.iter().find(|status| status.name == name).unwrap().place.clone();
    assert_eq!(place("coderd"), "POST /v1/events/coderd/{secret}");
    let gone = status.iter().find(|status| status.name == "gone").unwrap();
    assert!(format!("{:?}", gone.standing).contains("/does/not/exist"));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_whole() {
    let (house, _secrets) = house();
    let router = house.router();
    let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let count = SIGNED_BODY_BYTES_MAX / chunk.len() + 1;
    let chunks = (0..count).map(move |_| Ok::<_, std::convert::Infallible>(chunk.clone()));
    let body = Body::from_stream(futures::stream::iter(chunks));
    let (status, _) = send(&router, "github", &[("x-hub-signature-256", GITHUB[2])], body).await;
    assert_eq!(status, 413);
    // Its room is there again.
    let (status, _) = send(&router, "github", &[("x-hub-signature-256", GITHUB[2])], GITHUB[1]).await;
    assert_eq!(status, 200);
}

#[test]
fn so_many_deliveries_are_remembered() {
    let deliveries = Deliveries::default();
    for at in 0..=DELIVERIES_MAX {
        deliveries.add(at.to_string());
    }
    assert!(!deliveries.has("0") && deliveries.has("1") && deliveries.has(&DELIVERIES_MAX.to_string()));
}

proptest! {
    #[test]
    fn any_head_is_looked_at(value in "\\PC{0,40}", stamp in "[0-9-]{0,20}", body in prop::collection::vec(any::<u8>(), 0..40)) {
        let secret = file("whsec_plJ3nmyCDGBKInavdOK15jsl");
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static(""));
        let stamp = HeaderValue::from_str(&stamp).unwrap();
        let mut head = HeaderMap::new();
        for name in ["x-hub-signature-256", "webhook-id", "webhook-signature", "authorization"] {
            head.insert(HeaderName::from_static(name), value.clone());
        }
        head.insert("webhook-timestamp", stamp);
        for (kind, more) in [("github", ""), ("standard_webhooks", ""), ("basic", "username = \"a\""), ("path", "")] {
            if let Ok(Proof::Body(claim)) = signature(kind, more, &secret).look(&head, Some("x"), 0) {
                prop_assert!(!claim.covers(&body));
            }
        }
    }
}
