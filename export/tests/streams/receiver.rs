//! The receivers, in a process of their own: those of `receivers/fake.rs`, and Splunk as its documents describe it, each on a bad day. At the end
//! they say what they keep, in the order in which they took it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fake::{Fake, Fault};
use crate::proxy;
use crate::requests::say;
use crate::sinks::DESTINATIONS;

/// Where the parent asks what was kept.
const KEPT: &str = "kept";

/// Splunk, or one of the strict receivers with what went wrong before it.
struct Receiver {
    dice: Dice,
    faults: Arc<AtomicU64>,
    kept: Vec<String>,
    /// What is accepted and not yet indexed, by the number of the acknowledgement; `None` if it got lost.
    unindexed: Vec<Option<Vec<String>>>,
    fake: Option<Fake>,
}

struct World {
    folder: PathBuf,
    receivers: BTreeMap<&'static str, Mutex<Receiver>>,
}

/// Listens until it is killed.
pub fn run(folder: &Path, seed: u64) {
    let receivers = DESTINATIONS.iter().enumerate().map(|(number, of)| {
        let faults = Arc::<AtomicU64>::default();
        let strict = || fake(of.name, seed ^ (0xfa00 + number as u64), faults.clone());
        let fake = (!of.name.starts_with("hec")).then(strict);
        let dice = Dice::new(seed ^ (0xab00 + number as u64));
        (of.name, Mutex::new(Receiver { dice, faults, kept: Vec::new(), unindexed: Vec::new(), fake }))
    });
    let world = Arc::new(World { folder: folder.to_owned(), receivers: receivers.collect() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let router = Router::new().fallback(handle).with_state(world.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut addresses = BTreeMap::from([(KEPT, address.clone())]);
        for (number, destination) in DESTINATIONS.iter().enumerate() {
            let name = destination.name;
            let fake = world.receivers[name].lock().unwrap().fake.as_ref().map(|fake| fake.address.clone());
            let behind = fake.map_or_else(|| address.clone(), |url| url.trim_start_matches("http://").to_owned());
            let dice = Arc::new(Mutex::new(Dice::new(seed ^ (0xde00 + number as u64))));
            let of = world.clone();
            let faulted = move || of.receivers[name].lock().unwrap().fault();
            addresses.insert(name, proxy::listen(behind, dice, faulted).await);
        }
        std::fs::write(folder.join("addresses"), serde_json::to_string(&addresses).unwrap()).unwrap();
        say("listening");
        axum::serve(listener, router).await.unwrap();
    });
}

/// A strict receiver with dice of its own.
fn fake(name: &'static str, seed: u64, faults: Arc<AtomicU64>) -> Fake {
    let fake = Fake::start();
    let mut dice = Dice::new(seed);
    let fate = move || {
        say("request");
        let fault = match dice.below(14) {
            0 => Some(Fault::Busy),
            1 => Some(Fault::Limited),
            2 => Some(Fault::TakenAndFailed),
            3 => Some(Fault::TakenAndCut),
            // Only who says what became of single records, and takes what was busy later, may take a part.
            4 if name == "elasticsearch" => Some(Fault::Part),
            4 if name == "sentinel" || name == "secops" => Some(Fault::Revoked),
            5 => Some(Fault::Unauthorised),
            _ => None,
        };
        faults.fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
        fault
    };
    fake.ask(|state| state.fate = Some(Box::new(fate)));
    fake
}

/// Asks a process of receivers to write down what they keep: texts, and streams with numbers, in files named by the sinks.
pub fn say_what_was_kept(folder: &Path) {
    let addresses: Value = serde_json::from_slice(&std::fs::read(folder.join("addresses")).unwrap()).unwrap();
    let mut stream = std::net::TcpStream::connect(addresses[KEPT].as_str().unwrap()).unwrap();
    write!(stream, "GET /{KEPT}/ HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
}

async fn handle(State(world): State<Arc<World>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let (name, path) = uri.path().trim_start_matches('/').split_once('/').unwrap();
    if name == KEPT {
        return world.write();
    }
    say("request");
    let mut text = String::new();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        flate2::read::GzDecoder::new(body.as_ref()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(body.to_vec()).unwrap();
    }
    let mut receiver = world.receivers[name].lock().unwrap();
    match receiver.dice.below(12) {
        0 => return receiver.refuse(StatusCode::SERVICE_UNAVAILABLE, r#"{"code":9}"#),
        1 => {
            receiver.fault();
            let answer = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], r#"{"code":26}"#);
            return answer.into_response();
        }
        _ => {}
    }
    let answer = match (name, path) {
        (_, "services/collector/ack") => receiver.acknowledge(&text),
        ("hec_acknowledged", "services/collector/event") => receiver.accept(&text),
        ("hec" | "hec_forgets", "services/collector/event") => receiver.collect(&text, name == "hec_forgets"),
        other => panic!("nobody listens at {other:?}"),
    };
    if receiver.dice.below(12) == 0 && name != "hec_forgets" {
        return receiver.refuse(StatusCode::INTERNAL_SERVER_ERROR, "");
    }
    (StatusCode::OK, answer.to_string()).into_response()
}

impl World {
    /// Writes down what everybody keeps.
    fn write(&self) -> Response {
        for (name, receiver) in &self.receivers {
            let receiver = receiver.lock().unwrap();
            let (mut kept, mut complaints) = (receiver.kept.clone(), Vec::new());
            if let Some(fake) = &receiver.fake {
                fake.ask(|state| {
                    complaints.clone_from(&state.complaints);
                    let mut seen = BTreeMap::new();
                    for place in &state.order {
                        let times = seen.entry(place.clone()).or_insert(0);
                        let text = &state.taken[place][*times];
                        *times += 1;
                        kept.push(json!({"stream": place.0, "number": place.1, "text": text}).to_string());
                    }
                });
            }
            std::fs::write(self.folder.join(format!("{name}.kept")), kept.join("\n")).unwrap();
            std::fs::write(self.folder.join(format!("{name}.complaints")), complaints.join("\n")).unwrap();
            std::fs::write(
                self.folder.join(format!("{name}.faults")),
                receiver.faults.load(Ordering::Relaxed).to_string(),
            )
            .unwrap();
        }
        StatusCode::OK.into_response()
    }
}

impl Receiver {
    /// Counts that something went wrong.
    fn fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    fn refuse(&mut self, status: StatusCode, answer: &'static str) -> Response {
        self.fault();
        (status, answer).into_response()
    }

    /// Keeps a record that Splunk was given.
    fn keep(&mut self, line: &str) {
        let event: Value = serde_json::from_str(line).unwrap();
        let number: u64 = event["fields"]["export_seq"].as_str().unwrap().parse().unwrap();
        let kept = json!({"stream": event["fields"]["stream"], "number": number, "text": event["event"].to_string()});
        self.kept.push(kept.to_string());
    }

    /// Splunk takes a batch; one that forgets says so, too.
    fn collect(&mut self, text: &str, forgets: bool) -> Value {
        if forgets && self.dice.below(10) == 0 {
            self.fault();
        } else {
            text.lines().for_each(|line| self.keep(line));
        }
        json!({"text": "Success", "code": 0})
    }

    /// Splunk accepts a batch, which its indexers get later, or never; now and then it forgets everything and counts anew.
    fn accept(&mut self, text: &str) -> Value {
        if self.dice.below(40) == 0 {
            self.fault();
            self.unindexed.clear();
        }
        let lost = self.dice.below(15) == 0;
        if lost {
            self.fault();
        }
        self.unindexed.push((!lost).then(|| text.lines().map(ToOwned::to_owned).collect()));
        json!({"text": "Success", "code": 0, "ackId": self.unindexed.len() - 1})
    }

    /// Splunk says once that the indexers have a batch.
    fn acknowledge(&mut self, text: &str) -> Value {
        let asked: Value = serde_json::from_str(text).unwrap();
        let id = asked["acks"][0].as_u64().unwrap();
        let ready = self.dice.below(3) > 0;
        let batch = self.unindexed.get_mut(id as usize).filter(|_| ready).and_then(Option::take);
        let known = batch.is_some();
        batch.into_iter().flatten().for_each(|line| self.keep(&line));
        json!({"acks": {id.to_string(): known}})
    }
}
