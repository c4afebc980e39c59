//! The profile `record_integrity` of OCSF 1.9: each record names the one before it in its stream and its fingerprint, so that the receiver's
//! copy alone shows whether a record is missing, changed or doubled. `deploy/verify_ocsf_chain.py` checks it.
//!
//! The fingerprint is the SHA-256 of the canonical form of the whole event without that attestation's own `fingerprint`. The event goes out
//! in that form, too.

use operations::kind::export::Link;
use serde_json::{Map, Value, json};

use super::canonical;
use crate::hash::sha256;
use crate::schemas::Context;

const LIST: &str = "attestation_list";

/// The event as text with its attestation, and what the next one refers to.
pub fn attest(event: &Map<String, Value>, uid: &str, type_uid: u64, context: &Context<'_>) -> (String, Link) {
    let mut attestation = Map::new();
    attestation.insert("authority_uid".into(), authority(context.chain).into());
    attestation.insert("chain_uid".into(), context.chain.into());
    if let Some(Link { uid, type_uid, fingerprint }) = context.previous {
        let previous = json!({"uid": uid, "type_uid": type_uid, "fingerprint": object(fingerprint)});
        attestation.insert("prev_event".into(), previous);
    }
    let (before, after) = around(event);
    let text = |attestation: &Map<String, Value>| {
        let mut text = format!("{{{before}\"{LIST}\":[{{");
        canonical::write_members(&canonical::members(attestation), &mut text);
        text.push_str("}]");
        text.push_str(&after);
        text.push('}');
        text
    };
    let fingerprint = sha256(text(&attestation).as_bytes());
    attestation.insert("fingerprint".into(), object(&fingerprint));
    (text(&attestation), Link { uid: uid.to_owned(), type_uid, fingerprint })
}

/// What stands before the attestation and after it in the canonical form of the event.
fn around(event: &Map<String, Value>) -> (String, String) {
    let members = canonical::members(event);
    let (first, last) = members.split_at(members.partition_point(|(name, _)| name.as_str() < LIST));
    let (mut before, mut after) = (String::new(), String::new());
    canonical::write_members(first, &mut before);
    if !first.is_empty() {
        before.push(',');
    }
    if !last.is_empty() {
        after.push(',');
    }
    canonical::write_members(last, &mut after);
    (before, after)
}

/// Who vouches for the chain: the origin of the log, which stands before the ledger, its shard, the generation and the sink.
fn authority(chain: &str) -> &str {
    chain.rsplitn(5, '/').nth(4).unwrap_or(chain)
}

fn object(value: &str) -> Value {
    json!({"algorithm_id": 3, "algorithm": "SHA-256", "encoding_id": 1, "encoding": "Hex", "serialization_id": 2,
        "serialization": "JCS", "value": value})
}
