//! Buttons over the router: who is believed, what is done once, and what everybody else is told.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request as HttpRequest;
use ledger::LedgerName;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::fixtures::{Ledgers, People, alert, ask};
use crate::{OPENAPI, router};
use query::output::Format;

/// Believes a signature that ends with the number of bytes of the body.
struct Counting;

/// A signature for a body that [`Counting`] believes. There are several.
fn signature(body: &str, copy: u8) -> String {
    format!("v0={copy:032x}{:032x}", body.len())
}

impl SlackApps for Counting {
    fn signer(&self, timestamp: &str, body: &[u8], signature: &str, _now: i64) -> Option<String> {
        let is_signed = signature.ends_with(&format!("{:032x}", body.len()));
        (timestamp == "1" && is_signed).then(|| "oncall".to_owned())
    }

    fn acknowledges(&self, action: &str) -> bool {
        action == "take"
    }
}

struct Server {
    ledgers: Ledgers,
    router: Router,
}

async fn server() -> Server {
    serving(Interactions::of(Arc::new(Counting))).await
}

async fn serving(interactions: Interactions) -> Server {
    let ledgers = Ledgers::new(1_000);
    let state = State::new(ledgers.services(Arc::new(People::new(Vec::new()))));
    let router = router(state.with_slack(interactions));
    let alerts = [alert("alert-a1", 1, "open", "high"), alert("alert-b1", 1, "open", "high")];
    ledgers.append(LedgerName::Operations, alerts, 10).await;
    Server { ledgers, router }
}

fn form(user: &Value, action: &str, alert: &str) -> String {
    let payload = json!({"type": "block_actions", "user": user, "actions": [{"action_id": action, "value": alert}], "message": {"text": "a b&c"}});
    let payload = payload.to_string().replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace(' ', "+");
    format!("payload={payload}")
}

impl Server {
    async fn send(&self, body: &str, timestamp: &str, signature: &str) -> (u16, Value) {
        let request = HttpRequest::post("/api/v1/integrations/slack/interactions")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn press(&self, user: &Value, action: &str, alert: &str, copy: u8) -> String {
        let body = form(user, action, alert);
        let (status, answer) = self.send(&body, "1", &signature(&body, copy)).await;
        assert_eq!(status, 200, "{answer}");
        answer["text"].as_str().unwrap().to_owned()
    }

    async fn acknowledged(&self) -> String {
        let sql = "SELECT subject, actor FROM operations WHERE kind = 'alert.ack' ORDER BY seq";
        ask(&self.ledgers.engine(), sql, Format::Csv).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_acknowledges_once_in_the_name_of_who_pressed_it() {
    let server = server().await;
    let ana = json!({"id": "U123ABC", "username": "ana.b"});
    assert_eq!(server.press(&ana, "take", "alert-a1", 1).await, "You look after alert-a1.");
    assert_eq!(server.press(&ana, "take", "alert-a1", 1).await, "This was done already.");
    let ben = json!({"id": "U9", "name": "<b>\u{202e}"});
    let said = server.press(&ben, "take", "alert-a1", 2).await;
    assert_eq!(said, "Nothing was changed: the alert was acknowledged already, by slack:U123ABC/ana.b.");
    assert_eq!(server.press(&ben, "open", "alert-b1", 3).await, "Nothing to do.");
    assert_eq!(server.press(&ben, "take", "alert-z", 4).await, "Nothing was changed: there is no alert \"alert-z\".");
    assert_eq!(server.press(&ben, "take", "alert-b1", 5).await, "You look after alert-b1.");
    assert_eq!(server.acknowledged().await, "subject,actor\nalert-a1,slack:U123ABC/ana.b\nalert-b1,slack:U9\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_believed_learns_nothing_and_changes_nothing() {
    let server = server().await;
    let body = form(&json!({"id": "U1"}), "take", "alert-a1");
    let (signed, other) = (signature(&body, 0), signature("other", 0));
    let cut = &signed[..signed.len() - 1];
    let strangers =
        [("1", other.as_str()), ("2", &signed), ("", ""), ("1", ""), ("-1", &signed), ("1", cut), ("", &signed)];
    let mut told = Vec::new();
    for (timestamp, signature) in strangers {
        told.push(server.send(&body, timestamp, signature).await);
    }
    told.push(server.send("garbage", "1", &other).await);
    assert!(told.iter().all(|answer| *answer == told[0] && answer.0 == 401), "{told:?}");
    let large = "x".repeat(limits::SLACK_REQUEST_BYTES_MAX + 1);
    assert_eq!(server.send(&large, "1", &signature(&large, 0)).await.0, 413);
    let nobody = form(&json!({"id": "U 1"}), "take", "alert-a1");
    for signed in ["payload=%7B", "other=1", "payload=%FF", nobody.as_str()] {
        assert_eq!(server.send(signed, "1", &signature(signed, 0)).await.0, 400, "{signed}");
    }
    assert_eq!(server.acknowledged().await, "subject,actor\n");
    let documented: Value = serde_json::from_str(OPENAPI).unwrap();
    let route = documented.pointer("/paths/~1api~1v1~1integrations~1slack~1interactions/post").unwrap();
    assert_eq!(route["security"], json!([]));
}

#[test]
fn what_was_done_is_remembered_within_a_bound() {
    let mut done = Done::default();
    for number in 0..2 * limits::SLACK_SIGNATURES_MAX {
        assert!(done.remember(&number.to_string()));
        assert!(!done.remember(&number.to_string()));
    }
    assert_eq!((done.signatures.len(), done.order.len()), (limits::SLACK_SIGNATURES_MAX, limits::SLACK_SIGNATURES_MAX));
    assert!(!done.signatures.contains("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_take_no_more_threads_and_are_told_to_come_again() {
    let interactions = Interactions::of(Arc::new(Counting));
    let places = interactions.places.clone();
    let server = serving(interactions).await;
    let body = form(&json!({"id": "U1"}), "take", "alert-a1");
    let taken = places.0.acquire_many(limits::SLACK_REQUESTS_MAX as u32).await.unwrap();
    let (status, told) = server.send(&body, "1", &signature(&body, 0)).await;
    assert_eq!((status, &told["code"]), (503, &json!("busy")), "{told}");
    drop(taken);
    assert_eq!(server.send(&body, "1", &signature(&body, 0)).await.0, 200);
    assert_eq!(places.0.available_permits(), limits::SLACK_REQUESTS_MAX, "each place is given back");
}
