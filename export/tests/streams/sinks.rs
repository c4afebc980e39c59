//! The destinations of a run: what each is promised, and how it is configured in each life of the forwarder.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// What is promised of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Nothing is lost, and nothing is doubled.
    Once,
    /// Nothing is lost, and what is doubled is the same.
    AtLeastOnce,
    /// It says yes and keeps nothing, now and then: what it forgot is named.
    Forgets,
}

/// A destination of a run. Its name is the sink's, and the first part of the path at the receiver.
pub struct Destination {
    pub name: &'static str,
    pub promise: Promise,
    /// Its own settings; `at` is the address of the proxy before the receiver, without a scheme.
    pub settings: fn(at: &str, secret: &str) -> Value,
}

/// Every destination.
pub const DESTINATIONS: &[Destination] = &[
    Destination {
        name: "hec",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| json!({"type": "splunk_hec", "url": format!("http://{at}/hec"), "token": secret}),
    },
    Destination {
        name: "hec_acknowledged",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| {
            json!({"type": "splunk_hec", "url": format!("http://{at}/hec_acknowledged"), "token": secret, "acknowledge": true,
                "acknowledge_seconds": 1, "acknowledge_poll_ms": 1})
        },
    },
    Destination {
        name: "hec_forgets",
        promise: Promise::Forgets,
        settings: |at, secret| json!({"type": "splunk_hec", "url": format!("http://{at}/hec_forgets"), "token": secret}),
    },
    Destination {
        name: "elasticsearch",
        promise: Promise::Once,
        settings: |at, secret| json!({"type": "elasticsearch", "url": format!("http://{at}/elasticsearch"), "api_key": secret}),
    },
];

/// Writes the configuration of the next life. With dice it is another one each time, as after a reload: a sink stands still, others take
/// more or fewer batches at once. The last life has all of them.
pub fn configure(folder: &Path, mut dice: Option<&mut Dice>) {
    let addresses: Map<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("addresses")).unwrap()).unwrap();
    let secret = folder.join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    let secret = format!("file:{}", secret.display());
    let sinks: Vec<Value> = DESTINATIONS
        .iter()
        .map(|Destination { name, settings, .. }| {
            let mut sink = settings(addresses[*name].as_str().unwrap(), &secret);
            sink["name"] = (*name).into();
            sink["allow_private"] = true.into();
            sink["timeout_seconds"] = 1.into();
            if let Some(dice) = &mut dice {
                sink["paused"] = (dice.below(5) == 0).into();
                if dice.below(2) == 0 {
                    sink["in_flight"] = 1.into();
                }
            }
            sink
        })
        .collect();
    std::fs::write(folder.join("config"), json!({ "sinks": sinks }).to_string()).unwrap();
}
