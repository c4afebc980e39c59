//! `tachograph demo` from end to end: the real binary, the real intake, detection and delivery, and nothing that is left.

use std::process::Stdio;

use crate::harness::{Ended, World};

/// Runs a demo on free ports whose temporary directory would be in this world.
fn demo(world: &World, arguments: &[&str]) -> Ended {
    let ports = ["demo", "--console", "127.0.0.1:0", "--ingest", "127.0.0.1:0"];
    let temporary = world.path("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = world.command(&[&ports, arguments].concat());
    let output = command.env("TMPDIR", &temporary).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn every_story_is_found_and_every_record_is_understood() {
    let world = World::empty();
    let directory = world.path("kept");
    let kept = directory.to_str().unwrap();
    let ended = demo(&world, &["--days", "10", "--speed", "8", "--until", "90s", "--exit", "--keep", kept]);
    let said = |words: &str| assert!(ended.out.contains(words), "{words}: {ended:?}");
    for story in ["exfiltration", "repeating", "spend", "slow_exfiltration", "waiting", "silent"] {
        let line = ended.out.lines().find(|line| line.trim_start().starts_with(&format!("{story} ")));
        assert!(line.is_some_and(|line| line.contains("found after")), "{story}: {ended:?}");
    }
    said("CRITICAL egress.denied_post");
    said("Slack +");
    said("PagerDuty +");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        !ended.out.contains('\u{1b}') && !ended.out.contains('\u{e0049}'),
        "a pipe gets no colours, nobody what is hidden"
    );
    let labels = std::fs::read_to_string(directory.join("labels.ndjson")).unwrap();
    assert!(labels.contains("\"story\":\"waiting\""), "{labels}");
    // What is left is a ledger like any other.
    let data = directory.join("data");
    let count = |query: &str| {
        let ended = world.run(&["sql", "--data", data.to_str().unwrap(), query, "-o", "ndjson"]).ok();
        ended.out.trim().to_owned()
    };
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE kind = 'unparsed'"), "{\"n\":0}");
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE array_has(marks, 'conflict')"), "{\"n\":0}");
    assert_eq!(count("SELECT count(DISTINCT workspace) AS n FROM events"), "{\"n\":45}");
    assert_eq!(count("SELECT count(*) AS n FROM events WHERE team IS NULL AND kind <> 'audit'"), "{\"n\":0}");
    world.run(&["verify", data.to_str().unwrap()]).ok();
    // The queries that come with the console find something in it; those about hard budgets and gateways aside, which it has none of.
    for query in dashboards::QUERIES {
        let rows = count(query.sql);
        let is_quiet = ["Who logged in", "Which queries were asked"].contains(&query.name);
        assert!(is_quiet || !rows.is_empty(), "{}: no rows", query.name);
    }
}

#[test]
fn nothing_is_left_of_a_demo_that_is_not_kept() {
    let world = World::empty();
    let ended = demo(&world, &["--days", "1", "--speed", "10", "--until", "15s", "--exit"]).ok();
    assert!(ended.out.contains("removed on exit"), "{ended:?}");
    assert_eq!(std::fs::read_dir(world.path("tmp")).unwrap().count(), 0);
    let ended = demo(&world, &["--keep", world.path("tmp").to_str().unwrap()]);
    assert_eq!(ended.code, 2, "a demo starts in a new directory: {ended:?}");
}
