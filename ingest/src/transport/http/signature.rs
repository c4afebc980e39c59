//! Senders that cannot show a bearer token: how a request proves who sends it, by a signature of its body or by a secret.
//!
//! | type | what proves it | strength |
//! |---|---|---|
//! | `github` | `X-Hub-Signature-256`: HMAC-SHA-256 of the body | nobody else can say anything; the same again is the same record |
//! | `standard_webhooks` | `webhook-signature` over `webhook-id`, `webhook-timestamp` and the body | the same, within a time window |
//! | `basic` | `Authorization: Basic`, a name and a secret | whoever reads a request can send |
//! | `path` | a secret at the end of the path | the weakest: proxies and senders write paths into their logs |
//!
//! Secrets are read anew for each request, and compared in a time that says nothing of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use operations::secret::{Secret, SecretError};
use serde::Deserialize;
use sha2::Sha256;

use super::request::text;
use crate::limits::{
    DELIVERIES_MAX, DELIVERY_ID_BYTES_MAX, SIGNATURE_WINDOW_SECONDS, SIGNATURE_WINDOW_SECONDS_RANGE, SIGNATURES_MAX,
};

/// How the senders of a collector prove who they are, as it stands in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Signature {
    Github { secret: Secret },
    StandardWebhooks { secret: Secret, window_seconds: Option<u64> },
    Basic { username: String, secret: Secret },
    Path { secret: Secret },
}

/// A request that is to be checked against its body.
pub(super) struct Claim {
    /// Over what comes before the body.
    mac: Hmac<Sha256>,
    /// The signatures of which one must be right.
    signatures: Vec<Vec<u8>>,
    /// The sender's id of the delivery, if the signature covers it.
    pub delivery: Option<String>,
}

/// What the head of a request proves.
pub(super) enum Proof {
    /// Who sends it.
    Sender,
    /// Nothing before the body was seen.
    Body(Claim),
}

/// Why a request is not let in.
#[derive(Debug)]
pub(super) enum Refused {
    /// It does not prove who sends it; says what is expected.
    Unproven(&'static str),
    /// The secret cannot be read.
    Secret(SecretError),
}

impl From<SecretError> for Refused {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

/// The key under which secrets are compared: what is compared are their hashes, whose bytes say nothing of them.
const COMPARED_BY: &[u8] = b"tachograph";
/// What the secret of Standard Webhooks begins with, where it is written so.
const WHSEC: &str = "whsec_";

impl Signature {
    /// Whether it is in order; the message says what is not.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Basic { username, .. } if username.is_empty() || username.contains(':') => {
                Err("signature.username: is a name without `:`".to_owned())
            }
            Self::StandardWebhooks { window_seconds: Some(window), .. }
                if !SIGNATURE_WINDOW_SECONDS_RANGE.contains(window) =>
            {
                let (least, most) = (SIGNATURE_WINDOW_SECONDS_RANGE.start(), SIGNATURE_WINDOW_SECONDS_RANGE.end());
                Err(format!("signature.window_seconds: {window} is not between {least} and {most}"))
            }
            _ => Ok(()),
        }
    }

    /// Where its secret lies.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Github { secret }
            | Self::StandardWebhooks { secret, .. }
            | Self::Basic { secret, .. }
            | Self::Path { secret } => secret,
        }
    }

    /// Whether the secret stands in the path.
    pub fn is_in_path(&self) -> bool {
        matches!(self, Self::Path { .. })
    }

    /// How a refused client may prove itself, for `WWW-Authenticate`.
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "Basic",
            _ => "Signature",
        }
    }

    /// What the head of a request proves at this time, in seconds since 1970 UTC. `in_path` is what stands at the end of its path.
    pub fn look(&self, headers: &HeaderMap, in_path: Option<&str>, now: i64) -> Result<Proof, Refused> {
        match self {
            Self::Github { secret } => {
                let refused = Refused::Unproven(
                    "X-Hub-Signature-256 is to be sha256= and the HMAC of the body; is the webhook's secret that of the collector?",
                );
                let digits = text(headers, "x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
                let Some(signature) = digits.and_then(|digits| hex::decode(digits).ok()) else { return Err(refused) };
                let mac = mac(secret.read()?.expose().as_bytes()).ok_or(refused)?;
                Ok(Proof::Body(Claim { mac, signatures: vec![signature], delivery: None }))
            }
            Self::StandardWebhooks { secret, window_seconds } => {
                let window = window_seconds.unwrap_or(SIGNATURE_WINDOW_SECONDS);
                standard(headers, secret, window, now).map(Proof::Body)
            }
            Self::Basic { username, secret } => {
                let refused = Refused::Unproven(
                    "send the header Authorization: Basic with the name and the secret of the collector",
                );
                let shown = basic(headers).ok_or(refused)?;
                let expected = [username, ":", secret.read()?.expose()].concat();
                let refused = "the name or the secret is another one than the collector's";
                if is_same(&shown, expected.as_bytes()) { Ok(Proof::Sender) } else { Err(Refused::Unproven(refused)) }
            }
            Self::Path { secret } => {
                let refused =
                    Refused::Unproven("the path ends in the secret of the collector: /v1/events/{collector}/{secret}");
                let Some(shown) = in_path else { return Err(refused) };
                let is_same = is_same(shown.as_bytes(), secret.read()?.expose().as_bytes());
                if is_same { Ok(Proof::Sender) } else { Err(refused) }
            }
        }
    }
}

/// The claim of a request by Standard Webhooks: `v1,` signatures in base64, one for each secret that the sender has now.
fn standard(headers: &HeaderMap, secret: &Secret, window: u64, now: i64) -> Result<Claim, Refused> {
    let head =
        Refused::Unproven("webhook-id, webhook-timestamp and webhook-signature are to be those of Standard Webhooks");
    let all = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| text(headers, name));
    let [Some(id), Some(stamp), Some(written)] = all else { return Err(head) };
    if id.is_empty() || id.len() > DELIVERY_ID_BYTES_MAX {
        return Err(head);
    }
    let Ok(at) = stamp.parse::<i64>() else { return Err(head) };
    if at.abs_diff(now) > window {
        return Err(Refused::Unproven("webhook-timestamp is too old, or ahead; look at the clocks of both sides"));
    }
    let signatures: Vec<Vec<u8>> = written
        .split(' ')
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .take(SIGNATURES_MAX)
        .collect();
    if signatures.is_empty() {
        return Err(head);
    }
    let text = secret.read()?;
    let key = STANDARD.decode(text.expose().strip_prefix(WHSEC).unwrap_or(text.expose()));
    let expected = "the secret of Standard Webhooks: whsec_ and base64";
    let key = key.map_err(|_| SecretError::Unusable { place: secret.to_string(), expected })?;
    let mut mac = mac(&key).ok_or(head)?;
    for part in [id, ".", stamp, "."] {
        mac.update(part.as_bytes());
    }
    Ok(Claim { mac, signatures, delivery: Some(id.to_owned()) })
}

impl Claim {
    /// Whether the body is the one that was signed.
    pub fn covers(mut self, body: &[u8]) -> bool {
        self.mac.update(body);
        // Each comparison takes the same time, wherever they differ.
        self.signatures.iter().any(|signature| self.mac.clone().verify_slice(signature).is_ok())
    }
}

/// A code under a key; a key of any length is one.
fn mac(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

/// Whether two secrets are the same, in a time that tells nothing of either.
fn is_same(shown: &[u8], expected: &[u8]) -> bool {
    let hashed = |secret: &[u8]| {
        let mut mac = mac(COMPARED_BY)?;
        mac.update(secret);
        Some(mac)
    };
    let both = hashed(shown).zip(hashed(expected));
    both.is_some_and(|(shown, expected)| shown.verify_slice(&expected.finalize().into_bytes()).is_ok())
}

/// Name and password of basic authentication, with the colon between them.
fn basic(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, encoded) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    STANDARD.decode(encoded.trim()).ok()
}

/// The deliveries of a collector that were taken lately: one that comes again within its time window is answered and not recorded again.
/// The newest are remembered, until the next start.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<VecDeque<String>>);

impl Deliveries {
    /// Whether a delivery was taken before.
    pub fn has(&self, id: &str) -> bool {
        self.lock().iter().any(|known| known == id)
    }

    /// Remembers one that was taken whole.
    pub fn add(&self, id: String) {
        let mut known = self.lock();
        if known.len() >= DELIVERIES_MAX {
            known.pop_front();
        }
        known.push_back(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
