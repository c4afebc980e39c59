//! What README.md and `make quickstart` promise about the bundled example.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::server::Server;
use crate::harness::{World, binary};

const LINES: u64 = 296;

#[test]
fn the_bundled_morning_is_recorded_and_tells_its_story() {
    let quickstart = include_str!("../../examples/quickstart.toml");
    let world = World::new(
        &quickstart.replace("@DIRECTORY@", env!("CARGO_MANIFEST_DIR")).replace("[store]\ndata = \"data\"\n", ""),
    );
    let example = include_str!("../../examples/coderd.jsonl");
    assert_eq!(example.lines().count() as u64, LINES);
    let server = world.serve();
    // Eight lines are no events: ordinary lines of the server, and a debug twin.
    world.wait_for(LINES - 8, &[]);
    world.wait_for(1, &["--ledger", "operations", "kind=alert", "record.rule=egress.denied_post"]);
    assert!(server.stop().unwrap().success());
    let count = |query: &str| world.sql(query)[0]["n"].as_u64().unwrap();
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE kind = 'unparsed'"), 1, "one line is broken on purpose");
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE array_has(marks, 'conflict')"), 0);
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE kind = 'model.tokens' AND cost_micros IS NULL"), 0);
    let denied = "FROM egress WHERE outcome = 'deny' AND method = 'POST' AND host = 'attacker-logger.com'";
    assert_eq!(count(&format!("SELECT count(*) AS n {denied}")), 4);
    // The firewall and the gateway meet in one session.
    let commands = format!(
        "SELECT count(*) AS n FROM events WHERE kind = 'tool.call' AND command LIKE 'curl%' AND session IN (SELECT session {denied})"
    );
    assert_eq!(count(&commands), 1);
    let verified = world.run(&["verify", world.data().to_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!(verified["verdict"], "verified");
}

/// The README's tour as it is typed: every path is relative, and it goes on until the first events are sealed.
#[test]
fn a_relative_data_directory_is_queried_after_a_seal() {
    let world = World::empty();
    let directory = world.path(".");
    let run = |arguments: &[&str]| {
        let output = Command::new(binary()).args(arguments).current_dir(&directory).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {out}{}", String::from_utf8_lossy(&output.stderr));
        out
    };
    run(&["init", "data", "--log-name", "test.example/agents"]);
    let quickstart = include_str!("../../examples/quickstart.toml").replace("@DIRECTORY@", env!("CARGO_MANIFEST_DIR"));
    let head = "[listen]\nconsole = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"\n";
    let quickstart = quickstart.replace("data = \"data\"", "data = \"data\"\nseal_seconds = 1");
    std::fs::write(world.config(), format!("{quickstart}\n{head}")).unwrap();
    let server = Server::start_by(Command::new(binary()).current_dir(&directory), &world.config()).unwrap();
    let arguments = ["tail", "--data", "data", "--from", "start", "-n", &(LINES - 8).to_string()];
    assert_eq!(run(&arguments).lines().count() as u64, LINES - 8);
    let deadline = Instant::now() + Duration::from_mins(1);
    while std::fs::read_dir(world.data().join("events/0/manifest")).unwrap().next().is_none() {
        assert!(Instant::now() < deadline, "nothing was sealed in time");
        std::thread::yield_now();
    }
    let count = || run(&["sql", "--data", "data", "SELECT count(host) + count(*) * 0 AS n FROM events", "-o", "csv"]);
    let counted = count();
    assert!(counted.starts_with("n\n") && counted != "n\n0\n", "{counted}");
    assert!(server.stop().unwrap().success());
    assert_eq!(count(), counted, "without a server, too");
    run(&["verify", "data"]);
}

#[test]
fn one_changed_byte_is_found_and_named() {
    let world = World::new("");
    let server = world.serve();
    let key = ledger::identity::Identity::read(&world.data()).unwrap().key;
    world.token("ana", &["--role", "analyst"]);
    world.token("ben", &["--role", "analyst"]);
    assert!(server.stop().unwrap().success());
    let data = world.data();
    let verify = || world.run(&["verify", data.to_str().unwrap(), "--key", &key]);
    assert!(verify().ok().out.contains("key pinned"));
    let wal = data.join("operations/0/wal/00000000000000000000.wal");
    let bytes = std::fs::read(&wal).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    std::fs::write(&wal, changed).unwrap();
    let ended = verify();
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.starts_with("TAMPERED") && ended.out.contains("fault: operations/0: wal/"), "{ended:?}");
    std::fs::write(&wal, bytes).unwrap();
    verify().ok();
    let other = "test.example/agents+53373907+AY1xJM6lHQYgNKA3sWSmRoQWaaiTE02dO57c/1YknmeS";
    let ended = world.run(&["verify", data.to_str().unwrap(), "--key", other]);
    assert_ne!(ended.code, 0, "another key does not verify: {ended:?}");
    assert_eq!(world.run(&["verify", world.path("nothing").to_str().unwrap()]).code, 4);
}
