//! How a server says how it is: what Prometheus thinks of its metrics, and what people and load balancers read of its collectors and sinks.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{World, http, prometheus};
use crate::life::{COLLECTOR, lines, push};

/// What Prometheus' own checker has to say.
#[track_caller]
fn lint(metrics: &str) -> String {
    let mut command = prometheus("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("promtool is missing ({error}), so the metrics are not checked: `make prometheus` fetches it")
    });
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// One collector of each transport and one sink of each type, of which nobody answers.
fn everything(world: &World, silent: &str) -> String {
    std::fs::write(world.path("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(world.path("webhook"), format!("http://{silent}/services/T0/B0/hunter2\n")).unwrap();
    let secret = format!("file:{}", world.path("secret").display());
    let mut text = format!(
        "{COLLECTOR}\n[[collector]]\nname = \"files\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {:?}\n\n\
         [[collector]]\nname = \"pipe\"\ntransport = \"stdin\"\ndialect = \"native\"\n",
        world.path("coderd.json").display()
    );
    for (transport, own) in [
        ("otlp", "http = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"".to_owned()),
        ("kafka", format!("brokers = [\"{silent}\"]\ntopics = [\"events\"]\ngroup = \"tachograph\"")),
        ("poll", format!("api = \"coder\"\nurl = \"http://{silent}\"\ntoken = \"{secret}\"")),
        ("syslog", "tcp = \"127.0.0.1:0\"".to_owned()),
        ("unix", format!("path = {:?}", world.path("events.sock").display())),
    ] {
        let dialect = if transport == "otlp" { "otel" } else { "coder" };
        let name = format!("name = \"{transport}\"\ntransport = \"{transport}\"\ndialect = \"{dialect}\"");
        write!(text, "\n[[collector]]\n{name}\n{own}\n").unwrap();
    }
    for (kind, own) in [
        ("splunk_hec", format!("url = \"http://{silent}\"\ntoken = \"{secret}\"")),
        ("slack", format!("webhook = \"file:{}\"", world.path("webhook").display())),
        ("pagerduty", format!("url = \"http://{silent}\"\nrouting_key = \"{secret}\"")),
        ("webhook", format!("url = \"http://{silent}\"\nsecret = \"{secret}\"")),
        ("alertmanager", format!("url = \"http://{silent}\"")),
        ("email", format!("server = \"{silent}\"\nfrom = \"a@acme.example\"\nto = [\"b@acme.example\"]")),
    ] {
        write!(text, "\n[[sink]]\nname = \"{kind}\"\ntype = \"{kind}\"\nallow_private = true\n{own}\n").unwrap();
    }
    text
}

#[test]
fn prometheus_has_nothing_to_say_about_the_metrics() {
    // It takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new("");
    world.configure(&everything(&world, &silent.local_addr().unwrap().to_string()));
    let token = world.token("coderd", &["--role", "ingest"]);
    let server = world.serve();
    assert_eq!(push(&server.ingest, &token, 0, &lines(0..20)).unwrap().status, 200);
    assert_eq!(push(&server.ingest, "tachograph_wrong", 20, &lines(20..21)).unwrap().status, 401);
    world.wait_for(1, &["--ledger", "operations", "kind=export.intent", "subject=splunk_hec"]);
    let metrics = http::get(&server.console, "/metrics").body;
    assert_eq!(lint(&metrics), "");
    let collectors = ["coderd", "files", "pipe", "otlp", "kafka", "poll", "syslog", "unix"];
    let sinks = ["splunk_hec", "slack", "pagerduty", "webhook", "alertmanager", "email"];
    for name in collectors.into_iter().chain(sinks) {
        let states = metrics.lines().filter(|line| line.starts_with("tachograph_endpoint_state{"));
        let own: Vec<&str> = states.filter(|line| line.contains(&format!("name=\"{name}\""))).collect();
        assert!(own.iter().any(|line| line.ends_with(" 1")), "{name}: {own:?}");
    }
    // That it can say something.
    assert!(lint("# TYPE a_milliseconds gauge\na_milliseconds 1\n").contains("a_milliseconds"));
}

/// Asks whether the server is ready until the answer is this.
#[track_caller]
pub fn ask_until(console: &str, expected: impl Fn(&str) -> bool) -> http::Answer {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let ready = http::get(console, "/readyz");
        if expected(&ready.body) {
            return ready;
        }
        assert!(Instant::now() < deadline, "it still says {ready:?}");
    }
}

#[test]
fn every_collector_and_every_sink_is_told_with_what_to_do() {
    let world = World::new("");
    let absent = world.path("absent.json");
    let directory = world.path("directory.json");
    std::fs::create_dir(&directory).unwrap();
    world.configure(&format!(
        "{COLLECTOR}\n[[collector]]\nname = \"absent\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {:?}\n\n\
         [[collector]]\nname = \"directory\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {:?}\n\n\
         [[sink]]\nname = \"soc\"\ntype = \"slack\"\nwebhook = \"env:TACHOGRAPH_TEST_NOT_SET\"\n\n\
         [[sink]]\nname = \"later\"\ntype = \"slack\"\nwebhook = \"env:TACHOGRAPH_TEST_NOT_SET\"\npaused = true\n",
        absent.display(),
        directory.display(),
    ));
    let config = world.config();
    let doctor = || world.run(&["doctor", "--config", config.to_str().unwrap(), "-o", "json"]);
    let found = |checks: &Value, what: &str| {
        let check = checks.as_array().unwrap().iter().find(|check| check["what"] == what);
        let check = check.unwrap_or_else(|| panic!("no {what} in {checks}"));
        (check["grade"].as_str().unwrap().to_owned(), check["finding"].as_str().unwrap().to_owned())
    };
    let check = |checks: &Value| {
        for (what, grade, says) in [
            ("collector coderd", "good", "POST /v1/events/coderd"),
            ("collector absent", "bad", "missing"),
            ("collector absent", "bad", "absent.json: there is no such file"),
            ("collector directory", "bad", "unreadable"),
            ("sink soc/operations", "bad", "parked"),
            ("sink soc/operations", "bad", "TACHOGRAPH_TEST_NOT_SET is not set"),
            ("sink later/operations", "look", "paused"),
        ] {
            let (graded, finding) = found(checks, what);
            assert!(graded == grade && finding.contains(says), "{what}: {graded}: {finding}");
        }
    };
    let ended = doctor();
    assert_eq!(ended.code, 1, "{ended:?}");
    check(&ended.json());
    let server = world.serve();
    // Each looks for itself, a moment after the start.
    let troubled =
        |ready: &str| [": missing since ", ": unreadable since ", ": parked since "].map(|state| ready.contains(state));
    let ready = ask_until(&server.console, |ready| troubled(ready) == [true; 3]);
    check(&doctor().json());
    assert_eq!(ready.status, 200, "a receiver must not take intake out of a load balancer: {ready:?}");
    let told: Vec<&str> = ready.body.lines().collect();
    assert_eq!((told[0], told.len()), ("ready", 6), "{told:?}");
    let accept = [("Accept", "application/json")];
    let report = http::send(&server.console, "GET", "/readyz", &accept, b"").unwrap().json();
    let endpoints = report["endpoints"].as_array().unwrap();
    let soc = endpoints.iter().find(|endpoint| endpoint["name"] == "soc").unwrap();
    assert_eq!((&soc["role"], &soc["state"], &soc["lag_entries"].is_u64()), (&"sink".into(), &"parked".into(), &true));
    assert!(soc["since"].is_string() && soc["remedy"].as_str().unwrap().contains("secret"), "{soc}");
    // What was wrong is over, and is said to be.
    std::fs::write(&absent, lines(0..3)).unwrap();
    let over = server.wait_for_log("the collector works again").unwrap();
    assert_eq!(over["collector"], "absent", "{over}");
    assert!(server.stop().unwrap().success());
}
