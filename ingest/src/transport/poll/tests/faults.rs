//! What interfaces do wrong: told in words for people, tried again in time, and without loss.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::Instant;

use super::fake::Fault;
use super::paging::{AUDIT, audit, ids};
use super::{Scene, ago};
use crate::limits;

/// One request goes wrong so; then all is well.
async fn check(fault: Fault, told: &str, least: Duration) {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, (0..150).map(|at| audit(at, 3_000 - at as i64)));
    // The second page: what was read before stays.
    scene.fake.fail([None, Some(fault)]);
    let before = Instant::now();
    assert!(scene.poller.step(0).await);
    let trouble = scene.trouble();
    assert!(trouble.contains(told) && !trouble.contains("hunter2"), "{trouble}");
    assert!(scene.poller.lists[0].due >= before + least, "{told}");
    assert_eq!(scene.ids("audit").len(), 100, "{told}");
    scene.poll().await;
    assert_eq!((scene.ids("audit"), scene.trouble().as_str()), (ids(0..150), "ok "), "{told}");
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_mends_itself() {
    let short = limits::POLL_BACKOFF_MIN / 2;
    check(Fault::Status(500, None), "blocked audit: failing: it answers 500", short).await;
    check(Fault::Status(401, None), "parked audit: refused: it answers 401", limits::POLL_PARKED_EVERY).await;
    check(Fault::Status(403, None), "parked audit: refused: it answers 403", limits::POLL_PARKED_EVERY).await;
    check(Fault::Status(404, None), "parked audit: it is not there", limits::POLL_PARKED_EVERY).await;
    check(Fault::Redirect, "parked audit: it answers with a redirect (307)", limits::POLL_PARKED_EVERY).await;
    check(Fault::Cut, "blocked audit: unreachable", short).await;
    check(Fault::Body(b"<html>".to_vec()), "blocked audit: its answer is not understood", short).await;
    check(Fault::Body(b"{\"audit_logs\":[{\"id\":".to_vec()), "not understood: it is no JSON", short).await;
    check(Fault::Body(b"{\"message\":\"x\"}".to_vec()), "it has no `audit_logs`", short).await;
    check(Fault::Body(vec![b'['; 100_000]), "not understood", short).await;
    check(Fault::Status(429, None), "blocked audit: rate limited", short).await;
    check(Fault::Status(503, Some("30".to_owned())), "it answers 503", Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_to_by_all_lists_in_both_forms() {
    // Time stands still while a thread is at work that nothing waits for, so that waits can be told exactly.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv());
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_mins(10));
    for (told, least, most) in [("90", 90, 91), (date.as_str(), 500, 601), ("999999", 3_600, 3_601)] {
        let mut scene = Scene::new("coder", &["audit", "users"], "").await;
        scene.fake.add(AUDIT, [audit(1, 1)]);
        scene.fake.fail([Some(Fault::Status(429, Some(told.to_owned())))]);
        let first = scene.poller.next().unwrap();
        assert!(scene.poller.step(first).await);
        for list in &scene.poller.lists {
            let wait = list.due.duration_since(Instant::now());
            assert!(wait >= Duration::from_secs(least) && wait <= Duration::from_secs(most), "{told}: {wait:?}");
        }
        assert!(scene.trouble().contains("rate limited for"), "{}", scene.trouble());
    }
    drop(hold);
}

#[tokio::test]
async fn nobody_there_is_told_and_waits_longer_each_time() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    scene.fake.url = format!("http://{free}");
    scene.poller = super::build(&scene.house, &scene.fake, scene.api, &scene.more);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let before = Instant::now();
        assert!(scene.poller.step(0).await);
        waits.push(scene.poller.lists[0].due.duration_since(before));
    }
    let trouble = scene.trouble();
    assert!(trouble.starts_with("blocked audit: unreachable: ") && !trouble.contains(&free.to_string()), "{trouble}");
    assert!(waits[3] >= 4 * limits::POLL_BACKOFF_MIN && waits[0] < waits[3], "{waits:?}");
}

#[tokio::test]
async fn pages_that_are_too_large_are_asked_for_in_parts() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    let large = |at: u64| {
        let mut row = audit(at, 3_000 - at as i64);
        row["diff"] = json!({"text": {"old": "x".repeat(800_000), "new": ""}});
        row
    };
    scene.fake.add(AUDIT, (0..40).map(large));
    scene.poll().await;
    assert_eq!((scene.ids("audit").len(), scene.trouble().as_str()), (40, "ok "));
    assert!(scene.fake.asked().iter().any(|asked| asked.contains("limit=12")));
    // A row that is longer than any record is kept with its beginning.
    let mut longest = audit(50, 1);
    longest["diff"] = json!({"text": {"old": "x".repeat(2 << 20), "new": ""}});
    scene.fake.add(AUDIT, [longest]);
    scene.poll().await;
    assert_eq!(scene.house.column(ledger::events::column::KIND).iter().filter(|kind| *kind == "unparsed").count(), 1);
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.inside().has_tags = true;
    scene.fake.add(AUDIT, [audit(1, 30), audit(2, 20)]);
    // The first request is about the time before the first row.
    for _ in 0..4 {
        scene.poll().await;
    }
    assert_eq!((scene.fake.inside().unchanged, scene.ids("audit").len()), (2, 2));
    scene.fake.add(AUDIT, [audit(3, 0)]);
    scene.poll().await;
    assert_eq!((scene.fake.inside().unchanged, scene.ids("audit").len()), (2, 3));
}

#[tokio::test]
async fn an_older_path_is_tried_where_the_newer_is_not_there() {
    let mut scene = Scene::new("coder", &["sessions"], "").await;
    scene.fake.add("/api/v2/aibridge/sessions", []);
    scene.poll().await;
    scene.poll().await;
    let asked = scene.fake.asked();
    assert!(asked[0].starts_with("/api/v2/ai-gateway/sessions"), "{asked:?}");
    assert!(asked[1..].iter().all(|asked| asked.starts_with("/api/v2/aibridge/sessions")), "{asked:?}");
    assert_eq!(scene.trouble(), "ok ");
}

#[tokio::test]
async fn one_list_that_is_refused_keeps_no_other_from_being_read() {
    let mut scene = Scene::new("coder", &["users", "audit"], "").await;
    scene.fake.add(AUDIT, [audit(1, 1)]);
    scene.fake.fail([Some(Fault::Status(403, None))]);
    scene.fake.add("/api/v2/users", [json!({"id": "u-1", "username": "amara", "updated_at": ago(9)})]);
    scene.poll().await;
    assert!(scene.trouble().starts_with("parked users: refused"), "{}", scene.trouble());
    assert_eq!(scene.ids("audit").len(), 1);
}

#[tokio::test]
async fn it_stops_while_it_waits_for_an_answer() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, []);
    scene.fake.fail([Some(Fault::Hang)]);
    scene.poller.around.stop.cancel();
    assert!(!scene.poller.step(0).await);
    scene.poller.run().await;
}
