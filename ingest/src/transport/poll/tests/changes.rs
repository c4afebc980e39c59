//! Rows that change after they were read, what belongs to a row, and who is explained by what was polled.

use serde_json::{Value, json};

use super::fake::Fault;
use super::paging::id;
use super::{Scene, ago, clock};

const CONNECTIONS: &str = "/api/v2/connectionlog";
const USERS: &str = "/api/v2/users";
const SESSIONS: &str = "/api/v2/ai-gateway/sessions";

pub(super) fn connection(number: u64, seconds: i64, ended: Option<&str>) -> Value {
    json!({
        "id": id(number), "connect_time": ago(seconds), "workspace_id": id(50), "workspace_owner_id": id(51),
        "workspace_owner_username": "amara", "workspace_name": "refunds", "agent_name": "main", "type": "ssh",
        "ssh_info": {"connection_id": id(60), "disconnect_time": ended, "disconnect_reason": "", "exit_code": 0},
    })
}

#[tokio::test]
async fn a_connection_that_ends_days_later_is_read_again() {
    let day = 86_400;
    let since = format!(",\"since\":\"{}\"", ago(3 * day));
    let mut scene = Scene::new("coder", &["connections"], &since).await;
    scene.fake.add(CONNECTIONS, [connection(1, 2 * day, None), connection(2, 60, Some(&ago(30)))]);
    scene.poll().await;
    let open = scene.ids("connection");
    assert!(scene.cursor("connections").unwrap().contains("open"));
    let mut scene = scene.restart().await;
    scene.poll().await;
    assert_eq!(scene.ids("connection"), open, "nothing has changed");
    scene.fake.asked();
    let mut scene = scene.restart().await;
    let mut row = scene.fake.inside().rows[CONNECTIONS][1].clone();
    row["ssh_info"]["disconnect_time"] = Value::from(ago(5));
    scene.fake.inside().rows.get_mut(CONNECTIONS).unwrap()[1] = row;
    scene.poll().await;
    assert_eq!(scene.ids("connection").len(), open.len() + 1, "{:?}", scene.ids("connection"));
    let asked = scene.fake.asked().len();
    let mut scene = scene.restart().await;
    scene.poll().await;
    assert!(scene.fake.asked().len() < asked, "it is over and not read again");
}

#[tokio::test]
async fn an_agent_that_runs_is_read_again_where_nothing_can_be_asked_for_by_time() {
    let path = "/api/gitpod.v1.AgentService/ListAgentExecutions";
    let execution = |number: u64, seconds: i64, phase: &str, version: u64| {
        json!({"id": id(number), "metadata": {"createdAt": ago(seconds)},
               "status": {"phase": phase, "statusVersion": version.to_string()}})
    };
    let mut scene = Scene::new("ona", &["executions"], "").await;
    scene.fake.add(path, [execution(1, 7_200, "PHASE_RUNNING", 3), execution(2, 60, "PHASE_STOPPED", 9)]);
    scene.poll().await;
    assert_eq!((scene.records(), scene.fake.asked().len()), (2, 2), "the present, and the one that runs");
    scene.fake.inside().rows.get_mut(path).unwrap()[1] = execution(1, 7_200, "PHASE_STOPPED", 4);
    let mut scene = scene.restart().await;
    let before = scene.records();
    scene.poll().await;
    assert!(scene.records() > before && scene.poller.lists[0].trouble.is_none());
    let list = &scene.poller.lists[0];
    assert_eq!(list.cursor.changing(&list.rules, clock::now()), [], "it does not run any more");
}

#[tokio::test]
async fn how_things_stand_is_recorded_when_it_is_another_way() {
    let mut scene = Scene::new("coder", &["users"], "").await;
    let user = |number: u64, name: &str, seen: &str| {
        json!({"id": id(number), "username": name, "status": "active", "login_type": "oidc", "updated_at": "2026-01-01T00:00:00Z",
               "last_seen_at": seen})
    };
    scene.fake.add(USERS, (0..120).map(|at| user(at, &format!("u{at}"), "a")));
    scene.poll().await;
    assert_eq!(scene.records(), 120);
    scene.fake.inside().rows.insert(USERS.to_owned(), (0..120).map(|at| user(at, &format!("u{at}"), "b")).collect());
    scene.poll().await;
    assert_eq!(scene.records(), 120, "that somebody was there changes nothing");
    scene.fake.inside().rows.get_mut(USERS).unwrap()[7] = user(7, "amara", "b");
    scene.poll().await;
    assert_eq!((scene.records(), scene.cursor("users")), (121, None));
}

pub(super) fn session(name: &str, seconds: i64) -> Value {
    json!({
        "id": name, "client": "Claude Code", "initiator": {"id": id(9), "username": "amara"}, "providers": ["anthropic"],
        "models": ["claude-sonnet-5"], "started_at": ago(900), "ended_at": ago(seconds), "last_active_at": ago(seconds),
        "last_prompt": "fix refunds", "threads": 1,
    })
}

pub(super) fn threads(name: &str, threads: usize) -> Value {
    let thread = |at: usize| {
        json!({"id": id(100 + at as u64), "prompt": "fix refunds", "model": "claude-sonnet-5", "provider": "anthropic",
               "started_at": ago(900), "ended_at": ago(800), "token_usage": {"input_tokens": 5, "output_tokens": 7}})
    };
    let mut whole = session(name, 10);
    whole["threads"] = (0..threads).map(thread).collect();
    whole["network_call_logs"] = json!([]);
    whole
}

#[tokio::test]
async fn sessions_come_with_their_threads_and_again_when_they_go_on() {
    let mut scene = Scene::new("coder", &["sessions"], "").await;
    let own = format!("{SESSIONS}/s-1");
    scene.fake.add(SESSIONS, [session("s-1", 60)]);
    scene.fake.add(&own, [threads("s-1", 1)]);
    scene.poll().await;
    assert_eq!((scene.ids("session.summary").len(), scene.ids("model.tokens").len()), (1, 1));
    scene.poll().await;
    assert_eq!(scene.records(), 2, "nothing is given again");
    scene.fake.inside().rows.insert(SESSIONS.to_owned(), vec![session("s-1", 1)]);
    scene.fake.inside().rows.insert(own, vec![threads("s-1", 3)]);
    scene.poll().await;
    assert_eq!((scene.ids("session.summary").len(), scene.ids("model.tokens").len()), (2, 3), "tokens count once");
}

#[tokio::test]
async fn what_is_wrong_with_one_session_keeps_no_other_from_being_read() {
    let mut scene = Scene::new("coder", &["sessions"], "").await;
    scene.fake.add(SESSIONS, ["s-1", "s-2", "s-gone"].map(|name| session(name, 60)));
    scene.fake.add(&format!("{SESSIONS}/s-1"), [threads("s-1", 1)]);
    scene.fake.add(&format!("{SESSIONS}/s-2"), [threads("s-2", 2)]);
    // The list, the summary and the threads of `s-gone`, which are not there, and the same of `s-2`.
    scene.fake.fail([None, None, None, None, Some(Fault::Status(500, None))]);
    assert!(scene.poller.step(0).await);
    assert!(scene.trouble().contains("sessions: failing: it answers 500"), "{}", scene.trouble());
    assert_eq!(scene.ids("session.summary").len(), 3);
    scene.poll().await;
    assert_eq!((scene.trouble().as_str(), scene.ids("prompt").len()), ("ok ", 2));
}

#[tokio::test]
async fn keys_that_records_named_are_asked_for() {
    let mut scene = Scene::new("coder", &["api_keys"], "").await;
    let owner = id(9);
    scene.poll().await;
    assert_eq!(scene.fake.asked(), Vec::<String>::new(), "nobody named any");
    let want = |scene: &Scene, keys: &[&str]| {
        let keys = keys.iter().map(|key| (owner.clone(), (*key).to_owned())).collect();
        scene.poller.around.pipeline.want_keys(keys);
    };
    want(&scene, &["k1", "gone"]);
    let path = format!("{USERS}/{owner}/keys");
    scene
        .fake
        .add(&format!("{path}/k1"), [json!({"id": "k1", "user_id": owner, "token_name": "x", "login_type": "oidc"})]);
    scene.poll().await;
    assert_eq!((scene.records(), scene.trouble().as_str()), (1, "ok "));
    let mut asked = scene.fake.asked();
    asked.sort();
    assert_eq!(
        asked.iter().map(|asked| asked.trim_end_matches('=')).collect::<Vec<_>>(),
        [format!("{path}/gone"), format!("{path}/k1")]
    );
    // What could not be asked for is asked for later.
    want(&scene, &["k1"]);
    scene.fake.fail([Some(Fault::Status(500, None))]);
    assert!(scene.poller.step(0).await);
    scene.poll().await;
    assert_eq!(scene.fake.asked().len(), 2);
}
