//! Collecting at the edge with the real binary on both sides: kills, a network that is cut, a full spool, and a server that was rolled back.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use crate::harness::server::Server;
use crate::harness::tls::Authority;
use crate::harness::{World, binary, http};
use crate::life::{COLLECTOR, line, lines, push};

/// A network between the edge and whichever server runs: it can be cut.
struct Network {
    address: String,
    cut: Arc<AtomicBool>,
    /// The port of the server.
    to: Arc<AtomicUsize>,
}

impl Network {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cut, to) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_cut, port) = (Arc::clone(&cut), Arc::clone(&to));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", port.load(Ordering::SeqCst) as u16));
                // Whoever cannot be connected is told by a connection that ends.
                let Ok(server) = server else { continue };
                if !is_cut.load(Ordering::SeqCst) {
                    pass(&client, &server, &is_cut);
                    pass(&server, &client, &is_cut);
                }
            }
        });
        Self { address, cut, to }
    }

    fn lead_to(&self, server: &Server) {
        let port = server.ingest.rsplit_once(':').unwrap().1.parse().unwrap();
        self.to.store(port, Ordering::SeqCst);
    }
}

/// Passes bytes on until the network is cut: then what comes next ends the connection.
fn pass(from: &TcpStream, to: &TcpStream, cut: &Arc<AtomicBool>) {
    let (mut from, mut to, cut) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(cut));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read) = from.read(&mut buffer)
            && read > 0
            && !cut.load(Ordering::SeqCst)
            && to.write_all(&buffer[..read]).is_ok()
        {}
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// The configuration of an edge that is pushed to and follows a file.
fn configuration(world: &World, url: &str, more: &str) -> String {
    let (token, door, spool, log) =
        (world.path("edge.token"), world.path("door.token"), world.path("spool"), world.path("coderd.log"));
    format!(
        "[listen]\nconsole = \"127.0.0.1:0\"\ningest = \"127.0.0.1:0\"\n\
         [server]\nurl = \"{url}\"\ntoken = \"file:{}\"\n{more}\n\
         [spool]\ndirectory = {:?}\nbytes_max = 16777216\n\
         [[sender]]\nname = \"coderd\"\ntoken = \"file:{}\"\n\
         {COLLECTOR}\
         [[collector]]\nname = \"file\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = {:?}\n",
        token.display(),
        spool.display().to_string(),
        door.display(),
        log.display().to_string(),
    )
}

/// A server with the collectors of an edge, and the edge's configuration.
fn world(url: &str) -> World {
    let world = World::new(&format!("{COLLECTOR}{}", COLLECTOR.replace("coderd", "file")));
    let token = world.token("edge", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    std::fs::write(world.path("edge.token"), token).unwrap();
    std::fs::write(world.path("door.token"), "open sesame\n").unwrap();
    std::fs::write(world.path("edge.toml"), configuration(&world, url, "")).unwrap();
    world
}

fn collect(world: &World) -> Server {
    let mut command = Command::new(binary());
    command.current_dir(world.path(""));
    Server::start_as(&mut command, "collect", &world.path("edge.toml")).unwrap()
}

/// What the edge says of itself.
fn health(edge: &Server) -> Value {
    http::get(&edge.console, "/healthz").json()
}

/// Rows of one collector, and how many different records they tell of.
#[track_caller]
fn counted(world: &World, collector: &str) -> (u64, u64) {
    let query = format!(
        "SELECT count(*) AS n, count(DISTINCT stream_seq) AS d FROM events WHERE collector = '{collector}' AND kind = 'egress.http'"
    );
    let rows = world.sql(&query);
    (rows[0]["n"].as_u64().unwrap(), rows[0]["d"].as_u64().unwrap())
}

/// Adds lines to the file that the edge follows.
fn log(world: &World, range: std::ops::Range<u64>) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(world.path("coderd.log")).unwrap();
    file.write_all(lines(range).as_bytes()).unwrap();
}

#[test]
fn nothing_is_lost_or_doubled_over_kills_of_either_side_and_a_cut_network() {
    let network = Network::new();
    let world = world(&format!("http://{}", network.address));
    let mut server = world.serve();
    network.lead_to(&server);
    log(&world, 0..40);
    let mut edge = collect(&world);
    let checked = world.run(&["config", "check", world.path("edge.toml").to_str().unwrap()]).ok();
    assert!(checked.out.contains("is in order"), "{checked:?}");
    let (mut next, step) = (1_000_u64, 20_u64);
    for round in 0..6_u64 {
        let answer = push(&edge.ingest, "open sesame", (round) * step, &lines(next..next + step)).unwrap();
        assert_eq!(
            (answer.status, answer.json()["next_offset"].as_u64()),
            (200, Some((round + 1) * step)),
            "{answer:?}"
        );
        log(&world, 40 + round * step..40 + (round + 1) * step);
        next += step;
        match round {
            0 | 3 => {
                // The server loses its power.
                drop(server);
                server = world.serve();
                network.lead_to(&server);
            }
            1 | 4 => {
                // The edge does: what it acknowledged is in its spool.
                drop(edge);
                edge = collect(&world);
            }
            _ => {
                network.cut.store(true, Ordering::SeqCst);
                log(&world, 500 + round..501 + round);
                edge.wait_for_log("the server is not there; what is read waits").unwrap();
                network.cut.store(false, Ordering::SeqCst);
            }
        }
    }
    assert_eq!(push(&edge.ingest, "wrong", 0, &lines(0..1)).unwrap().status, 401);
    world.wait_for(6 * step + 40 + 6 * step + 2, &[]);
    assert_eq!(counted(&world, "coderd"), (6 * step, 6 * step));
    assert_eq!(counted(&world, "file"), (40 + 6 * step + 2, 40 + 6 * step + 2));
    // The token is the one that the server gave the edge; no trust makes a firewall's records more than the workspace's word.
    let rows = world.sql("SELECT DISTINCT trust, token IS NULL AS unknown FROM events WHERE kind = 'egress.http'");
    assert_eq!(
        (rows.len(), rows[0]["trust"].as_str(), rows[0]["unknown"].as_bool()),
        (1, Some("workspace"), Some(false))
    );
    let metrics = http::get(&edge.console, "/metrics").body;
    assert!(metrics.contains("tachograph_collect_delivered_records_total{collector=\"file\"}"), "{metrics}");
    assert!(edge.stop().unwrap().success());
    assert!(server.stop().unwrap().success());
    let verified = world.run(&["verify", world.data().to_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!(verified["verdict"], "verified");
}

#[test]
fn a_full_spool_says_so_and_loses_nothing() {
    // Nobody is there.
    let network = Network::new();
    let world = world(&format!("http://{}", network.address));
    let edge = collect(&world);
    let mut body = String::new();
    for sequence in 0..600 {
        let url = format!("https://packages.acme.example/{}", "x".repeat(1_500));
        let _ = body.write_str(&line(sequence, "allow", "GET", &url));
    }
    let (mut offset, mut taken) = (0, 0_u64);
    let refused = loop {
        let answer = push(&edge.ingest, "open sesame", offset, &body).unwrap();
        match answer.status {
            200 => (offset, taken) = (offset + 600, taken + 1),
            _ => break answer,
        }
        assert!(taken < 100);
    };
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{refused:?}");
    assert!(taken > 5);
    assert_eq!(http::get(&edge.console, "/readyz").status, 503);
    // A file waits where it stands.
    log(&world, 2_000..2_100);
    drop(edge);
    let server = world.serve();
    network.lead_to(&server);
    let edge = collect(&world);
    // What of the refused request was taken, the sender is told.
    let next = refused.json()["next_offset"].as_u64().unwrap();
    let rest: Vec<&str> = body.split_inclusive('\n').skip((next - offset) as usize).collect();
    let rest = rest.concat();
    loop {
        let answer = push(&edge.ingest, "open sesame", next, &rest).unwrap();
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    world.wait_for(700, &[]);
    // The server knows the same lines that came again by their own numbers.
    assert_eq!(counted(&world, "file"), (100, 100));
    assert_eq!(counted(&world, "coderd"), (600, 600));
    assert!(edge.stop().unwrap().success());
}

#[test]
fn a_server_that_was_rolled_back_is_refused_until_the_right_one_is_back() {
    let network = Network::new();
    let world = world(&format!("http://{}", network.address));
    log(&world, 0..10);
    let server = world.serve();
    network.lead_to(&server);
    let edge = collect(&world);
    world.wait_for(10, &[]);
    assert!(server.stop().unwrap().success());
    let copied = |from: &str, to: &str| {
        let status = Command::new("cp").args(["-a", from, to]).current_dir(world.path("")).status().unwrap();
        assert!(status.success());
    };
    copied("data", "old");
    let server = world.serve();
    network.lead_to(&server);
    log(&world, 10..30);
    world.wait_for(30, &[]);
    assert!(server.stop().unwrap().success());
    // The edge sees the newest checkpoint before the copy takes its place.
    let server = world.serve();
    network.lead_to(&server);
    drop(edge);
    let edge = collect(&world);
    edge.wait_for_log("the server's log is the one that is known").unwrap();
    drop(server);
    std::fs::rename(world.data(), world.path("new")).unwrap();
    copied("old", "data");
    let server = world.serve();
    network.lead_to(&server);
    log(&world, 30..40);
    let refused = edge.wait_for_log("the server is refused; nothing is sent to it").unwrap();
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("rolled back") && reason.matches("batches with root").count() == 2, "{reason}");
    assert_eq!(health(&edge)["server"]["state"], "refused");
    assert_eq!(counted(&world, "file"), (10, 10));
    // The newer one is put back: what waited comes.
    drop((server, edge));
    std::fs::remove_dir_all(world.data()).unwrap();
    std::fs::rename(world.path("new"), world.data()).unwrap();
    let server = world.serve();
    network.lead_to(&server);
    let edge = collect(&world);
    world.wait_for(40, &[]);
    assert_eq!(counted(&world, "file"), (40, 40));
    assert!(edge.stop().unwrap().success());
    drop(server);
}

#[test]
fn delivery_goes_over_tls_to_whoever_is_believed() {
    let configured = format!("{COLLECTOR}{}", COLLECTOR.replace("coderd", "file"));
    let world = world("https://127.0.0.1:1");
    let authority = Authority::new(&world, "authority");
    world.configure_listeners(&authority.sign(&world, "server").settings(), &configured);
    let server = world.serve();
    let url = format!("https://{}", server.ingest);
    // Without the authority nobody is believed, and nothing is sent.
    std::fs::write(world.path("edge.toml"), configuration(&world, &url, "")).unwrap();
    log(&world, 0..5);
    let edge = collect(&world);
    let told = edge.wait_for_log("the server is not there; what is read waits").unwrap();
    assert!(told["reason"].as_str().unwrap().contains("UnknownIssuer"), "{told}");
    drop(edge);
    let trusting = format!("ca_file = {:?}", authority.file.display().to_string());
    std::fs::write(world.path("edge.toml"), configuration(&world, &url, &trusting)).unwrap();
    let edge = collect(&world);
    world.wait_for(5, &[]);
    assert_eq!(counted(&world, "file"), (5, 5));
    assert!(edge.stop().unwrap().success());
}
