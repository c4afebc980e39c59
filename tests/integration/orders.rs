//! Orders to sinks of the real binary while it runs: what is paused stays so over a kill, nothing is lost by it, and what was sent is sent again
//! beside what is new.

use serde_json::Value;

use crate::harness::World;
use crate::life::{COLLECTOR, lines, push};

/// The states of a sink in its ledgers.
fn states(world: &World, sink: &str) -> Vec<String> {
    let config = world.config();
    let status = world.run(&["sinks", "status", "--config", config.to_str().unwrap(), "-o", "json"]).ok().json();
    let rows = status["sinks"].as_array().or_else(|| status.as_array()).cloned().unwrap_or_default();
    let of_sink = rows.iter().filter(|row| row["sink"] == sink || row["name"] == sink);
    of_sink.map(|row| row["state"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_paused_sink_stays_so_over_a_kill_and_what_was_sent_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(&format!(
        "{COLLECTOR}\n[[sink]]\nname = \"lake\"\ntype = \"file\"\nfolder = \"{}\"\nseconds_max = 1\n",
        folder.path().display()
    ));
    let token = world.token("coderd", &["--role", "ingest"]);
    let config = world.config();
    let config = config.to_str().unwrap();
    let append = |ingest: &str, from: u64| {
        let answer = push(ingest, &token, from, &lines(from..from + 10)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let server = world.serve();
    append(&server.ingest, 0);
    world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", "subject=lake", "to=events/0/10"]);
    let refused = world.run(&["sinks", "pause", "lakes", "--config", config]);
    assert!(refused.code != 0 && refused.err.contains("lakes"), "{refused:?}");
    world.run(&["sinks", "pause", "lake", "--reason", "the index moves", "--config", config]).ok();
    world.wait_for(1, &["--ledger", "operations", "kind=export.pause", "subject=lake"]);
    append(&server.ingest, 10);
    server.signal("KILL").unwrap();

    let server = world.serve();
    assert!(states(&world, "lake").iter().all(|state| state == "paused"), "{:?}", states(&world, "lake"));
    world.run(&["sinks", "resume", "lake", "--config", config]).ok();
    world.wait_for(
        1,
        &["--ledger", "operations", "kind=export.receipt", "subject=lake", "from=events/0/10", "to=events/0/20"],
    );
    world.run(&["sinks", "replay", "lake", "--from", "events/0/4", "--to", "events/0/9", "--config", config]).ok();
    append(&server.ingest, 20);
    world.wait_for(1, &["--ledger", "operations", "kind=export.backfill.end", "subject=lake"]);
    world.wait_for(1, &["--ledger", "operations", "kind=export.receipt", "subject=lake", "to=events/0/30"]);
    assert!(server.stop().unwrap().success());

    let checked = world.run(&["receipts", "check", "lake", "--config", config, "-o", "json"]).ok().json();
    let (live, again) = (&checked["streams"]["events/0"], &checked["streams"]["events/0~backfill-1"]);
    assert_eq!((&live["sent"], &again["sent"]), (&Value::from(30), &Value::from(5)), "{checked}");
    let compared = world.run(&["receipts", "compare", "lake", "--config", config, "-o", "json"]).ok().json();
    assert_eq!(compared["missing"]["total"], 0, "{compared}");
}
