//! TLS on the listeners: clients of others and our own, certificates that change while the server runs, and what is told to whom
//! comes without.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::server::Server;
use crate::harness::tls::{Authority, Client, Pair, ask};
use crate::harness::{World, http};
use crate::life::{COLLECTOR, lines};

const HOOKS: &str = "[[collector]]\nname = \"hooks\"\ntransport = \"http\"\ndialect = \"hooks\"\n";

/// A server that shows a certificate of a new authority.
fn secure(more: &str) -> (World, Authority, Server) {
    let configuration = format!("{COLLECTOR}{HOOKS}");
    let world = World::new(&configuration);
    let authority = Authority::new(&world, "authority");
    let settings = authority.sign(&world, "server").settings() + more;
    world.configure_listeners(&settings, &configuration);
    let server = world.serve();
    (world, authority, server)
}

fn push(client: &Client, server: &Server, token: &str, body: &str) -> std::io::Result<http::Answer> {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
    let stream = client.connect(&server.ingest)?;
    http::send_over(stream, &server.ingest, "POST", "/v1/events/coderd", &headers, body.as_bytes())
}

#[track_caller]
fn get(client: &Client, address: &str, path: &str) -> http::Answer {
    http::send_over(client.connect(address).unwrap(), address, "GET", path, &[], b"").unwrap()
}

#[test]
fn events_and_questions_go_over_tls_to_whoever_is_believed() {
    let (world, authority, server) = secure("");
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let client = authority.client();
    assert_eq!(push(&client, &server, &token, &lines(0..3)).unwrap().status, 200);
    let old = authority.client_of(&[&rustls::version::TLS12], None);
    assert_eq!(push(&old, &server, &token, &lines(3..4)).unwrap().status, 200);
    let speaking = |protocols: &[&str]| authority.client().speaking(protocols).connect(&server.ingest);
    assert_eq!(speaking(&["h2", "http/1.1"]).unwrap().conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert!(speaking(&["h2"]).is_err());
    // Somebody else's authority signed another server.
    let stranger = Authority::new(&world, "stranger").client();
    let refused = push(&stranger, &server, &token, &lines(4..5)).unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
    server.wait_for_log("handshakes of TLS fail").unwrap();
    // Our own commands check the certificate, too.
    let analyst = world.token("ana", &["--role", "analyst"]);
    let url = format!("https://{}", server.console);
    let ask = ["sql", "SELECT count(*) AS n FROM events", "-o", "csv", "--server", &url, "--token", &analyst];
    let file = authority.file.to_str().unwrap();
    assert_eq!(world.run(&[&ask[..], &["--ca-file", file]].concat()).ok().out, "n\n4\n");
    let unknown = world.run(&ask);
    assert!(
        unknown.code == 1 && unknown.err.contains("UnknownIssuer") && unknown.err.contains("--ca-file"),
        "{unknown:?}"
    );
    let metrics = get(&client, &server.console, "/metrics").body;
    assert!(metrics.contains("tachograph_certificate_last_reload_successful 1"), "{metrics}");
    assert!(
        metrics.contains("tachograph_tls_handshakes_failed_total{listener=\"ingest\",reason=\"failed\"}"),
        "{metrics}"
    );
    let end =
        metrics.lines().find_map(|line| line.strip_prefix("tachograph_certificate_expiration_timestamp_seconds "));
    assert!(end.unwrap().parse::<u64>().unwrap() > 1_900_000_000);
    assert!(server.stop().unwrap().success());
}

#[test]
fn plain_http_to_tls_is_told_and_counted() {
    let (_world, authority, server) = secure("");
    for address in [&server.console, &server.ingest] {
        let answer = http::get(address, "/v1/events/coderd");
        assert_eq!(answer.status, 421, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("https://"), "{answer:?}");
    }
    let told = server.wait_for_log("requests that bring events are refused").unwrap();
    assert_eq!(told["reason"], "tls_required", "{told}");
    let metrics = get(&authority.client(), &server.console, "/metrics").body;
    let counted = "tachograph_ingest_refused_total{collector=\"\",reason=\"tls_required\",status=\"421\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(server.stop().unwrap().success());
}

#[test]
fn a_listener_can_stay_plain() {
    let (_world, authority, server) = secure("tls = [\"ingest\"]\n");
    assert!(http::get(&server.console, "/readyz").body.starts_with("ready\n"));
    assert_eq!(get(&authority.client(), &server.ingest, "/v1/events/coderd").status, 405);
    assert!(server.stop().unwrap().success());
}

#[test]
fn a_certificate_changes_while_connections_go_on_and_a_broken_one_does_not() {
    let (world, first, server) = secure("");
    let mut open = first.client().connect(&server.console).unwrap();
    assert!(ask(&mut open, "/readyz").starts_with("HTTP/1.1 200"));
    let reload = |says: &str| {
        server.signal("HUP").unwrap();
        server.wait_for_log(says).unwrap()
    };
    let second = Authority::new(&world, "second");
    let pair = second.sign(&world, "server");
    reload("the configuration was changed");
    assert!(ask(&mut open, "/readyz").starts_with("HTTP/1.1 200"), "what was open goes on");
    assert!(first.client().connect(&server.console).is_err());
    assert!(get(&second.client(), &server.console, "/readyz").body.starts_with("ready\ncollector"));
    // A key that is not the certificate's, and a file that is no certificate.
    let good = std::fs::read(&pair.certificate).unwrap();
    let other = first.sign(&world, "other");
    for (bytes, says) in
        [(std::fs::read(other.certificate).unwrap(), "is not the key"), (b"-".to_vec(), "no certificate")]
    {
        std::fs::write(&pair.certificate, bytes).unwrap();
        let kept = reload("the configuration was not changed");
        assert!(kept["reason"].as_str().unwrap().contains(says), "{kept}");
        let ready = get(&second.client(), &server.console, "/readyz");
        assert!(
            ready.status == 200 && ready.body.contains("certificate: the newest files were not taken"),
            "{ready:?}"
        );
        let metrics = get(&second.client(), &server.console, "/metrics").body;
        assert!(metrics.contains("tachograph_certificate_last_reload_successful 0"), "{metrics}");
        let doctor = world.run(&["doctor", "--config", world.config().to_str().unwrap()]);
        assert!(doctor.code == 1 && doctor.out.contains(says), "{doctor:?}");
        let second = world.run(&["serve", "--config", world.config().to_str().unwrap()]);
        assert!(second.code == 78 && second.err.contains(says), "{second:?}");
        let check = world.run(&["config", "check", world.config().to_str().unwrap()]);
        assert!(check.code == 78 && check.err.contains(says), "{check:?}");
    }
    std::fs::write(&pair.certificate, good).unwrap();
    reload("the configuration was changed");
    assert!(get(&second.client(), &server.console, "/readyz").body.starts_with("ready\ncollector"));
    drop(open);
    assert!(server.stop().unwrap().success());
    let recorded = world.sql("SELECT \"from\", \"to\" FROM operations WHERE kind = 'certificate' ORDER BY seq");
    assert_eq!((recorded.len(), &recorded[0]["to"]), (2, &recorded[1]["from"]), "{recorded:?}");
}

/// The command of a workspace, with these options.
fn hook(world: &World, action: &[&str], url: &str, token: &str, options: &[String]) -> Command {
    let mut command = world.command(&[&["hook"], action, &["--server", url, "--spool", "spool"]].concat());
    // Around an agent the proxy is the firewall.
    command.args(options).env("TACHOGRAPH_TOKEN", token).env("HTTPS_PROXY", "http://127.0.0.1:9");
    command
}

/// What comes of it at last: another delivery may be at it, and then this one has nothing to do.
#[track_caller]
fn again<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    (0..100).find_map(|_| attempt()).unwrap()
}

#[test]
fn hooks_deliver_over_tls_and_show_who_they_are_where_that_is_asked() {
    let clients = World::empty();
    let authority_of_clients = Authority::new(&clients, "clients");
    let pair = authority_of_clients.sign(&clients, "client");
    let foreign = Authority::new(&clients, "foreign").sign(&clients, "foreign");
    let more = format!("client_certificate_authorities = {:?}\n", authority_of_clients.file.display().to_string());
    let (world, authority, server) = secure(&more);
    let token = world.token("workspace", &["--role", "ingest", "--dialect", "hooks"]);
    let believes = ["--ca-file".to_owned(), authority.file.display().to_string()];
    let shows = |pair: &Pair| {
        let [certificate, key] = [&pair.certificate, &pair.key].map(|path| path.display().to_string());
        ["--client-certificate".to_owned(), certificate, "--client-key".to_owned(), key]
    };
    let [plain, secure] = ["http", "https"].map(|scheme| format!("{scheme}://{}", server.ingest));
    let known = [&believes[..], &shows(&pair)].concat();
    let stranger = [&believes[..], &shows(&foreign)].concat();
    // Nothing is lost on the way to somebody who is not believed, who does not believe, or who asks for TLS.
    for (url, options, why) in [
        (&secure, &shows(&pair)[..], "UnknownIssuer"),
        (&secure, &believes, "cannot reach https://"),
        (&secure, &stranger, "cannot reach https://"),
        (&plain, &known, "421"),
    ] {
        let mut fired = hook(&world, &[], url, &token, options).stdin(Stdio::piped()).spawn().unwrap();
        let payload = b"{\"session_id\":\"s1\",\"hook_event_name\":\"Stop\"}";
        fired.stdin.take().unwrap().write_all(payload).unwrap();
        assert!(fired.wait().unwrap().success());
        let failed = again(|| {
            let flushed = hook(&world, &["flush"], url, &token, options).output().unwrap();
            (!flushed.status.success()).then(|| String::from_utf8(flushed.stderr).unwrap())
        });
        assert!(failed.contains(why), "{failed}");
    }
    let status = || {
        let status = hook(&world, &["status"], &secure, &token, &known).output().unwrap();
        String::from_utf8(status.stdout).unwrap()
    };
    assert!(status().contains("0 records were lost\nthe last delivery failed: "), "{}", status());
    again(|| {
        hook(&world, &["flush"], &secure, &token, &known).output().unwrap();
        status().starts_with("0 bytes wait").then_some(())
    });
    world.wait_for(4, &["session=s1"]);
    // The console asks nobody for a certificate.
    assert!(get(&authority.client(), &server.console, "/readyz").body.starts_with("ready\n"));
    assert!(authority.client_of(rustls::DEFAULT_VERSIONS, Some(&pair)).connect(&server.ingest).is_ok());
    assert!(server.stop().unwrap().success());
}
