//! What a SIEM holds, proven by the real binary: what it would be sent, what its receipts say, and what became of its copy. And what comes the
//! other way: alerts of other systems, and the sign of life that stays away.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::opensearch::Node;
use crate::harness::receiver::receiver;
use crate::harness::{World, http};
use crate::life::{COLLECTOR, line, push};

/// Twenty requests of an agent, each to another address.
fn push_requests(ingest: &str, token: &str) {
    let lines: String =
        (0..20).map(|at| line(at, "allow", "GET", &format!("https://packages.acme.example/{at}"))).collect();
    let answer = push(ingest, token, 0, &lines).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn what_a_siem_lost_doubled_or_edited_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"lake\"\ntype = \"file\"\nfolder = \"{}\"\nschema = \"ocsf\"\nseconds_max = 1\n\
         [[sink]]\nname = \"silent\"\ntype = \"syslog\"\nserver = \"siem.acme.example:6514\"\npaused = true\n",
        folder.path().display()
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    push_requests(&server.ingest, &token);
    world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", "subject=lake", "to=events/0/20"]);
    let config = world.config();
    let config = config.to_str().unwrap();
    assert!(server.stop().unwrap().success());

    let rendered = world
        .run(&["export", "render", "--config", config, "--sink", "lake", "--from", "events/0/0", "kind:egress.http"])
        .ok();
    let records: Vec<Value> = rendered.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((records.len(), &records[0]["class_uid"]), (20, &json!(4002)), "{}", rendered.out);
    let refused = world.run(&["export", "render", "--config", config, "--schema", "ocfs"]);
    assert!(refused.code == 2 && refused.err.contains("plain, ocsf, ocsf_1_8"), "{refused:?}");

    let checked = world.run(&["receipts", "check", "lake", "--config", config]).ok().out;
    assert!(
        checked.ends_with("sound: the receipts leave out nothing, and what they stand for is what the ledger holds\n"),
        "{checked}"
    );

    // The objects of the sink are the SIEM's copy.
    let mut copy = String::new();
    for object in objects(folder.path()) {
        copy.push_str(&unpacked(&object));
    }
    let compare = |name: &str, text: &str, code: i32| {
        let file = world.path(name);
        std::fs::write(&file, text).unwrap();
        let ended =
            world.run(&["receipts", "compare", "lake", file.to_str().unwrap(), "--config", config, "-o", "json"]);
        assert_eq!(ended.code, code, "{ended:?}");
        ended.json()
    };
    let whole = compare("whole", &copy, 0);
    assert_eq!(whole["expected"], whole["equal"], "{whole}");
    says_its_leaf(&world, &copy, &records[7]);
    let mut kept: Vec<&str> = copy.lines().collect();
    let of_events: Vec<usize> = (0..kept.len()).filter(|at| kept[*at].contains("\"uid\":\"events/0/")).collect();
    kept.push(kept[of_events[3]]);
    let edited = kept[of_events[5]].replace("packages.acme.example", "packages.evil.example");
    kept[of_events[5]] = &edited;
    kept.remove(of_events[7]);
    let worse = compare("worse", &kept.join("\n"), 3);
    let named = |list: &str| worse[list]["named"].as_array().unwrap().len();
    assert_eq!((named("missing"), named("doubled"), named("changed")), (1, 1, 1), "{worse}");
    assert_eq!(worse["missing"]["named"][0], "events/0 export_seq 7 (events/0/7)");

    the_folder_is_asked(&world, folder.path(), config, &whole);
}

/// What the copy says is the entry of the ledger, which its proof leads to a signed checkpoint.
fn says_its_leaf(world: &World, copy: &str, rendered: &Value) {
    let proof = world.run(&["proof", "events/0/7"]).ok().json();
    let of_proof = copy.lines().find(|line| line.contains("\"uid\":\"events/0/7\",")).unwrap();
    let sent: Value = serde_json::from_str(of_proof).unwrap();
    let leaves = (&sent["raw_data_hash"]["value"], &rendered["raw_data_hash"]["value"]);
    assert_eq!(leaves, (&proof["leaf"], &proof["leaf"]));
}

/// The folder itself is asked, as it is and without its first object.
fn the_folder_is_asked(world: &World, folder: &std::path::Path, config: &str, whole: &Value) {
    let asked = world.run(&["receipts", "compare", "lake", "--config", config, "-o", "json"]).ok().json();
    assert_eq!((&asked["equal"], &asked["expected"]), (&whole["equal"], &whole["expected"]), "{asked}");
    let silent = world.run(&["receipts", "compare", "silent", "--config", config]);
    assert!(silent.code == 2 && silent.err.contains("these can: splunk_hec, elasticsearch"), "{silent:?}");
    let of_events: Vec<_> =
        objects(folder).into_iter().filter(|object| object.to_string_lossy().contains("/events/")).collect();
    std::fs::remove_file(&of_events[0]).unwrap();
    let asked = world.run(&["receipts", "compare", "lake", "--config", config]);
    assert!(asked.code == 3 && asked.out.contains("  events/0 export_seq 0 (events/0/0)\n"), "{asked:?}");
    assert!(
        asked.out.contains("what to do: find out who deletes there; `tachograph export render --sink lake"),
        "{asked:?}"
    );
}

#[test]
fn a_cluster_is_asked_and_what_it_lost_doubled_or_edited_is_named() {
    let json_body = [("Content-Type", "application/json")];
    let ask = |address: &str, method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::send(address, method, path, &json_body, body.as_bytes())
    };
    let answers = |address: &str| ask(address, "GET", "/", &Value::Null).is_ok_and(|answer| answer.status < 500);
    let node = Node::start(answers);
    let ask = |method: &str, path: &str, body: &Value| {
        let answer = ask(&node.address, method, path, body).unwrap();
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let world = World::new(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"siem\"\ntype = \"elasticsearch\"\nurl = \"http://{}\"\nindex = \"agents\"\nallow_private = true\n",
        node.address
    ));
    let mapping = json!({"mappings": {"properties": {"record": {"type": "flat_object"}}}});
    ask("PUT", "/agents", &mapping);
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    push_requests(&server.ingest, &token);
    world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", "subject=siem", "to=events/0/20"]);
    assert!(server.stop().unwrap().success());
    let config = world.config();
    let compare = ["receipts", "compare", "siem", "--config", config.to_str().unwrap(), "--settle", "0"];
    ask("POST", "/agents/_refresh", &Value::Null);
    let whole = world.run(&[&compare[..], &["-o", "json"]].concat()).ok().json();
    assert_eq!((&whole["equal"], &whole["foreign"]["total"]), (&whole["expected"], &json!(0)), "{whole}");

    let third = ask("GET", "/agents/_doc/events-0-3", &Value::Null);
    ask("PUT", "/agents/_doc/again", &third["_source"]);
    ask("POST", "/agents/_update/events-0-5", &json!({"doc": {"host": "packages.evil.example"}}));
    ask("DELETE", "/agents/_doc/events-0-7", &Value::Null);
    ask("PUT", "/agents/_doc/\u{25}1b[2J", &json!({"no": "record"}));
    ask("POST", "/agents/_refresh", &Value::Null);
    let worse = world.run(&compare);
    assert_eq!(worse.code, 3, "{worse:?}");
    for says in [
        "missing: 1\n  events/0 export_seq 7 (events/0/7)\n",
        "doubled: 1\n  events/0 export_seq 3 (events/0/3), 2 times\n",
        "changed: 1\n  events/0 export_seq 5 (events/0/5)\n",
        "foreign: 1\n  agents/",
    ] {
        assert!(worse.out.contains(says), "{says}: {}", worse.out);
    }
    assert!(!worse.out.contains('\u{1b}'), "{worse:?}");
}

fn unpacked(object: &std::path::Path) -> String {
    String::from_utf8(zstd::decode_all(std::fs::File::open(object).unwrap()).unwrap()).unwrap()
}

fn objects(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> =
        walkdir(folder).into_iter().filter(|path| path.to_string_lossy().ends_with(".zst")).collect();
    found.sort();
    found
}

fn walkdir(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walkdir(&path) } else { vec![path] }).collect()
}

#[test]
fn alerts_of_other_systems_join_the_triage() {
    let world = World::new(COLLECTOR);
    let (sender, reader) =
        (world.token("prometheus", &["--role", "ingest"]), world.token("ana", &["--role", "analyst"]));
    let server = world.serve();
    let post = |token: &str, body: &Value| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        http::send(&server.console, "POST", "/api/v2/alerts", &headers, body.to_string().as_bytes()).unwrap()
    };
    let alert = json!({"labels": {"alertname": "DiskFull", "severity": "critical", "instance": "db-1"},
        "annotations": {"summary": "The disk of db-1 is <b>full</b>"}});
    assert_eq!(post(&reader, &json!([alert])).status, 403);
    assert_eq!(post(&sender, &json!({"labels": 1})).status, 400);
    assert_eq!(post(&sender, &json!([alert, {"labels": {}}])).status, 400, "the good one is taken all the same");
    assert_eq!(post(&sender, &json!([alert])).status, 200);
    let listed = world.run(&["alerts", "list", "-o", "json"]).ok().json();
    let alerts = listed["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "{listed}");
    assert_eq!((&alerts[0]["rule"], &alerts[0]["severity"]), (&json!("outside.DiskFull"), &json!("critical")));
    let mut over = alert;
    over["endsAt"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(post(&sender, &json!([over])).status, 200);
    let listed = world.run(&["alerts", "list", "-o", "json"]).ok().json();
    assert_eq!(listed["alerts"].as_array().unwrap().len(), 0, "it is over: {listed}");
    assert!(server.stop().unwrap().success());
}

#[test]
fn a_sign_of_life_goes_out_while_all_is_well() {
    let (outside, signs) = receiver("ok");
    let world = World::new("");
    std::fs::write(world.path("heartbeat"), format!("http://{outside}/ping/hunter2\n")).unwrap();
    let url = world.path("heartbeat");
    world.configure(&format!("[heartbeat]\nurl = \"file:{}\"\nallow_private = true\n", url.display()));
    let server = world.serve();
    let sign = signs.recv_timeout(Duration::from_mins(1)).unwrap();
    assert!(sign.head.starts_with("POST /ping/hunter2"), "{}", sign.head);
    assert!(server.stop().unwrap().success());
}
