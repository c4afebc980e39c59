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
    let fingerprint = sha256(text(event, &attestation).as_bytes());
    attestation.insert("fingerprint".into(), object(&fingerprint));
    (text(event, &attestation), Link { uid: uid.to_owned(), type_uid, fingerprint })
}

/// The event with this attestation in its canonical form.
fn text(event: &Map<String, Value>, attestation: &Map<String, Value>) -> String {
    let members = canonical::members(event);
    let (before, after) = members.split_at(members.partition_point(|(name, _)| name.as_str() < LIST));
    let mut text = "{".to_owned();
    canonical::write_members(before, &mut text);
    text.push_str(if before.is_empty() { "" } else { "," });
    text.push_str("\"attestation_list\":[{");
    canonical::write_members(&canonical::members(attestation), &mut text);
    text.push_str(if after.is_empty() { "}]" } else { "}]," });
    canonical::write_members(after, &mut text);
    text.push('}');
    text
}

/// Who vouches for the chain: the origin of the log, which stands before the ledger, its shard and the sink.
fn authority(chain: &str) -> &str {
    chain.rsplitn(4, '/').nth(3).unwrap_or(chain)
}

fn object(value: &str) -> Value {
    json!({"algorithm_id": 3, "algorithm": "SHA-256", "encoding_id": 1, "encoding": "Hex", "serialization_id": 2,
        "serialization": "JCS", "value": value})
}
