//! The receivers, in a process of their own: each as its vendor describes it, and each on a bad day. What one keeps stands in a file of its
//! own, one record per line in the order in which it was kept; what went wrong is counted in another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::process::say;
use crate::proxy;
use crate::sinks::DESTINATIONS;

/// One receiver.
struct Receiver {
    dice: Dice,
    kept: File,
    faults: File,
    /// The ids that it has, where it knows ids.
    ids: BTreeSet<String>,
    /// What is accepted and not yet indexed, by the number of the acknowledgement; `None` if it got lost.
    unindexed: Vec<Option<Vec<String>>>,
}

type World = Arc<BTreeMap<&'static str, Mutex<Receiver>>>;

/// Listens until it is killed.
pub fn run(folder: &Path, seed: u64) {
    let receiver = |name: &'static str, number: usize| Receiver {
        dice: Dice::new(seed ^ (0xfa00 + number as u64)),
        kept: File::create(folder.join(format!("{name}.kept"))).unwrap(),
        faults: File::create(folder.join(format!("{name}.faults"))).unwrap(),
        ids: BTreeSet::new(),
        unindexed: Vec::new(),
    };
    let world: World = Arc::new(
        DESTINATIONS.iter().enumerate().map(|(number, of)| (of.name, Mutex::new(receiver(of.name, number)))).collect(),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let router = Router::new().fallback(handle).with_state(world.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut addresses = BTreeMap::new();
        for (number, destination) in DESTINATIONS.iter().enumerate() {
            let dice = Arc::new(Mutex::new(Dice::new(seed ^ (0xde00 + number as u64))));
            let (world, name) = (world.clone(), destination.name);
            let faulted = move || world[name].lock().unwrap().fault("network");
            addresses.insert(name, proxy::listen(address.clone(), dice, faulted).await);
        }
        std::fs::write(folder.join("addresses"), serde_json::to_string(&addresses).unwrap()).unwrap();
        say("listening");
        axum::serve(listener, router).await.unwrap();
    });
}

async fn handle(State(world): State<World>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    say("request");
    let (name, path) = uri.path().trim_start_matches('/').split_once('/').unwrap();
    let mut text = String::new();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        flate2::read::GzDecoder::new(body.as_ref()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(body.to_vec()).unwrap();
    }
    let mut receiver = world[name].lock().unwrap();
    match receiver.dice.below(12) {
        0 => return receiver.refuse("busy", StatusCode::SERVICE_UNAVAILABLE, r#"{"code":9}"#),
        1 => {
            receiver.fault("throttled");
            let answer = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], r#"{"code":26}"#);
            return answer.into_response();
        }
        _ => {}
    }
    let answer = match (name, path) {
        (_, "services/collector/ack") => receiver.acknowledge(&text),
        ("hec_acknowledged", _) => receiver.accept(&text),
        ("elasticsearch", "_bulk") => receiver.bulk(&text),
        ("hec" | "hec_forgets", "services/collector/event") => receiver.collect(&text, name == "hec_forgets"),
        other => panic!("nobody listens at {other:?}"),
    };
    if receiver.dice.below(12) == 0 && name != "hec_forgets" {
        return receiver.refuse("taken and failed", StatusCode::INTERNAL_SERVER_ERROR, "");
    }
    (StatusCode::OK, answer.to_string()).into_response()
}

impl Receiver {
    /// Writes down that something went wrong.
    fn fault(&mut self, what: &str) {
        writeln!(self.faults, "{what}").unwrap();
    }

    fn refuse(&mut self, what: &str, status: StatusCode, answer: &'static str) -> Response {
        self.fault(what);
        (status, answer).into_response()
    }

    /// Writes down what is kept for ever.
    fn keep(&mut self, line: &str) {
        writeln!(self.kept, "{line}").unwrap();
    }

    /// Splunk takes a batch; one that forgets says so, too.
    fn collect(&mut self, text: &str, forgets: bool) -> Value {
        if forgets && self.dice.below(10) == 0 {
            self.fault("forgotten");
        } else {
            text.lines().for_each(|line| self.keep(line));
        }
        json!({"text": "Success", "code": 0})
    }

    /// Splunk accepts a batch, which its indexers get later, or never; now and then it forgets everything and counts anew.
    fn accept(&mut self, text: &str) -> Value {
        if self.dice.below(40) == 0 {
            self.fault("forgotten");
            self.unindexed.clear();
        }
        let lost = self.dice.below(15) == 0;
        if lost {
            self.fault("lost before it was indexed");
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

    /// Elasticsearch takes each document once by its id, and some of them later.
    fn bulk(&mut self, text: &str) -> Value {
        let (mut items, mut errors) = (Vec::new(), false);
        let mut lines = text.lines();
        while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
            let action: Value = serde_json::from_str(action).unwrap();
            let id = action["create"]["_id"].as_str().unwrap().to_owned();
            let status = if self.dice.below(60) == 0 {
                self.fault("part refused");
                429
            } else if self.ids.insert(id.clone()) {
                self.keep(document);
                201
            } else {
                409
            };
            errors |= status >= 300;
            let error = (status >= 300).then(|| json!({"type": "es_rejected_execution_exception", "reason": "queue"}));
            items.push(json!({"create": {"_id": id, "status": status, "error": error}}));
        }
        json!({"took": 1, "errors": errors, "items": items})
    }
}
