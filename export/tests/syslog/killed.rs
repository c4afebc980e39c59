//! A receiver of RELP that is killed as `kill -9` does, again and again, while records are forwarded to it. Everything that it acknowledged
//! must stand in its files, and nothing must be missing at the end.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ground::{Certificates, Ground, events, wait_for};
use crate::port::free_port;
use crate::receivers::rsyslog;
use crate::{RELP, here, page};

/// Records that are forwarded,
const RECORDS: usize = 2_000;
/// and how often the receiver is killed meanwhile.
const KILLS: usize = 5;

fn count(file: &Path) -> usize {
    std::fs::read(file).unwrap_or_default().split(|byte| *byte == b'\n').count() - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_rsyslog_is_killed() {
    let ground = Ground::new();
    ground.record(&events(0..RECORDS).collect::<Vec<_>>()).await;
    let port = free_port();
    let certificates = Certificates::new(ground.directory.path());
    let lives: Vec<_> = (0..=KILLS).map(|life| ground.directory.path().join(format!("life-{life}"))).collect();
    for life in &lives {
        std::fs::create_dir(life).unwrap();
    }
    let sink = serde_json::json!([{"name": "siem", "type": "relp", "server": "127.0.0.1", "port": port, "transport": "tcp", "allow_private": true}]);
    // Each message reaches the disk before the next one, so that a kill meets messages which are written and not acknowledged; if rsyslog
    // acknowledged before it wrote, those which are acknowledged and not written.
    let example =
        page(RELP, "rsyslog, RELP").replace("template=\"tachograph\")", "template=\"tachograph\" sync=\"on\")");
    let input = |life: &Path| here(&example, life, &certificates, port);
    let killing = async {
        for life in &lives[..KILLS] {
            let running = rsyslog(life, &input(life), port);
            // It is killed wherever it is after some messages.
            let out = life.join("out");
            wait_for("a message", || (count(&out) > RECORDS / (KILLS * 4)).then_some(())).await;
            drop(running);
        }
        rsyslog(&lives[KILLS], &input(&lives[KILLS]), port)
    };
    let (_last, ()) = tokio::join!(killing, ground.forward(sink));
    let mut arrived: BTreeMap<usize, (String, usize)> = BTreeMap::new();
    for life in &lives {
        let text = std::fs::read_to_string(life.join("out")).unwrap_or_default();
        // What was half written at a kill ends in no line feed, and was not acknowledged.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let number = line.split_once("export_seq=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
            let (first, times) = arrived.entry(number).or_insert_with(|| (line.to_owned(), 0));
            assert_eq!(first, line, "a repeat differs");
            *times += 1;
        }
    }
    let doubled: usize = arrived.values().map(|(_, times)| times - 1).sum();
    println!(
        "RELP, rsyslog killed {KILLS} times: {RECORDS} records, {} lost, {doubled} doubled",
        RECORDS - arrived.len()
    );
    assert!(arrived.keys().copied().eq(0..RECORDS), "records are lost");
    // No more than what can be without an answer is repeated for each kill.
    assert!(doubled <= KILLS * 128, "{doubled}");
    ground.store.stop();
}
