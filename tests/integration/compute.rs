//! What workspaces cost: builds by coderd's log and by pages of its REST interface, a rate table, and another one that leaves the past alone.

use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{World, http};

const WORKSPACE: &str = "f2bd4e9f-7e27-49fc-961e-be4d1c2aa987";
const UNRATED: &str = "a1bd4e9f-7e27-49fc-961e-be4d1c2aa901";
const TEMPLATE: &str = "c5d67e98-3333-49f0-8812-e4abae2b68bc";
const OWNER: &str = "5b405053-7777-484a-9ad7-bcb64e7bfde6";

const COLLECTOR: &str = "[[collector]]\nname = \"coderd\"\ntransport = \"http\"\ndialect = \"coder\"\n";

/// The midnight with which today began: the same for the whole test, also when it runs past the next one.
static MIDNIGHT: LazyLock<DateTime<Utc>> =
    LazyLock::new(|| Utc::now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc());

/// So many days before today at this hour, UTC.
fn at(days: i64, hour: i64) -> String {
    (*MIDNIGHT - TimeDelta::days(days) + TimeDelta::hours(hour)).to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn build_id(number: u32) -> String {
    format!("ba5647e0-bbbb-4202-a246-{number:012}")
}

/// A line of coderd's log about a build.
fn audit(number: u32, workspace: &str, action: &str, status: u16, time: &str) -> String {
    json!({"ts": time, "level": "INFO", "msg": "audit_log", "logger_names": ["coderd"], "fields": {
        "ID": format!("043a9ffa-9999-4c10-8ec3-{number:012}"), "Time": time, "UserID": OWNER, "ResourceType": "workspace_build",
        "ResourceID": build_id(number), "ResourceTarget": "", "Action": action, "Diff": {}, "StatusCode": status,
        "AdditionalFields": {"workspace_name": "ledger-rewrite", "build_number": number.to_string(), "build_reason": "initiator",
            "workspace_owner": "mira", "workspace_id": workspace},
        "actor": {"id": OWNER, "username": "mira"}}})
    .to_string()
}

/// A row of a workspace's builds.
fn row(number: u32, transition: &str, status: &str, time: &str) -> Value {
    json!({"id": build_id(number), "build_number": number, "workspace_id": WORKSPACE, "workspace_name": "ledger-rewrite",
        "workspace_owner_id": OWNER, "workspace_owner_name": "mira", "initiator_id": OWNER, "initiator_name": "mira",
        "transition": transition, "reason": "initiator", "status": status, "created_at": time, "updated_at": time, "resources": []})
}

/// A rate table: a price from 2020 on, and another one from a day on.
fn rates(template: &str, later: &str) -> String {
    format!(
        "version = \"{}\"\n[[rate]]\nname = \"go\"\ntemplates = [\"{template}\"]\n\
         [[rate.price]]\nfrom = 2020-01-01\nrunning_usd_per_hour = 0.192\nstopped_usd_per_hour = 0.01\n\
         storage_usd_per_gib_month = 0.073\nstorage_gib = 100\n{later}",
        if later.is_empty() { "one" } else { "two" }
    )
}

fn of_days(world: &World) -> Vec<Value> {
    world.sql(&format!(
        "SELECT state, seconds, rate, cost_micros, storage_micros FROM compute WHERE workspace = '{WORKSPACE}' ORDER BY started"
    ))
}

fn finding(world: &World) -> Value {
    let config = world.config();
    let doctor = world.run(&["doctor", "--config", config.to_str().unwrap(), "-o", "json"]).json();
    let checks = doctor.as_array().unwrap();
    checks.iter().find(|check| check["what"] == "compute").unwrap().clone()
}

/// Tells of a workspace with a rate and of one without, by both feeds.
fn tell(post: &dyn Fn(String)) {
    // The newest comes first, and the same builds by both feeds: two days ago from 22:00 to one day ago 01:30.
    let page = |rows: &[Value]| format!("{}\n", json!({"builds": rows, "count": rows.len()}));
    post(page(&[
        row(4, "delete", "deleted", &at(1, 3)),
        row(3, "stop", "failed", &at(1, 0)),
        row(1, "start", "starting", &at(2, 21)),
    ]));
    post(page(&[row(1, "start", "running", &at(2, 22)), row(2, "stop", "stopped", &at(1, 1))]));
    let log = [
        audit(2, WORKSPACE, "stop", 200, &at(1, 1)),
        audit(1, WORKSPACE, "start", 200, &at(2, 22)),
        audit(5, WORKSPACE, "start", 500, &at(1, 2)),
        audit(6, UNRATED, "start", 200, &at(2, 0)),
        audit(7, UNRATED, "stop", 200, &at(2, 5)),
        audit(8, UNRATED, "delete", 200, &at(2, 6)),
    ];
    post(log.join("\n") + "\n");
    let workspaces = json!({"count": 1, "workspaces": [{"id": WORKSPACE, "name": "ledger-rewrite", "owner_id": OWNER, "owner_name": "mira",
        "template_id": TEMPLATE, "created_at": at(2, 22), "updated_at": at(1, 3),
        "latest_build": row(4, "delete", "deleted", &at(1, 3))}]});
    post(format!("{workspaces}\n"));
}

#[test]
fn builds_cost_what_the_table_says_and_a_later_price_leaves_the_past_alone() {
    let world = World::new(COLLECTOR);
    let server = world.serve();
    assert_eq!(finding(&world)["grade"], "good", "{}", finding(&world));
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    tell(&|body| {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str())];
        let answer = http::send(&server.ingest, "POST", "/v1/events/coderd", &headers, body.as_bytes()).unwrap();
        assert_eq!((answer.status, &answer.json()["unparsed"]), (200, &json!(0)), "{}", answer.json());
    });
    let of = |state: &str, seconds: i64, money: Value, storage: Value| {
        let rate = if money.is_null() { Value::Null } else { json!("go") };
        json!({"state": state, "seconds": seconds, "rate": rate, "cost_micros": money, "storage_micros": storage})
    };
    let null = || Value::Null;
    let unrated = [
        of("running", 7_200, null(), null()),
        of("running", 3_600, null(), null()),
        of("stopped", 7_200, null(), null()),
    ];
    assert_eq!(of_days(&world), unrated);
    let look = finding(&world);
    assert!(look["grade"] == "look" && look["finding"].as_str().unwrap().contains("[compute] rates"), "{look}");
    // A table that is wrong is named with its line, and changes nothing.
    let file = world.path("rates.toml");
    let configured = format!("{COLLECTOR}\n[compute]\nrates = {:?}\n", file.display());
    world.configure(&configured);
    std::fs::write(&file, rates(TEMPLATE, "").replace("0.192", "-1")).unwrap();
    let refused = world.run(&["config", "check", world.config().to_str().unwrap()]);
    let said = refused.out + &refused.err;
    assert!(refused.code != 0 && said.contains("line 5: rate \"go\": `running_usd_per_hour`"), "{said}");
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was not changed").unwrap();
    std::fs::write(&file, rates(TEMPLATE, "")).unwrap();
    server.signal("HUP").unwrap();
    world.wait_for(1, &["--ledger", "operations", "kind=rates", "record.version=one"]);
    // Two hours, one hour, and two that it was kept; a month of 100 GiB costs 7.30, an hour of it 0.01.
    let first = [
        of("running", 7_200, json!(384_000), json!(20_000)),
        of("running", 3_600, json!(192_000), json!(10_000)),
        of("stopped", 7_200, json!(20_000), json!(20_000)),
    ];
    assert_eq!(of_days(&world), first);
    let look = finding(&world);
    assert!(look["finding"].as_str().unwrap().contains("template"), "{look}");
    assert!(look["finding"].as_str().unwrap().contains("5.0 h of them without"), "{look}");
    // Another price from yesterday on: the day before is as it was.
    let price = format!("[[rate.price]]\nfrom = {}\nrunning_usd_per_hour = 1\n", &at(1, 0)[..10]);
    std::fs::write(&file, rates(TEMPLATE, &price)).unwrap();
    server.signal("HUP").unwrap();
    world.wait_for(1, &["--ledger", "operations", "kind=rates", "record.version=two"]);
    let second =
        [first[0].clone(), of("running", 3_600, json!(1_000_000), null()), of("stopped", 7_200, json!(0), null())];
    assert_eq!(of_days(&world), second);
    let versions = world.sql("SELECT \"from\", \"to\" FROM operations WHERE kind = 'rates' ORDER BY seq");
    assert_eq!(versions, [json!({"from": null, "to": "one"}), json!({"from": "one", "to": "two"})]);
    assert!(server.stop().unwrap().success());
    // Without a server the same is said of the directory, by the table of the configuration.
    let config = world.config();
    let sql = "SELECT sum(cost_micros) AS micros FROM compute";
    let here = world.run(&["sql", "--config", config.to_str().unwrap(), "-o", "ndjson", sql]).ok();
    assert_eq!(serde_json::from_str::<Value>(here.out.trim()).unwrap(), json!({"micros": 1_384_000}));
}
