//! One implementation behind every way to ask: a server's address with a token, the control socket, and a directory on
//! which no server runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ended, World};
use crate::life::{COLLECTOR, line, lines, push};

/// Questions with the exit code of their answers.
const QUESTIONS: [(&[&str], i32); 18] = [
    (&["sql", "SELECT seq, kind, host, outcome FROM events ORDER BY seq", "-o", "csv"], 0),
    (&["sql", "SELECT rule, severity, \"user\" FROM alerts", "-o", "ndjson"], 0),
    (&["sql", "SELECT command FROM commands", "-o", "csv"], 0),
    (&["sql", "SELEC 1"], 2),
    (&["sql", "DROP TABLE events"], 2),
    (&["tail", "--from", "start", "-n", "4", "-o", "json"], 0),
    (&["tail", "--from", "events/0/999"], 2),
    (&["tail", "no_such_column=1"], 2),
    (&["fleet", "--team", "nobody"], 0),
    (&["fleet", "--cursor", "nonsense"], 2),
    (&["tail", "tema:red"], 2),
    (&["session", "show", "nothing"], 2),
    (&["alerts", "show", "nothing"], 2),
    (&["alerts", "silences", "-o", "json"], 0),
    (&["budgets", "list"], 0),
    (&["budgets", "show", "blue"], 2),
    (&["token", "list", "--all"], 0),
    (&["token", "list", "-o", "json"], 0),
];

/// Changes that are refused.
const REFUSED: [&[&str]; 6] = [
    &["token", "create", "--name", "", "--role", "ingest"],
    &["token", "revoke", "tok_none"],
    &["alerts", "ack", "nothing"],
    &["alerts", "resolve", "nothing", "--reason", "benign"],
    &["alerts", "unsilence", "nothing"],
    &["alerts", "silence", "rule~*", "--reason", "quiet", "--for", "2h", "--dry-run"],
];

/// What a command said: its exit code and both of its outputs.
type Said = (i32, String, String);

/// What all of them are answered one way.
fn ask(run: impl Fn(&[&str]) -> Ended) -> [Vec<Said>; 2] {
    let said = |arguments: &[&str]| {
        let Ended { code, out, err } = run(arguments);
        (code, out, err)
    };
    [
        QUESTIONS.iter().map(|(question, _)| said(question)).collect(),
        REFUSED.iter().map(|change| said(change)).collect(),
    ]
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
    let network = |arguments: &[&str]| world.run(&[arguments, &["--server", &url, "--token", &admin]].concat());
    let directory = |arguments: &[&str]| world.run(arguments);
    let (by_network, by_socket) = (ask(network), ask(directory));
    assert!(server.stop().unwrap().success());
    let alone = ask(directory);
    for (at, (question, code)) in QUESTIONS.iter().enumerate() {
        assert_eq!(by_network[0][at].0, *code, "{question:?}: {:?}", by_network[0][at]);
    }
    assert!(by_network[1].iter().all(|refused| refused.0 == 2), "{by_network:?}");
    assert_eq!(by_network, by_socket);
    assert_eq!(by_socket, alone);
}

#[test]
fn whoever_asks_is_recorded_and_a_change_lasts_whichever_way_it_came() {
    let world = World::new("");
    let admin = world.token("root", &["--role", "admin"]);
    let server = world.serve();
    let url = format!("http://{}", server.console);
    let remote = ["--server", &url, "--token", &admin];
    let new = |name: &str, way: &[&str]| {
        world.run(&[&["token", "create", "--name", name, "--role", "analyst"], way].concat()).ok();
    };
    new("by-network", &remote);
    new("by-socket", &[]);
    world.run(&[&["sql", "SELECT 1"], &remote[..]].concat()).ok();
    world.run(&["sql", "SELECT 2"]).ok();
    let refused =
        world.run(&[&["token", "create", "--name", "x", "--role", "analyst", "--content"], &remote[..]].concat());
    assert!(refused.code == 2 && refused.err.contains("may not let others read it"), "{refused:?}");
    assert!(server.stop().unwrap().success());
    new("alone", &[]);
    let listed = world.run(&["token", "list", "-o", "json"]).ok().json();
    let tokens = listed.as_array().unwrap();
    assert_eq!(tokens.len(), 4);
    for token in tokens {
        world.run(&["token", "revoke", token["token"].as_str().unwrap()]).ok();
    }
    assert_eq!(world.run(&["token", "list", "-o", "json"]).ok().json(), serde_json::json!([]));
    let actors = |sql: &str| world.sql(sql).iter().map(|row| row["actor"].clone()).collect::<Vec<Value>>();
    let created = actors("SELECT actor FROM operations WHERE kind = 'token' AND \"to\" = 'active' ORDER BY seq");
    assert_eq!(created, ["local", "root", "local", "local"]);
    // As long as somebody writes the ledger, a question leaves an entry.
    let asked = actors("SELECT actor FROM operations WHERE kind = 'query' AND revision = 1 ORDER BY seq");
    assert_eq!(asked, ["root", "local"]);
}

/// A command that runs until it ends or the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_live_tail_lets_the_server_stop_and_goes_on_after_it() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &token, 0, &lines(0..1)).unwrap().status, 200);
    let arguments = ["tail", "--from", "start", "-n", "2", "-o", "json"];
    let mut tail = Running(world.command(&arguments).stdout(Stdio::piped()).spawn().unwrap());
    let (sender, rows) = channel();
    let out = BufReader::new(tail.0.stdout.take().unwrap());
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
    assert!(tail.0.wait().unwrap().success());
    reading.join().unwrap();
}
