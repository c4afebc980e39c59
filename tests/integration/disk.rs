//! A full disk: events are refused with an answer that says so, nothing acknowledged is lost, and it goes on once there is space.
//!
//! The disk is a real, small tmpfs in a mount namespace of the test's own, so that it needs no root and leaves nothing behind.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{World, http};
use crate::life::{COLLECTOR, line, push};

const MOUNT_SCRIPT: &str = r#"mount -t tmpfs -o size=64m tachograph-test "$TMPDIR" && exec "$0" --exact disk::on_a_small_disk --ignored --nocapture"#;

#[test]
fn a_full_disk_refuses_events_and_loses_none() {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", MOUNT_SCRIPT])
        .arg(std::env::current_exe().unwrap())
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[test]
#[ignore = "the test above runs it on a disk of its own"]
fn on_a_small_disk() {
    // A test that ran on a large disk by mistake would fill it.
    let disk = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    assert!(disk.f_blocks * disk.f_frsize <= 64 << 20, "this needs a small disk of its own");
    for reserve_bytes in [4 << 20, 0] {
        fill_and_go_on(reserve_bytes);
    }
}

/// With a reserve, intake stops before the disk is full; without one, the system refuses the write itself.
fn fill_and_go_on(reserve_bytes: u64) {
    let world = World::with_store(&format!("reserve_bytes = {reserve_bytes}\n"), COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest"]);
    let ballast = world.path("ballast");
    // Each of the two ledgers allocates its WAL in steps of 8 MiB.
    fill(&ballast, (20 << 20) + 2 * reserve_bytes);
    let mut server = world.serve();
    let mut next = 0_u64;
    let refused = loop {
        let answer = push(&server.ingest, &token, next, &lines(next..next + 500)).unwrap();
        // An answer that refuses says as well how much was taken before.
        next = answer.json()["next_offset"].as_u64().unwrap();
        if answer.status != 200 {
            break answer;
        }
    };
    assert!(next > 0, "the disk was full from the start");
    assert_eq!(refused.status, 507, "{refused:?}");
    assert!(refused.json()["detail"].as_str().unwrap().contains("space"), "{refused:?}");
    assert_ne!(http::get(&server.console, "/readyz").status, 200, "a load balancer has to look elsewhere");
    assert_eq!(counted(&world), next, "what was acknowledged is there, and no more");
    // A crash on the full disk, too.
    drop(server);
    server = world.serve();
    let answer = push(&server.ingest, &token, next, &lines(next..next + 500)).unwrap();
    assert_eq!(answer.status, 507, "{answer:?}");
    next = answer.json()["next_offset"].as_u64().unwrap();
    for team in ["red", "blue"] {
        world.configure(&format!(
            "{COLLECTOR}\n[[budget]]\nname = \"{team}\"\nteam = \"{team}\"\nperiod = \"day\"\ncap_usd = 9\n"
        ));
        server.signal("HUP").unwrap();
        server.wait_for_log("the configuration was changed").unwrap();
    }
    std::fs::remove_file(&ballast).unwrap();
    let next = retry_until_taken(&server.ingest, &token, next);
    assert_eq!(counted(&world), next);
    configuration_is_recorded(&world);
    assert!(server.stop().unwrap().success());
    world.run(&["verify", world.data().to_str().unwrap()]).ok();
}

/// Records that hardly get smaller, so that the disk is full before a file is full and waits to be sealed.
fn lines(range: std::ops::Range<u64>) -> String {
    let url = |sequence: u64| {
        let mut state = sequence;
        let mut segment = || {
            // Steele, Lea and Flood: Fast splittable pseudorandom number generators, 2014 (SplitMix64).
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            format!("/{:07}", (mixed ^ (mixed >> 31)) % 10_000_000)
        };
        (0..40).fold("https://packages.acme.example".to_owned(), |url, _| url + &segment())
    };
    range.map(|sequence| line(sequence, "allow", "GET", &url(sequence))).collect()
}

/// Sends the next records again as a shipper does, until there is an answer that takes them.
fn retry_until_taken(ingest: &str, token: &str, next: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        let answer = push(ingest, token, next, &lines(next..next + 500)).unwrap();
        if answer.status == 200 {
            return next + 500;
        }
        assert_eq!(answer.status, 507, "{answer:?}");
    }
    panic!("there is space again, but nothing is taken");
}

/// The configurations that came while the disk was full are on record in their order, and the budgets of the last one stand.
#[track_caller]
fn configuration_is_recorded(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let recorded = loop {
        let recorded = world.sql("SELECT \"from\", \"to\" FROM operations WHERE kind = 'config' ORDER BY seq");
        if recorded.len() == 4 {
            break recorded;
        }
        assert!(Instant::now() < deadline, "two starts and two changes, but {recorded:?}");
    };
    assert_eq!(recorded[2]["from"], recorded[1]["to"], "{recorded:?}");
    assert_eq!(recorded[3]["from"], recorded[2]["to"], "{recorded:?}");
    let open = world.sql("SELECT budget FROM budgets WHERE cap_micros IS NOT NULL");
    assert_eq!((open.len(), open[0]["budget"].as_str()), (1, Some("blue")), "{open:?}");
}

/// Takes space away until there are `free` bytes.
fn fill(ballast: &Path, free: u64) {
    let disk = rustix::fs::statvfs(ballast.parent().unwrap()).unwrap();
    let bytes = (disk.f_bavail * disk.f_frsize).saturating_sub(free);
    std::fs::write(ballast, vec![0xa5; bytes as usize]).unwrap();
}

#[track_caller]
fn counted(world: &World) -> u64 {
    let rows =
        world.sql("SELECT count(*) AS n, count(DISTINCT stream_seq) AS d FROM events WHERE kind = 'egress.http'");
    assert_eq!(rows[0]["n"], rows[0]["d"], "{rows:?}");
    rows[0]["n"].as_u64().unwrap()
}
