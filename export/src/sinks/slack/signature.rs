//! Whether a request comes from Slack: the check that stands before every button that somebody pressed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::limits::SLACK_SIGNATURE_AGE_MAX;

/// The `action_id` of the button with which somebody takes an alert; its `value` is the alert's id.
pub const ACKNOWLEDGE_ACTION: &str = "tachograph_acknowledge";

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or is not what Slack sends.
    #[error("the signature or its timestamp is not one of Slack's")]
    Malformed,
    /// It is too old, or from the future: it may be a repetition.
    #[error("the request is not recent")]
    NotRecent,
    /// The secret is another one, or the body was changed.
    #[error("the signature does not belong to the body")]
    Wrong,
}

/// Checks `X-Slack-Signature` and `X-Slack-Request-Timestamp` of a request. `now` is in seconds since 1970 UTC. The
/// comparison takes the same time wherever the signatures differ.
pub fn verify_signature(
    secret: &str,
    timestamp: &str,
    body: &[u8],
    signature: &str,
    now: i64,
) -> Result<(), SignatureError> {
    let digits = !timestamp.is_empty() && timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent: i64 = timestamp.parse().ok().filter(|_| digits).ok_or(SignatureError::Malformed)?;
    let mut expected = [0; 32];
    let digits = signature.strip_prefix("v0=").ok_or(SignatureError::Malformed)?;
    hex::decode_to_slice(digits, &mut expected).map_err(|_| SignatureError::Malformed)?;
    if now.abs_diff(sent) > SLACK_SIGNATURE_AGE_MAX.as_secs() {
        return Err(SignatureError::NotRecent);
    }
    // An empty secret would be everybody's.
    if secret.is_empty() {
        return Err(SignatureError::Wrong);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| SignatureError::Wrong)?;
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    mac.verify_slice(&expected).map_err(|_| SignatureError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const NOW: i64 = 1_531_420_618;

    #[test]
    fn slacks_own_example_holds() {
        assert_eq!(verify_signature(SECRET, "1531420618", BODY, SIGNATURE, NOW), Ok(()));
        assert_eq!(verify_signature(SECRET, "1531420618", BODY, SIGNATURE, NOW + 300), Ok(()));
    }

    #[test]
    fn what_is_not_slacks_is_refused() {
        let check =
            |secret: &str, timestamp: &str, body: &[u8], signature: &str, now: i64, expected: SignatureError| {
                assert_eq!(verify_signature(secret, timestamp, body, signature, now), Err(expected));
            };
        check(SECRET, "1531420618", BODY, SIGNATURE, NOW + 301, SignatureError::NotRecent);
        check(SECRET, "1531420618", BODY, SIGNATURE, NOW - 301, SignatureError::NotRecent);
        check("other", "1531420618", BODY, SIGNATURE, NOW, SignatureError::Wrong);
        check("", "1531420618", BODY, SIGNATURE, NOW, SignatureError::Wrong);
        check(SECRET, "1531420619", BODY, SIGNATURE, NOW, SignatureError::Wrong);
        check(SECRET, "1531420618", b"token=other", SIGNATURE, NOW, SignatureError::Wrong);
        for signature in ["", "v0=", "v0=zz", &SIGNATURE[3..], &SIGNATURE[..66], &format!("{SIGNATURE}00")] {
            check(SECRET, "1531420618", BODY, signature, NOW, SignatureError::Malformed);
        }
        for timestamp in ["", "-5", "+1531420618", "99999999999999999999", "now"] {
            check(SECRET, timestamp, BODY, SIGNATURE, NOW, SignatureError::Malformed);
        }
    }
}
