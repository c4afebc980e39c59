//! Every row once: over pages that shift, over restarts and kills, after a long absence.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::Fault;
use super::{Scene, ago};

pub(super) const AUDIT: &str = "/api/v2/audit";

/// An audit log that happened so many seconds ago.
pub(super) fn audit(number: u64, seconds: i64) -> Value {
    json!({
        "id": id(number), "time": ago(seconds), "action": "write", "resource_type": "template",
        "resource_id": id(7), "resource_target": "go", "status_code": 200, "diff": {},
        "user": {"id": id(8), "username": "amara", "last_seen_at": ago(0)},
    })
}

pub(super) fn id(number: u64) -> String {
    format!("{:08x}-0000-4000-8000-000000000000", number + 1)
}

/// The ids of the rows with these numbers, in order.
pub(super) fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut ids: Vec<String> = numbers.into_iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_is_new_is_recorded_once_and_nothing_new_writes_nothing() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, (0..250).map(|at| audit(at, 3_000 - at as i64)));
    scene.poll().await;
    assert_eq!((scene.ids("audit"), scene.trouble().as_str()), (ids(0..250), "ok "));
    assert!(scene.fake.inside().tokens.iter().all(|token| token == "hunter2"));
    assert!(scene.fake.asked()[1].contains("offset=90"), "pages overlap");
    let (rows, records) = (scene.commits(), scene.records());
    scene.poll().await;
    assert_eq!((scene.commits(), scene.records()), (rows, records), "nothing is given again");
    // A row that appears late, and one that is new.
    scene.fake.add(AUDIT, [audit(300, 2_800), audit(301, 1)]);
    scene.fake.inside().rows.get_mut(AUDIT).unwrap().sort_by_key(|row| std::cmp::Reverse(row["time"].to_string()));
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids((0..250).chain([300, 301])));
    assert_eq!(scene.poller.around.channel.lag().map(|lag| lag < Duration::from_mins(2)), Some(true));
    // Over a restart the overlap is given again, and recorded by its ids only.
    let mut scene = scene.restart().await;
    scene.fake.add(AUDIT, [audit(302, 0)]);
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids((0..250).chain(300..303)));
}

#[tokio::test]
async fn rows_that_appear_while_it_pages_hide_none() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, (0..350).map(|at| audit(at, 3_000 - at as i64)));
    scene.fake.fail((0..4).map(|at| Some(Fault::ThenRow(audit(400 + at, 10 - at as i64)))));
    scene.poll().await;
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids((0..350).chain(400..404)));
}

#[tokio::test]
async fn a_kill_between_a_page_and_its_commit_loses_and_doubles_nothing() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, (0..350).map(|at| audit(at, 3_000 - at as i64)));
    for answered in [0, 1, 2] {
        scene.fake.asked();
        scene.fake.fail((0..answered).map(|_| None).chain([Some(Fault::Hang)]));
        let mut step = Box::pin(scene.poller.step(0));
        while scene.fake.inside().asked.len() <= answered {
            assert!(futures::poll!(&mut step).is_pending(), "it hangs");
            tokio::task::yield_now().await;
        }
        drop(step);
        scene = scene.restart().await;
    }
    assert!(scene.cursor("audit").unwrap().contains("offset"), "it goes on at its page");
    scene.poll().await;
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids(0..350));
}

#[tokio::test]
async fn a_kill_at_any_point_loses_and_doubles_nothing() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, (0..150).map(|at| audit(at, 3_000 - at as i64)));
    for polls in (1..40).step_by(3) {
        let mut step = Box::pin(scene.poller.step(0));
        for _ in 0..polls {
            if futures::poll!(&mut step).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(step);
        scene = scene.restart().await;
    }
    scene.poll().await;
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids(0..150));
}

#[tokio::test]
async fn after_months_it_goes_on_day_by_day() {
    let day = 86_400;
    let since = format!(",\"since\":\"{}\"", ago(70 * day));
    let mut scene = Scene::new("coder", &["audit"], &since).await;
    scene.fake.add(AUDIT, (0..70).map(|at| audit(at, (69 - at as i64) * day + 60)));
    scene.poll().await;
    assert_eq!(scene.ids("audit"), ids(0..70));
    let asked = scene.fake.asked();
    assert!(asked.len() >= 70 && asked.iter().take(60).all(|asked| asked.contains("date_to:")), "{}", asked.len());
    assert!(!asked.last().unwrap().contains("date_to:"));
    let mut scene = scene.restart().await;
    scene.poll().await;
    assert!(scene.fake.asked().len() <= 3, "it does not begin again");
    assert_eq!(scene.ids("audit").len(), 70);
}

#[tokio::test]
async fn a_list_in_which_nothing_happens_is_remembered_once() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, []);
    scene.poll().await;
    let cursor = scene.cursor("audit");
    assert!(cursor.as_ref().is_some_and(|cursor| cursor.contains("newest")), "what comes later is not passed over");
    scene.poll().await;
    assert_eq!((scene.cursor("audit"), scene.commits()), (cursor, 0));
}

#[tokio::test]
async fn tokens_of_pages_and_numbers_of_pages_are_followed() {
    let path = "/api/gitpod.v1.EventService/ListAuditLogs";
    let mut scene = Scene::new("ona", &["audit"], "").await;
    let entry = |at: u64, seconds| json!({"id": id(at), "action": "created", "createdAt": ago(seconds)});
    scene.fake.add(path, (0..250).map(|at| entry(at, 3_000 - at as i64)));
    scene.poll().await;
    assert_eq!((scene.records(), scene.fake.asked().len()), (250, 3));
    assert!(scene.fake.inside().tokens.iter().all(|token| token == "Bearer hunter2"));
    scene.fake.add(path, [entry(251, 1)]);
    scene.poll().await;
    assert_eq!((scene.records(), scene.fake.asked().len()), (251, 3), "all of it lies within the overlap");

    let mut scene = Scene::new("litellm", &["spend"], "").await;
    let row = |at: u64, seconds| json!({"request_id": id(at), "spend": 0.02, "startTime": ago(seconds)});
    scene.fake.add("/spend/logs/v2", (0..250).map(|at| row(at, 30_000 - at as i64)));
    scene.poll().await;
    assert_eq!((scene.records(), scene.fake.asked().len()), (250, 3));
    assert_eq!(scene.poller.lists[0].trouble, None);
}

#[tokio::test]
async fn only_one_request_goes_out_in_a_quarter_of_a_second() {
    let mut scene = Scene::new("coder", &["audit"], "").await;
    scene.fake.add(AUDIT, [audit(1, 1)]);
    scene.poller.around.gap = crate::limits::POLL_REQUEST_GAP;
    let before = tokio::time::Instant::now();
    scene.poll().await;
    assert!(scene.poller.around.next_request >= before + crate::limits::POLL_REQUEST_GAP);
}

#[tokio::test]
async fn an_interface_that_does_not_page_ends() {
    let mut scene = Scene::new("coder", &["chats"], "").await;
    let chats: Vec<Value> =
        (0..100).map(|at| json!({"id": id(at), "status": "waiting", "client_type": "ui"})).collect();
    scene.fake.add("/api/v2/chats", [Value::from(chats)]);
    scene.poll().await;
    assert_eq!((scene.records(), scene.fake.asked().len()), (100, 2));
    assert_eq!(scene.poller.lists[0].trouble, None);
    // Of a log this is told: what lies behind the page is not known to be read.
    let mut scene = Scene::new("coder", &["audit"], "").await;
    let page = json!({"audit_logs": (0..100).map(|at| audit(at, 60)).collect::<Vec<_>>()}).to_string().into_bytes();
    scene.fake.fail([Some(Fault::Body(page.clone())), Some(Fault::Body(page))]);
    assert!(scene.poller.step(0).await);
    assert!(scene.trouble().contains("the same page again"), "{}", scene.trouble());
}
