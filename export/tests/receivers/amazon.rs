//! Requests for Amazon OpenSearch Service, held against botocore: a receiver takes only what it would have signed the same.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;

use crate::fleet::{Fleet, administration, events};
use crate::{PATIENCE, client, fetched};

const REGION: &str = "eu-central-1";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// A session's token has characters that canonical forms have to leave alone.
const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLE+tc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==";

/// The receiver, until this is dropped.
struct Domain {
    child: Child,
    url: String,
    lines: Receiver<String>,
}

impl Domain {
    fn start(service: &str) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/validators/sigv4.py");
        let mut child = Command::new(fetched("validators/bin/python", "validators"))
            .arg(script)
            .args([REGION, service, KEY_ID, KEY, TOKEN])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        std::thread::spawn(move || said.map(|line| sender.send(line)).take_while(Result::is_ok).count());
        let url = lines.recv().unwrap();
        Self { child, url, lines }
    }

    /// How often it took each record, once it has so many.
    fn taken(&self, records: usize) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        while taken.len() < records {
            let positions: Vec<String> = serde_json::from_str(&self.lines.recv_timeout(PATIENCE).unwrap()).unwrap();
            for position in positions {
                *taken.entry(position).or_default() += 1;
            }
        }
        taken
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(service: &str, gzip: bool) {
    let domain = Domain::start(service);
    let fleet = Fleet::of(&events(300), &administration(10));
    let shipment = fleet.ship(
        "siem",
        &json!({"type": "elasticsearch", "url": domain.url, "region": REGION, "service": service, "gzip": gzip,
            "access_key_id": KEY_ID, "secret_access_key": fleet.secret("key", KEY), "session_token": fleet.secret("token", TOKEN)}),
    );
    assert_eq!((shipment.count, shipment.rejected), (310, 0), "{shipment:?}");
    // That it can say no.
    let (status, said) = client::ask("POST", &format!("{}/_bulk", domain.url), "application/x-ndjson", "").unwrap();
    assert_eq!((status, said.contains("no signature")), (403, true), "{said}");
    let taken = domain.taken(310);
    for number in 0..300 {
        assert_eq!(taken.get(&format!("events/0/{number}")), Some(&1), "{service}: {number}");
    }
}

#[test]
fn botocore_would_have_signed_the_same_for_a_domain() {
    check("es", true);
}

#[test]
fn botocore_would_have_signed_the_same_for_a_collection() {
    check("aoss", false);
}
