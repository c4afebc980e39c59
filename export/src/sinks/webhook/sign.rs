//! Signatures of Standard Webhooks, and the request that has them: `v1` is HMAC-SHA256, `v1a` is Ed25519, both over id, timestamp and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use ledger::Timestamp;

use crate::connections::http::Request;
use operations::secret::{Secret, SecretError};

/// The request of one attempt to deliver a message.
pub fn request(url: &str, secret: &Secret, id: &str, now: Timestamp, body: &[u8]) -> Result<Request, SecretError> {
    let (secrets, timestamp) = (secret.read()?, now.unix_seconds());
    let Some(signature) = signatures(secrets.expose(), id, timestamp, body) else {
        let expected = "whsec_… or whsk_… with 24 to 64 bytes in base64";
        return Err(SecretError::Unusable { place: secret.to_string(), expected });
    };
    let request = Request::post(url, body.to_vec()).header("content-type", "application/json");
    let request = request.header("webhook-id", id).header("webhook-timestamp", timestamp.to_string());
    Ok(request.header("webhook-signature", signature))
}

/// A signature for each secret, separated by spaces; `None` if one of them is no secret. Nothing of them is repeated.
pub fn signatures(secrets: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    let signed: Option<Vec<String>> = secrets.split_whitespace().map(|secret| sign(secret, &content)).collect();
    signed.filter(|signatures| !signatures.is_empty()).map(|signatures| signatures.join(" "))
}

fn sign(secret: &str, content: &[u8]) -> Option<String> {
    if let Some(key) = secret.strip_prefix("whsec_") {
        let key = STANDARD.decode(key).ok().filter(|key| (24..=64).contains(&key.len()))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(content);
        return Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    // The private key is its seed, which some tools write with the public key behind it.
    let key = STANDARD.decode(secret.strip_prefix("whsk_")?).ok().filter(|key| matches!(key.len(), 32 | 64))?;
    let seed: [u8; 32] = key.get(..32)?.try_into().ok()?;
    Some(format!("v1a,{}", STANDARD.encode(SigningKey::from_bytes(&seed).sign(content).to_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, Verifier as _};

    #[test]
    fn the_vector_of_the_reference_libraries_holds() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed =
            signatures(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_secret_signs_and_what_is_none_signs_nothing() {
        let seed = format!("whsk_{}", STANDARD.encode([7; 32]));
        let both = format!("{seed}\nwhsec_{}", STANDARD.encode([1; 24]));
        let signed = signatures(&both, "msg_1", 5, b"{}").unwrap();
        let (asymmetric, symmetric) = signed.split_once(' ').unwrap();
        assert!(symmetric.starts_with("v1,"));
        let signature = STANDARD.decode(asymmetric.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        SigningKey::from_bytes(&[7; 32]).verifying_key().verify(b"msg_1.5.{}", &signature).unwrap();
        for secret in ["", "hunter2", "whsec_!!", "whsec_YQ==", "whsk_YQ=="] {
            assert_eq!(signatures(secret, "msg_1", 5, b"{}"), None, "{secret}");
        }
    }
}
