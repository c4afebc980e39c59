//! The destinations of a run: what each is promised, and how it is configured in each life of the forwarder.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::fake::{DATADOG, ELASTICSEARCH, LOKI, OTLP, SECOPS, SENTINEL, SUMO, WEBHOOK, WEBHOOK_SECRET};

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

/// Makes the settings of a sink from the address before its receiver, and from what makes a reference to a secret.
type Settings = fn(at: &str, secret: &dyn Fn(&str) -> String) -> Value;

/// A destination of a run. Its name is the sink's, and the first part of the path at the receiver.
pub struct Destination {
    pub name: &'static str,
    pub promise: Promise,
    /// Its own settings; `at` is the address of the proxy before the receiver, and the other makes a reference to a secret.
    pub settings: Settings,
}

/// Every destination. Those whose address begins with that of a vendor stand before the strict receivers of `receivers/fake.rs`.
pub const DESTINATIONS: &[Destination] = &[
    Destination {
        name: "hec",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| json!({"type": "splunk_hec", "url": format!("{at}/hec"), "token": secret("s3cret")}),
    },
    Destination {
        name: "hec_acknowledged",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| {
            json!({"type": "splunk_hec", "url": format!("{at}/hec_acknowledged"), "token": secret("s3cret"), "acknowledge": true,
                "acknowledge_seconds": 1, "acknowledge_poll_ms": 1})
        },
    },
    Destination {
        name: "hec_forgets",
        promise: Promise::Forgets,
        settings: |at, secret| json!({"type": "splunk_hec", "url": format!("{at}/hec_forgets"), "token": secret("s3cret")}),
    },
    Destination {
        name: "elasticsearch",
        promise: Promise::Once,
        settings: |at, secret| json!({"type": "elasticsearch", "url": format!("{at}{ELASTICSEARCH}"), "api_key": secret("hunter2")}),
    },
    Destination {
        name: "otlp",
        promise: Promise::AtLeastOnce,
        settings: |at, _| json!({"type": "otlp", "url": format!("{at}{OTLP}")}),
    },
    Destination {
        name: "loki",
        promise: Promise::AtLeastOnce,
        settings: |at, _| json!({"type": "loki", "url": format!("{at}{LOKI}"), "tenant": "security"}),
    },
    Destination {
        name: "datadog",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| json!({"type": "datadog", "url": format!("{at}{DATADOG}"), "api_key": secret("hunter2")}),
    },
    Destination {
        name: "sumo_logic",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| json!({"type": "sumo_logic", "source": secret(&format!("{at}{SUMO}")), "category": "security/tachograph"}),
    },
    Destination {
        name: "sentinel",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| {
            json!({"type": "sentinel", "url": format!("{at}{SENTINEL}"), "rule": "dcr-1", "authority": format!("{at}{SENTINEL}"),
                "tenant": "tenant-1", "client_id": "client-1", "client_secret": secret("hunter2")})
        },
    },
    Destination {
        name: "secops",
        promise: Promise::AtLeastOnce,
        settings: |at, secret| {
            let key = json!({"client_email": "siem@acme.example", "token_uri": format!("{at}{SECOPS}/token"),
                "private_key": include_str!("../receivers/rsa.pem")});
            json!({"type": "secops", "url": format!("{at}{SECOPS}"), "project": "acme", "location": "eu", "instance": "i-1",
                "credentials": secret(&key.to_string())})
        },
    },
    Destination {
        name: "webhook_events",
        promise: Promise::Once,
        settings: |at, secret| json!({"type": "webhook_events", "url": format!("{at}{WEBHOOK}"), "secret": secret(WEBHOOK_SECRET)}),
    },
];

/// Writes the configuration of the next life. With dice it is another one each time, as after a reload: a sink stands still, others take
/// more or fewer batches at once. The last life has all of them.
pub fn configure(folder: &Path, mut dice: Option<&mut Dice>) {
    let addresses: Map<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("addresses")).unwrap()).unwrap();
    let sinks: Vec<Value> = DESTINATIONS
        .iter()
        .map(|Destination { name, settings, .. }| {
            let secret = |text: &str| {
                let path = folder.join(format!("{name}.secret"));
                std::fs::write(&path, text).unwrap();
                format!("file:{}", path.display())
            };
            let mut sink = settings(&format!("http://{}", addresses[*name].as_str().unwrap()), &secret);
            sink["name"] = (*name).into();
            sink["allow_private"] = true.into();
            sink["timeout_seconds"] = 1.into();
            if let Some(dice) = &mut dice {
                sink["paused"] = (dice.below(5) == 0).into();
                let takes_several = matches!(*name, "hec" | "hec_acknowledged" | "hec_forgets" | "elasticsearch");
                if takes_several && dice.below(2) == 0 {
                    sink["in_flight"] = (1 + dice.below(16)).into();
                }
            }
            sink
        })
        .collect();
    std::fs::write(folder.join("config"), json!({ "sinks": sinks }).to_string()).unwrap();
}
