//! What is polled of Coder, through the dialect and the pipeline into the ledger: every list is understood, and what it says explains records
//! that come later.

use std::collections::BTreeSet;

use ledger::events::column;
use serde_json::{Value, json};

use super::changes::{connection, session, threads};
use super::paging::{audit, id};
use super::{Scene, ago};
use crate::clock;
use crate::pipeline::{Intake, Patience};
use crate::transport::poll::position::Position;

const USER: u64 = 9;
const WORKSPACE: u64 = 50;
const ORG: u64 = 70;
const GROUP: u64 = 71;
const TEMPLATE: u64 = 72;
const KEY: &str = "Yq2xT7vLm1";

/// Rows of every list by its path, in the shape of Coder 2.38.
fn everything() -> Vec<(String, Vec<Value>)> {
    let group = |number: u64, name: &str| {
        json!({"id": id(number), "name": name, "display_name": name, "organization_id": id(ORG), "total_member_count": 1,
               "avatar_url": "", "quota_allowance": 0, "source": "user", "members": [{"id": id(USER), "username": "amara"}]})
    };
    let build = |number: u64, transition: &str| {
        json!({"id": id(number), "build_number": 1, "workspace_id": id(WORKSPACE), "workspace_name": "refunds",
               "workspace_owner_id": id(USER), "workspace_owner_name": "amara", "initiator_id": id(USER), "initiator_name": "amara",
               "transition": transition, "reason": "initiator", "status": "running", "created_at": ago(900), "updated_at": ago(900),
               "resources": [], "job": {"id": id(90), "status": "succeeded"}})
    };
    let user = json!({"id": id(USER), "username": "amara", "name": "Amara", "email": "amara@acme.example", "status": "active",
        "login_type": "oidc", "created_at": ago(9_000), "updated_at": ago(9_000), "last_seen_at": ago(1), "roles": [],
        "organization_ids": [id(ORG)]});
    let template = json!({"id": id(TEMPLATE), "name": "go", "organization_id": id(ORG), "active_version_id": id(73),
        "deprecated": false, "created_at": ago(9_000), "updated_at": ago(9_000), "description": "with an agent"});
    let workspace = json!({"id": id(WORKSPACE), "name": "refunds", "owner_id": id(USER), "owner_name": "amara",
        "organization_id": id(ORG), "template_id": id(TEMPLATE), "template_name": "go", "created_at": ago(900),
        "updated_at": ago(900), "latest_build": build(80, "start"), "last_used_at": ago(1)});
    let chat = json!({"id": id(60), "owner_id": id(USER), "workspace_id": id(WORKSPACE), "organization_id": id(ORG),
        "client_type": "ui", "title": "fix refunds", "status": "running", "parent_chat_id": null, "root_chat_id": null,
        "last_model_config_id": id(61), "created_at": ago(600), "updated_at": ago(60), "archived": false});
    let time = json!({"start_date": "2026-11-19", "end_date": "2026-11-20", "interval": "day", "total_agent_time_ms": "5400000",
        "buckets": [{"start_date": "2026-11-19", "end_date": "2026-11-20", "agent_time_ms": "5400000"}], "rows": []});
    let sessions = "/api/v2/ai-gateway/sessions";
    let of = |path: &str, rows: Vec<Value>| (path.to_owned(), rows);
    vec![
        of("/api/v2/users", vec![user]),
        of("/api/v2/groups", vec![json!([group(ORG, "Everyone"), group(GROUP, "payments")])]),
        of("/api/v2/templates", vec![json!([template])]),
        of("/api/v2/workspaces", vec![json!({"workspaces": [workspace], "count": 1})]),
        of("/api/v2/audit", vec![audit(1, 300), audit(2, 200)]),
        of("/api/v2/connectionlog", vec![connection(3, 120, None), connection(4, 100, Some(&ago(90)))]),
        of("/api/v2/chats", vec![json!([chat])]),
        of("/api/v2/agent-time", vec![time]),
        of(sessions, vec![session("s-1", 60)]),
        of(&format!("{sessions}/s-1"), vec![threads("s-1", 2)]),
    ]
}

/// Sends a line of coderd's log on the way of any other record.
async fn log(scene: &Scene, line: &Value) {
    let around = &scene.poller.around;
    let (pipeline, channel) = (around.pipeline.clone(), around.channel.clone());
    let patience = Patience::Until(around.stop.clone());
    let position = Position::new("test".to_owned());
    let mut intake = Intake::new(pipeline, channel, around.principal.clone(), patience, position, 0);
    intake.record(line.to_string().as_bytes(), clock::now(), 0).await.unwrap();
    intake.finish().await.unwrap();
}

/// The start of a model call with a key, which names no workspace.
fn call(interception: u64) -> Value {
    json!({"ts": ago(0), "level": "INFO", "msg": "interception log", "fields": {"record_type": "interception_start",
        "interception_id": id(interception), "initiator_id": id(USER), "api_key_id": KEY, "model": "claude-sonnet-5",
        "provider": "anthropic", "client": "Claude Code", "client_session_id": "s-9", "started_at": ago(0)}})
}

const ALL: [&str; 10] = [
    "users",
    "groups",
    "templates",
    "workspaces",
    "api_keys",
    "audit",
    "connections",
    "sessions",
    "chats",
    "agent_time",
];

#[tokio::test]
async fn every_list_is_understood_and_explains_what_comes_later() {
    let mut scene = Scene::new("coder", &ALL, "").await;
    for (path, rows) in everything() {
        scene.fake.add(&path, rows);
    }
    let key = json!({"id": KEY, "user_id": id(USER), "login_type": "oidc", "created_at": ago(900), "lifetime_seconds": 2_592_000,
        "token_name": format!("{}_{}_session_token", id(USER), id(WORKSPACE))});
    scene.fake.add(&format!("/api/v2/users/{}/keys/{KEY}", id(USER)), [key]);
    // A call names the key before anybody has explained it.
    log(&scene, &call(100)).await;
    scene.poll().await;
    assert_eq!(scene.trouble(), "ok ");
    let rows = scene.house.rows();
    let kinds: BTreeSet<String> = rows.iter().filter_map(|row| row.text(column::KIND).map(str::to_owned)).collect();
    assert!(!kinds.contains("unparsed") && !kinds.contains("conflict"), "{kinds:?}");
    for kind in ["inventory", "audit", "connection", "chat.status", "session.summary", "model.tokens", "resource"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    // What comes now is explained: a call by its key, and a request of the workspace by its owner.
    log(&scene, &call(101)).await;
    let request = json!({"ts": ago(0), "level": "INFO", "msg": "boundary_request", "fields": {"workspace_id": id(WORKSPACE),
        "decision": "deny", "http_method": "GET", "http_url": "https://drop.attacker-logger.com/", "event_time": ago(0)}});
    log(&scene, &request).await;
    let rows = scene.house.rows();
    let of = |kind: &str, what: &str| {
        let row = rows.iter().filter(|row| row.text(column::KIND) == Some(kind)).last().expect(what);
        let columns =
            [column::USER, column::USER_ID, column::WORKSPACE, column::WORKSPACE_NAME, column::TEMPLATE, column::TEAM];
        columns.map(|column| row.text(column).unwrap_or("-").to_owned())
    };
    let known = ["amara", &id(USER), &id(WORKSPACE), "refunds", &id(TEMPLATE), "payments"];
    assert_eq!(of("model.call", "the call"), known);
    assert_eq!(of("egress.http", "the request"), known);
}

#[tokio::test]
async fn a_row_whose_surroundings_changed_is_the_same_row() {
    let mut scene = Scene::new("coder", &["audit", "connections"], "").await;
    let rows = |seen: &str| {
        let mut row = audit(1, 300);
        row["user"]["last_seen_at"] = json!(seen);
        row
    };
    scene.fake.add("/api/v2/audit", [rows("2026-01-01T00:00:00Z")]);
    scene.fake.add("/api/v2/connectionlog", [connection(4, 100, Some(&ago(90)))]);
    scene.poll().await;
    let before = scene.commits();
    scene.fake.inside().rows.insert("/api/v2/audit".to_owned(), vec![rows("2026-01-02T00:00:00Z")]);
    let mut scene = scene.restart().await;
    scene.poll().await;
    assert_eq!(scene.ids("page").len(), 2, "neither page is another one");
    assert!(scene.commits() <= before + 1);
}
