//! One implementation behind every way to ask: a server's address with a token, the control socket, and a directory on
//! which no server runs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ended, World};
use crate::life::{COLLECTOR, line, lines, push};

/// What a command said: its exit code and both of its outputs.
fn said(ended: Ended) -> (i32, String, String) {
    (ended.code, ended.out, ended.err)
}

#[test]
fn a_command_says_the_same_whichever_way_it_asks() {
    let budget = "[[budget]]\nname = \"red\"\nteam = \"red\"\nperiod = \"day\"\ncap_usd = 9\n";
    let world = World::new(&format!("{COLLECTOR}{budget}"));
    let sender = world.token("coderd", &["--role", "ingest"]);
    let admin = world.token("root", &["--role", "admin", "--content", "--trust", "control_plane"]);
    let server = world.serve();
    let denied = line(3, "deny", "POST", "https://attacker-logger.com/collect");
    assert_eq!(push(&server.ingest, &sender, 0, &(lines(0..3) + &denied)).unwrap().status, 200);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);

    let url = format!("http://{}", server.console);
    let config = world.config();
    let config = config.to_str().unwrap();
    let network = |arguments: &[&str]| said(world.run(&[arguments, &["--server", &url, "--token", &admin]].concat()));
    let directory = |arguments: &[&str]| said(world.run(&[arguments, &["--config", config]].concat()));
    let questions: [(&[&str], i32); 16] = [
        (&["sql", "SELECT seq, kind, host, outcome FROM events ORDER BY seq", "-o", "csv"], 0),
        (&["sql", "SELECT rule, severity, \"user\" FROM alerts", "-o", "ndjson"], 0),
        (&["sql", "SELECT command FROM commands", "-o", "csv"], 0),
        (&["sql", "SELEC 1"], 2),
        (&["sql", "DROP TABLE events"], 2),
        (&["tail", "--from", "start", "-n", "4", "-o", "json"], 0),
        (&["tail", "--from", "events/0/999"], 2),
        (&["tail", "no_such_column=1"], 2),
        (&["alerts", "list", "rule=egress.denied_post", "--all", "-n", "1"], 0),
        (&["alerts", "show", "nothing"], 2),
        (&["alerts", "silences", "-o", "json"], 0),
        (&["budgets", "list"], 0),
        (&["budgets", "show", "blue"], 2),
        (&["token", "list", "--all"], 0),
        (&["token", "list", "-o", "json"], 0),
        (&["sinks", "status", "-o", "json"], 0),
    ];
    let ask = |way: &dyn Fn(&[&str]) -> (i32, String, String)| questions.map(|(question, _)| way(question));
    let (by_network, by_socket) = (ask(&network), ask(&directory));
    let changes: [&[&str]; 6] = [
        &["token", "create", "--name", "", "--role", "ingest"],
        &["token", "revoke", "tok_none"],
        &["alerts", "ack", "nothing"],
        &["alerts", "resolve", "nothing", "--reason", "benign"],
        &["alerts", "unsilence", "nothing"],
        &["alerts", "silence", "rule~*", "--reason", "quiet", "--for", "2h", "--dry-run"],
    ];
    let change = |way: &dyn Fn(&[&str]) -> (i32, String, String)| changes.map(way);
    let (refused_by_network, refused_by_socket) = (change(&network), change(&directory));
    network(&["token", "create", "--name", "by-network", "--role", "ingest"]);
    directory(&["token", "create", "--name", "by-socket", "--role", "ingest"]);
    assert!(server.stop().unwrap().success());

    // A command is recorded by whoever runs it, as long as somebody writes the ledger.
    let asked = world.sql("SELECT DISTINCT actor FROM operations WHERE kind = 'query' ORDER BY actor");
    assert_eq!(asked, [serde_json::json!({"actor": "local"}), serde_json::json!({"actor": "root"})]);
    // They were created after the questions.
    let created = "SELECT actor FROM operations WHERE kind = 'token' ORDER BY seq";
    world.run(&["token", "create", "--name", "alone", "--role", "ingest"]).ok();
    let actors: Vec<Value> = world.sql(created).into_iter().map(|row| row["actor"].clone()).collect();
    assert_eq!(actors, ["local", "local", "root", "local", "local"], "two at first, then one each way");
    for name in ["by-network", "by-socket", "alone"] {
        let listed = world.run(&["token", "list", "-o", "json"]).ok().json();
        let token = listed.as_array().unwrap().iter().find(|token| token["name"] == name).unwrap();
        world.run(&["token", "revoke", token["token"].as_str().unwrap()]).ok();
    }
    let alone = questions.map(|(question, _)| if question[0] == "token" { None } else { Some(directory(question)) });
    let compared = questions.iter().zip(by_network).zip(by_socket).zip(alone);
    for ((((question, code), network), socket), alone) in compared {
        assert_eq!(network.0, *code, "{question:?}: {network:?}");
        assert_eq!(network, socket, "{question:?}");
        assert!(alone.is_none_or(|alone| alone == socket), "{question:?} without a server: {socket:?}");
    }
    let refused = changes.iter().zip(refused_by_network).zip(refused_by_socket).zip(change(&directory));
    for (((question, network), socket), alone) in refused {
        assert_eq!(network.0, 2, "{question:?}: {network:?}");
        assert_eq!((&network, &network), (&socket, &alone), "{question:?}");
    }
}

#[test]
fn a_live_tail_lets_the_server_stop_and_goes_on_after_it() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &token, 0, &lines(0..1)).unwrap().status, 200);
    let arguments = ["tail", "--from", "start", "-n", "2", "-o", "json"];
    let mut tail = world.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let (sender, rows) = channel();
    let out = BufReader::new(tail.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        for row in out.lines().map_while(Result::ok) {
            sender.send(serde_json::from_str::<Value>(&row).unwrap()).unwrap();
        }
    });
    let position = || rows.recv_timeout(Duration::from_secs(30)).unwrap()["position"].clone();
    assert_eq!(position(), "events/0/0");
    server.signal("TERM").unwrap();
    let said = server.wait_for_log("not everything ended in time; what was acknowledged is durable").unwrap_err();
    assert!(said.contains("\"stopped\""), "{said}");
    drop(server);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &token, 1, &lines(1..2)).unwrap().status, 200);
    assert_eq!(position(), "events/0/1", "nothing is missed and nothing comes twice");
    assert!(tail.wait().unwrap().success());
    reading.join().unwrap();
}
