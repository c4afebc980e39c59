//! Syslog over TLS into the whole program, from a real rsyslog: in order and once over a restart, and who is refused. How messages
//! are told apart is tested in `ingest`. `make rsyslog` fetches the sender.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::harness::rsyslog::{Rsyslog, forward};
use crate::harness::server::Server;
use crate::harness::tls::{Authority, Pair};
use crate::harness::{World, free_address, http};
use crate::health::ask_until;

/// A world with a collector of syslog that listens with TLS, and its authority.
struct Ground {
    world: World,
    authority: Authority,
    address: String,
}

impl Ground {
    /// With these settings of the listeners beside the certificate.
    fn new(listen: &str) -> Self {
        let (world, address) = (World::new(""), free_address());
        let authority = Authority::new(&world, "authority");
        let settings = authority.sign(&world, "server").settings() + "tls = [\"ingest\"]\n" + listen;
        let collector = format!(
            "[[collector]]\nname = \"syslog\"\ntransport = \"syslog\"\ndialect = \"native\"\ntls = \"{address}\"\n\
             trust = \"host\"\n"
        );
        world.configure_listeners(&settings, &collector);
        Self { world, authority, address }
    }

    /// A directory for a sender of this name.
    fn sender(&self, name: &str) -> PathBuf {
        let directory = self.world.path(name);
        std::fs::create_dir(&directory).unwrap();
        directory
    }

    /// Has rsyslog forward over TLS as docs/sources/syslog.md says: it believes this authority, and shows this certificate.
    fn forward(&self, authority: &Authority, client: Option<&Pair>) -> String {
        let mut how = format!(
            "template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\" StreamDriver=\"ossl\" \
             StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"localhost\" \
             StreamDriver.CAFile={:?} queue.type=\"LinkedList\" queue.filename=\"tachograph\" queue.saveOnShutdown=\"on\"",
            authority.file.display().to_string()
        );
        if let Some(Pair { certificate, key }) = client {
            let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
            write!(how, " StreamDriver.CertFile={certificate:?} StreamDriver.KeyFile={key:?}").unwrap();
        }
        forward(&self.address, &how)
    }

    /// Who said what, in the order in which it was recorded.
    fn actions(&self) -> Vec<String> {
        let rows = self.world.sql("SELECT action FROM events ORDER BY seq");
        rows.iter().map(|row| row["action"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Messages with records of two lines, which say who they are of and which one they are.
fn messages(who: &str, numbers: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    numbers.map(move |number| {
        let record = format!("{{\"kind\":\"check.result\",\n\"action\":\"{who}-{number}\"}}");
        format!("<13>2026-10-03T08:15:10+00:00 falco[7]: {record}")
    })
}

fn names(who: &str, numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| format!("{who}-{number}")).collect()
}

/// How many handshakes failed for this reason.
fn failures(server: &Server, reason: &str) -> u64 {
    let counted = format!("tachograph_tls_handshakes_failed_total{{listener=\"ingest\",reason=\"{reason}\"}} ");
    let metrics = http::get(&server.console, "/metrics").body;
    metrics.lines().find_map(|line| line.strip_prefix(&counted)?.parse().ok()).unwrap_or(0)
}

/// Waits until more handshakes than these failed for this reason.
fn wait_for_failure(server: &Server, reason: &str, before: u64) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while failures(server, reason) <= before {
        assert!(Instant::now() < deadline, "no handshake fails: {reason}");
    }
}

#[test]
fn what_rsyslog_says_over_tls_is_recorded_once_and_in_order_over_a_stop_and_a_kill() {
    let ground = Ground::new("");
    let mut server = ground.world.serve();
    let rsyslog = Rsyslog::start(&ground.sender("one"), &ground.forward(&ground.authority, None));
    for (part, is_kill) in [false, true, false].into_iter().enumerate() {
        let begin = 200 * part as u64;
        rsyslog.say(messages("a", begin..begin + 100));
        ground.world.wait_for(begin + 100, &[]);
        if is_kill {
            drop(server);
        } else {
            assert!(server.stop().unwrap().success());
        }
        // It is said while nobody listens, on a connection that rsyslog believes to be open.
        rsyslog.say(messages("a", begin + 100..begin + 200));
        server = ground.world.serve();
    }
    ground.world.wait_for(600, &[]);
    rsyslog.stop();
    assert!(server.stop().unwrap().success());
    let (actions, want) = (ground.actions(), names("a", 0..600));
    let differs = (0..actions.len().max(600)).find(|at| actions.get(*at) != want.get(*at));
    assert!(differs.is_none(), "from {differs:?} of {}: {:?}", actions.len(), &actions[differs.unwrap()..][..9]);
}

#[test]
fn who_does_not_believe_us_keeps_what_it_has_and_who_comes_bare_is_told_of() {
    let ground = Ground::new("");
    let stranger = Authority::new(&ground.world, "stranger");
    let server = ground.world.serve();
    let directory = ground.sender("deceived");
    let rsyslog = Rsyslog::start(&directory, &ground.forward(&stranger, None));
    rsyslog.say(messages("late", 0..20));
    let told = server.wait_for_log("handshakes of TLS fail").unwrap();
    assert!(told["reason"].to_string().contains("UnknownCA"), "{told}");
    wait_for_failure(&server, "failed", 1);
    rsyslog.stop();
    // Nobody reads a message without TLS: the connection ends without a byte.
    let mut bare = TcpStream::connect(&ground.address).unwrap();
    bare.write_all(b"10 <13>app: a").unwrap();
    let mut answer = Vec::new();
    let _ = bare.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    wait_for_failure(&server, "bare", 0);
    // What was kept on disk comes once the authority is the right one.
    let rsyslog = Rsyslog::start(&directory, &ground.forward(&ground.authority, None));
    rsyslog.say(messages("late", 20..30));
    ground.world.wait_for(30, &[]);
    rsyslog.stop();
    assert!(server.stop().unwrap().success());
    // What it was about to send when it stopped it keeps behind the rest.
    let (mut actions, mut want) = (ground.actions(), names("late", 0..30));
    actions.sort_unstable();
    want.sort_unstable();
    assert_eq!(actions, want);
}

#[test]
fn where_certificates_are_asked_for_only_who_shows_one_is_recorded() {
    let clients = World::empty();
    let authority_of_clients = Authority::new(&clients, "clients");
    let more = format!("client_certificate_authorities = {:?}\n", authority_of_clients.file.display().to_string());
    let ground = Ground::new(&more);
    let server = ground.world.serve();
    let [known, foreign] =
        [authority_of_clients.sign(&clients, "known"), Authority::new(&clients, "foreign").sign(&clients, "foreign")];
    let known = Rsyslog::start(&ground.sender("known"), &ground.forward(&ground.authority, Some(&known)));
    for (name, client) in [("nobody", None), ("foreign", Some(&foreign))] {
        let before = failures(&server, "failed");
        let refused = Rsyslog::start(&ground.sender(name), &ground.forward(&ground.authority, client));
        refused.say(messages(name, 0..5));
        wait_for_failure(&server, "failed", before);
    }
    let told = server.wait_for_log("handshakes of TLS fail").unwrap();
    assert!(told["reason"].to_string().contains("certificate"), "{told}");
    known.say(messages("known", 0..50));
    ground.world.wait_for(50, &[]);
    ask_until(&server.console, |ready| ready.contains("collector syslog: ok"));
    known.stop();
    assert!(server.stop().unwrap().success());
    assert_eq!(ground.actions(), names("known", 0..50));
}

#[test]
fn hostile_senders_are_told_of_and_keep_nobody_waiting() {
    let ground = Ground::new("");
    let server = ground.world.serve();
    let client = ground.authority.client();
    // Handshakes that never end.
    let half = (0..64).map(|_| {
        let mut stream = TcpStream::connect(&ground.address).unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
        stream
    });
    let half: Vec<TcpStream> = half.collect();
    // A message that never ends, one that stops in the middle, and one that is longer than any.
    let says = |bytes: &[u8]| {
        let mut connection = client.connect(&ground.address).unwrap();
        connection.write_all(bytes).unwrap();
        connection
    };
    let endless = says(&vec![b'x'; 2 << 20]);
    let stopped = says(b"100 <13>app: stopped");
    let mut greedy = says(b"9999999999 <13>app: greedy\n");
    let told = server.wait_for_log("connections are ended since they cannot be read").unwrap();
    assert!(told["reason"].to_string().contains("length"), "{told}");
    let mut answer = Vec::new();
    let _ = greedy.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    let rsyslog = Rsyslog::start(&ground.sender("good"), &ground.forward(&ground.authority, None));
    rsyslog.say(messages("good", 0..20));
    ground.world.wait_for(20, &["kind=check.result"]);
    // What came of the others is kept when they end, and no more than the longest message has.
    drop((endless, stopped));
    ground.world.wait_for(3, &["kind=unparsed"]);
    rsyslog.stop();
    assert!(server.stop().unwrap().success());
    drop(half);
    let rows = ground.world.sql("SELECT count(*) AS n FROM events");
    assert_eq!(rows[0]["n"], 23, "{rows:?}");
}
