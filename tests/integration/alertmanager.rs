//! Alerts of other systems and ours for them: a real Prometheus and Alertmanager's own tool post to the real binary, and that tells a real
//! Alertmanager. `make prometheus` fetches them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{World, free_address, http, prometheus};

/// How long anything may take on a machine that is busy with other tests,
const PATIENCE: Duration = Duration::from_mins(2);
/// and how often somebody looks who waits. Nothing depends on it.
const LOOK: Duration = Duration::from_millis(50);

/// A program of others that runs until this is dropped.
struct Running(Child);

impl Running {
    /// Starts one that writes its log beside the configuration of the world.
    fn start(world: &World, name: &str, arguments: &[String]) -> Self {
        let log = File::create(world.path(&format!("{name}.log"))).unwrap();
        let mut command = prometheus(name);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{name} is missing ({error}): `make prometheus` fetches it")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks until something is there.
#[track_caller]
fn until<T>(world: &World, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        let log = |name: &str| std::fs::read_to_string(world.path(&format!("{name}.log"))).unwrap_or_default();
        assert!(
            Instant::now() < deadline,
            "{what} does not come: {}",
            log("prometheus") + &log("prometheus-alertmanager")
        );
        std::thread::park_timeout(LOOK);
    }
}

/// An Alertmanager that tells nobody.
fn alertmanager(world: &World, address: &str) -> Running {
    let config = json!({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]});
    std::fs::write(world.path("alertmanager.yml"), config.to_string()).unwrap();
    let [config, storage] = ["alertmanager.yml", "alertmanager"].map(|name| world.path(name).display().to_string());
    let arguments = [
        format!("--config.file={config}"),
        format!("--storage.path={storage}"),
        format!("--web.listen-address={address}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let running = Running::start(world, "prometheus-alertmanager", &arguments);
    until(world, "Alertmanager", || {
        http::send(address, "GET", "/-/ready", &[], b"").ok().filter(|answer| answer.status == 200)
    });
    running
}

/// A Prometheus with a rule about a database at that address, which sends its alerts to the console, and reads the metrics there.
fn prometheus_of(world: &World, address: &str, database: &str, console: &str) -> Running {
    let rule = json!({"alert": "InstanceDown", "expr": "up{job=\"db\"} == 0", "labels": {"severity": "critical", "team": "platform"},
        "annotations": {"summary": "{{ $labels.instance }} is down <script>", "description": "It does not answer."}});
    let rules = json!({"groups": [{"name": "instances", "rules": [rule]}]});
    let targets = |address: &str| json!([{"targets": [address]}]);
    let config = json!({
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"},
        "rule_files": [world.path("rules.yml")],
        "alerting": {"alertmanagers": [{"authorization": {"credentials_file": world.path("token")}, "static_configs": targets(console)}]},
        "scrape_configs": [{"job_name": "db", "static_configs": targets(database)},
            {"job_name": "tachograph", "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": targets(console)}],
    });
    std::fs::write(world.path("rules.yml"), rules.to_string()).unwrap();
    std::fs::write(world.path("prometheus.yml"), config.to_string()).unwrap();
    let arguments = [
        format!("--config.file={}", world.path("prometheus.yml").display()),
        format!("--storage.tsdb.path={}", world.path("prometheus").display()),
        format!("--web.listen-address={address}"),
    ];
    Running::start(world, "prometheus", &arguments)
}

/// The alert of this name that fires at an Alertmanager, if it has one.
fn firing(address: &str, name: &str) -> Option<Value> {
    let alerts = http::send(address, "GET", "/api/v2/alerts", &[], b"").ok()?.json();
    alerts.as_array().unwrap().iter().find(|alert| alert["labels"]["alertname"] == name).cloned()
}

/// Answers every question at an address with a metric, until the test is over.
fn come_up(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\norders 1\n");
        }
    });
}

#[test]
fn what_fires_at_prometheus_opens_is_told_to_alertmanager_and_ends() {
    let [manager, database, address] = [(); 3].map(|()| free_address());
    let world = World::new(&format!(
        "[[sink]]\nname = \"pager\"\ntype = \"alertmanager\"\nurl = \"http://{manager}\"\nallow_private = true\n"
    ));
    std::fs::write(world.path("token"), world.token("prometheus", &["--role", "ingest"])).unwrap();
    let _manager = alertmanager(&world, &manager);
    let server = world.serve();
    let _prometheus = prometheus_of(&world, &address, &database, &server.console);
    let told = until(&world, "the alert", || firing(&manager, "outside.InstanceDown"));
    assert_eq!((&told["labels"]["severity"], &told["labels"]["team"]), (&json!("critical"), &json!("platform")));
    assert_eq!(told["annotations"]["summary"], format!("{database} is down <script>"));
    assert_eq!(told["status"]["state"], "active");
    let columns = "SELECT rule, severity, team, host, title, status FROM alerts";
    let row = |status: &str| {
        json!({"rule": "outside.InstanceDown", "severity": "critical", "team": "platform", "host": database,
            "title": format!("{database} is down <script>"), "status": status})
    };
    assert_eq!(world.sql(columns), [row("open")]);
    come_up(&database);
    until(&world, "its end", || firing(&manager, "outside.InstanceDown").is_none().then_some(()));
    assert_eq!(world.sql(columns), [row("resolved")]);
    // However often Prometheus posted it, it opened once and ended once.
    assert_eq!(world.sql("SELECT count(*) AS n FROM operations WHERE kind = 'alert'"), [json!({"n": 2})]);
    // The same Prometheus reads the metrics.
    until(&world, "the metrics", || {
        let query = "/api/v1/query?query=up%7Bjob%3D%22tachograph%22%7D";
        let found = http::send(&address, "GET", query, &[], b"").ok()?.json();
        (found["data"]["result"][0]["value"][1] == "1").then_some(())
    });
    assert!(server.stop().unwrap().success());
}

#[test]
fn amtool_adds_an_alert_and_ends_it() {
    let world = World::new("");
    let server = world.serve();
    let add = |token: &str, arguments: &[&str]| {
        std::fs::write(world.path("token"), token).unwrap();
        let file = json!({"authorization": {"credentials_file": world.path("token")}});
        std::fs::write(world.path("token.yml"), file.to_string()).unwrap();
        let mut command = prometheus("amtool");
        command.arg(format!("--alertmanager.url=http://{}", server.console));
        command.arg(format!("--http.config.file={}", world.path("token.yml").display()));
        command.args(["alert", "add", "alertname=Test", "severity=warning", "instance=db-1"]).args(arguments);
        let ended = command.output();
        ended.unwrap_or_else(|error| panic!("amtool is missing ({error}): `make prometheus` fetches it"))
    };
    let prometheus = world.token("prometheus", &["--role", "ingest"]);
    let auditor = world.token("aud", &["--role", "auditor"]);
    // What is wrong it does not tell: it reads no errors of RFC 9457.
    for token in ["tachograph_wrong", auditor.as_str()] {
        let refused = add(token, &[]);
        assert!(!refused.status.success(), "{refused:?}");
    }
    let columns = "SELECT rule, severity, host, title, status FROM alerts";
    let row = |status: &str| json!({"rule": "outside.Test", "severity": "medium", "host": "db-1", "title": "a test", "status": status});
    // Twice the same is one alert.
    for _ in 0..2 {
        let added = add(&prometheus, &["--annotation=summary=a test"]);
        assert!(added.status.success(), "{added:?}");
        assert_eq!(world.sql(columns), [row("open")]);
    }
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let ended = add(&prometheus, &[&format!("--end={now}")]);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(world.sql(columns), [row("resolved")]);
    assert_eq!(world.sql("SELECT count(*) AS n FROM operations WHERE kind = 'alert'"), [json!({"n": 2})]);
    assert!(server.stop().unwrap().success());
}
