//! The sinks `syslog` and `relp` against receivers that others wrote: rsyslog, syslog-ng and Tenzir, over TCP, TLS with certificates on both
//! sides, UDP and RELP. What arrives must be what was sent, evil texts included, and a receiver that is killed must lose nothing that it
//! acknowledged. `make rsyslog`, `make syslog-ng` and `make validators` fetch them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "shared/ground.rs"]
mod ground;
#[path = "syslog/killed.rs"]
mod killed;
#[path = "../../tests/harness/port.rs"]
mod port;
#[path = "syslog/receivers.rs"]
mod receivers;
#[path = "../../tests/harness/rsyslogd.rs"]
mod rsyslogd;

use std::path::Path;
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use ground::{Certificates, EVIL, Ground, wait_for};
use port::free_port;
use receivers::reference;

/// Ordinary events beside the evil ones. UDP loses nothing of so few on one machine.
const ORDINARY: usize = 40;

/// The pages whose examples the receivers run.
const SYSLOG: &str = include_str!("../../docs/destinations/syslog.md");
const RELP: &str = include_str!("../../docs/destinations/relp.md");

/// The example of a page that begins with this comment.
fn page(page: &'static str, title: &str) -> &'static str {
    let (_, rest) =
        page.split_once(&format!("```\n# {title}\n")).unwrap_or_else(|| panic!("there is no example {title}"));
    rest.split_once("```\n").unwrap().0
}

/// An example with the places of this machine: a port of the loopback address, and files in a directory.
fn here(example: &str, directory: &Path, certificates: &Certificates, port: u16) -> String {
    let path = |path: &Path| path.display().to_string();
    let mut text = example.to_owned();
    for (theirs, ours) in [
        ("port=\"6514\"", format!("port=\"{port}\" address=\"127.0.0.1\"")),
        ("port=\"2514\"", format!("port=\"{port}\" address=\"127.0.0.1\"")),
        ("port(6514)", format!("port({port})")),
        ("0.0.0.0", "127.0.0.1".to_owned()),
        ("/var/spool/rsyslog", path(directory)),
        ("/var/log/tachograph.log", path(&directory.join("out"))),
        ("/etc/rsyslog/", "/etc/syslog-ng/".to_owned()),
        ("/etc/syslog-ng/ca.pem", path(&certificates.authority)),
        ("/etc/syslog-ng/server.pem", path(&certificates.server[0])),
        ("/etc/syslog-ng/server-key.pem", path(&certificates.server[1])),
    ] {
        text = text.replace(theirs, &ours);
    }
    text
}

/// The messages in frames that count octets.
fn messages(bodies: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
    let mut messages = Vec::new();
    for body in bodies {
        let mut rest = body.as_slice();
        while !rest.is_empty() {
            let space = rest.iter().position(|byte| *byte == b' ').unwrap();
            let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
            let (message, after) = rest[space + 1..].split_at(length);
            messages.push(String::from_utf8(message.to_vec()).unwrap());
            rest = after;
        }
    }
    messages
}

/// The lines of a file, once there are so many.
async fn lines(file: &Path, count: usize) -> Vec<String> {
    let what = format!("{count} lines of {}", file.display());
    wait_for(&what, || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
    .await
}

/// A way to a receiver: the sink's own settings, and the directory in whose file `out` the messages arrive.
struct Way {
    settings: Value,
    directory: std::path::PathBuf,
}

/// Forwards to all of them and to a reference, and returns what the reference got.
async fn forward(ground: &Ground, ways: &[Way]) -> Vec<String> {
    let (port, bodies): (u16, Receiver<Vec<u8>>) = reference();
    let mut sinks = vec![json!({"type": "syslog", "transport": "tcp", "port": port})];
    sinks.extend(ways.iter().map(|way| way.settings.clone()));
    for (number, sink) in sinks.iter_mut().enumerate() {
        sink["name"] = format!("sink-{number}").into();
        sink["server"] = "127.0.0.1".into();
        sink["allow_private"] = true.into();
    }
    ground.forward(sinks.into()).await;
    messages(bodies.try_iter())
}

/// The reference got every event, the evil ones as they are, each with its place as structured data.
fn assert_complete(sent: &[String]) {
    assert_eq!(sent.len(), EVIL.len() + ORDINARY);
    for (number, message) in sent.iter().enumerate() {
        let data = format!(
            "[tachograph@32473 id=\"events/0/{number}\" stream=\"events/0\" seq=\"{number}\" export_seq=\"{number}\"] "
        );
        let (_, record) = message.split_once(&data).unwrap_or_else(|| panic!("{data} is not in {message}"));
        let record: Value = serde_json::from_str(record).unwrap();
        if let Some(evil) = EVIL.get(number) {
            assert_eq!((&record["target"], &record["path"]), (&json!(evil), &json!(evil)));
        }
    }
}

/// The lines that arrived in a directory are the messages that were sent, in the same order.
fn assert_same(directory: &Path, got: &[String], sent: &[String]) {
    let differs = (0..got.len().max(sent.len())).find(|at| got.get(*at) != sent.get(*at));
    assert!(
        differs.is_none(),
        "{}: {differs:?}: {:?}",
        directory.display(),
        differs.map(|at| (got.get(at), sent.get(at)))
    );
}

fn with(mut settings: Value, more: &Value) -> Value {
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

fn folder(ground: &Ground, name: &str) -> std::path::PathBuf {
    let folder = ground.directory.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rsyslog_gets_is_what_was_sent() {
    let ground = Ground::with_events(ORDINARY).await;
    let certificates = Certificates::new(ground.directory.path());
    let inputs = [
        ("tcp", page(SYSLOG, "rsyslog, TCP and UDP"), json!({"type": "syslog", "transport": "tcp"})),
        (
            "lines",
            page(SYSLOG, "rsyslog, TCP and UDP"),
            json!({"type": "syslog", "transport": "tcp", "framing": "lines"}),
        ),
        ("tls", page(SYSLOG, "rsyslog, TLS"), with(json!({"type": "syslog"}), &certificates.settings())),
        (
            "udp",
            page(SYSLOG, "rsyslog, TCP and UDP"),
            json!({"type": "syslog", "transport": "udp", "datagram_bytes": 65_507}),
        ),
        ("relp", page(RELP, "rsyslog, RELP"), json!({"type": "relp", "transport": "tcp"})),
        ("relp-tls", page(RELP, "rsyslog, RELP over TLS"), with(json!({"type": "relp"}), &certificates.settings())),
    ];
    let (mut running, mut ways) = (Vec::new(), Vec::new());
    for (name, input, settings) in inputs {
        let (port, directory) = (free_port(), folder(&ground, name));
        running.push(receivers::rsyslog(&directory, &here(input, &directory, &certificates, port), port));
        ways.push(Way { settings: with(settings, &json!({ "port": port })), directory });
    }
    let sent = forward(&ground, &ways).await;
    assert_complete(&sent);
    for way in &ways {
        let got = lines(&way.directory.join("out"), sent.len()).await;
        assert_same(&way.directory, &got, &sent);
    }
    ground.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_syslog_ng_gets_is_what_was_sent() {
    let ground = Ground::with_events(ORDINARY).await;
    let certificates = Certificates::new(ground.directory.path());
    let (tls, clear, directory) = (free_port(), free_port(), folder(&ground, "syslog-ng"));
    let configuration =
        here(page(SYSLOG, "syslog-ng"), &directory, &certificates, tls).replace("5140", &clear.to_string());
    let _running = receivers::syslog_ng(&directory, &configuration, clear);
    let ways = [
        json!({"type": "syslog", "transport": "tcp", "port": clear}),
        with(json!({"type": "syslog", "port": tls}), &certificates.settings()),
        json!({"type": "syslog", "transport": "udp", "port": clear, "datagram_bytes": 65_507}),
    ]
    .map(|settings| Way { settings, directory: directory.clone() });
    let sent = forward(&ground, &ways).await;
    assert_complete(&sent);
    // They come over three ways into one file.
    let mut got = lines(&directory.join("out"), 3 * sent.len()).await;
    let mut thrice: Vec<String> = sent.iter().flat_map(|message| [(); 3].map(|()| message.clone())).collect();
    got.sort();
    thrice.sort();
    assert_same(&directory, &got, &thrice);
    ground.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tenzir_gets_is_what_was_sent() {
    let ground = Ground::with_events(ORDINARY).await;
    let (tcp, relp) = (free_port(), free_port());
    let (tcp_folder, relp_folder) = (folder(&ground, "tcp"), folder(&ground, "relp"));
    let pipeline = format!("accept_tcp \"127.0.0.1:{tcp}\" {{ read_syslog octet_counting=true }}");
    let _tcp = receivers::tenzir(&tcp_folder, &pipeline, tcp);
    let _relp = receivers::tenzir(&relp_folder, &format!("accept_relp \"127.0.0.1:{relp}\""), relp);
    let ways = [
        Way { settings: json!({"type": "syslog", "transport": "tcp", "port": tcp}), directory: tcp_folder },
        Way { settings: json!({"type": "relp", "transport": "tcp", "port": relp}), directory: relp_folder },
    ];
    let sent = forward(&ground, &ways).await;
    assert_complete(&sent);
    let read =
        |lines: Vec<String>| lines.into_iter().map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<Value>>();
    // RELP hands the message over as it is.
    let got = read(lines(&ways[1].directory.join("out"), sent.len()).await);
    let got: Vec<&str> = got.iter().map(|message| message["data"].as_str().unwrap()).collect();
    assert_eq!(got, sent);
    // Of syslog Tenzir tells each part.
    let got = read(lines(&ways[0].directory.join("out"), sent.len()).await);
    assert_eq!(got.len(), sent.len());
    for (number, (message, sent)) in got.iter().zip(&sent).enumerate() {
        let (head, rest) = sent.split_once(" [tachograph@32473 ").unwrap();
        let (_, said) = rest.split_once("] ").unwrap();
        let head: Vec<&str> = head.split(' ').collect();
        assert_eq!(message["message"], said);
        assert_eq!([&message["app_name"], &message["message_id"]], ["tachograph", head[5]]);
        // It reads seconds as a floating-point number.
        let times = [message["timestamp"].as_str().unwrap(), head[1]];
        let [told, moment] = times.map(|time| chrono::DateTime::parse_from_rfc3339(time).unwrap());
        assert!((told - moment).abs() < chrono::TimeDelta::microseconds(1), "{told} is not {moment}");
        assert_eq!(message["hostname"], head[2], "{message}");
        assert_eq!(
            (&message["facility"], &message["severity"], &message["version"]),
            (&json!(13), &json!(6), &json!(1))
        );
        let data = &message["structured_data"]["tachograph@32473"];
        assert_eq!([&data["seq"], &data["export_seq"]], [number, number], "{data}");
        assert_eq!([&data["id"], &data["stream"]], [&format!("events/0/{number}"), "events/0"]);
    }
    ground.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_asks_for_a_certificate_gets_nothing_from_whoever_has_none() {
    let ground = Ground::with_events(0).await;
    let certificates = Certificates::new(ground.directory.path());
    let (port, directory) = (free_port(), folder(&ground, "relp"));
    let input = here(page(RELP, "rsyslog, RELP over TLS"), &directory, &certificates, port);
    let _rsyslog = receivers::rsyslog(&directory, &input, port);
    let report = |more: Value| {
        let sink = with(
            json!({"name": "s", "type": "relp", "server": "127.0.0.1", "port": port, "allow_private": true}),
            &more,
        );
        let sink = export::SinkConfig::from_settings(sink.as_object().unwrap().clone()).unwrap();
        async move { export::test(&sink, false).await.unwrap() }
    };
    let stranger = report(json!({"ca_file": certificates.authority})).await;
    assert!(matches!(stranger.outcome, "not sent" | "uncertain"), "{stranger:?}");
    assert!(!directory.join("out").exists());
    let known = report(certificates.settings()).await;
    assert_eq!((known.outcome, known.answer.as_deref()), ("acked", Some("1 transactions answered with 200")));
    assert_eq!(lines(&directory.join("out"), 1).await.len(), 1);
    ground.store.stop();
}
