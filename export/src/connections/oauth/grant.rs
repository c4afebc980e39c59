//! What a token is given for: a client's secret (RFC 6749, 4.4), or an assertion that a service account signs (RFC 7523).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;

use crate::connections::http::Request;
use crate::sink::check_url;
use operations::secret::{Secret, SecretError, SecretText};

/// Something that a token is given for.
pub trait Grant: Send + Sync {
    /// The request for a token. Reads the secret.
    fn request(&self) -> Result<Request, SecretError>;
}

/// A client with a secret.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// Where tokens are given out.
    pub url: String,
    /// The client's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What the token is for.
    pub scope: String,
}

impl Grant for ClientCredentials {
    fn request(&self) -> Result<Request, SecretError> {
        let secret = self.client_secret.read()?;
        Ok(form(
            &self.url,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", &self.client_id),
                ("client_secret", secret.expose()),
                ("scope", &self.scope),
            ],
        ))
    }
}

/// A service account, by the key that Google gives out as a JSON file.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Where that file lies.
    pub key: Secret,
    /// What the token is for.
    pub scope: String,
}

/// What counts of the file.
#[derive(Deserialize)]
struct Key {
    client_email: String,
    #[serde(rename = "private_key")]
    pem: String,
    #[serde(rename = "private_key_id")]
    id: Option<String>,
    token_uri: String,
}

/// Seconds for which an assertion is good.
const ASSERTION_SECONDS: u64 = 3_600;

impl Grant for ServiceAccount {
    fn request(&self) -> Result<Request, SecretError> {
        let text = self.key.read()?;
        let unusable = || SecretError::Unusable {
            place: self.key.to_string(),
            expected: "the JSON key of a service account, with an RSA key in it",
        };
        let key: Key = serde_json::from_str(text.expose()).map_err(|_| unusable())?;
        check_url("token_uri", &key.token_uri).map_err(|_| unusable())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let assertion = assertion(&key, &self.scope, now).ok_or_else(unusable)?;
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        Ok(form(&key.token_uri, &[grant, ("assertion", assertion.expose())]))
    }
}

/// A JSON Web Token that says who asks for what, signed with RS256.
fn assertion(key: &Key, scope: &str, now: u64) -> Option<SecretText> {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &key.id {
        header["kid"] = id.as_str().into();
    }
    let claims = json!({"iss": key.client_email, "scope": scope, "aud": key.token_uri, "iat": now, "exp": now + ASSERTION_SECONDS});
    let signed = format!("{}.{}", encode(header), encode(claims));
    let private = PrivateKeyDer::from_pem_slice(key.pem.as_bytes()).ok()?;
    let signer = any_supported_type(&private).ok()?.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()).ok()?);
    Some(SecretText::made(format!("{signed}.{signature}")))
}

/// A POST of a form. Its body is never shown: it holds the secret.
fn form(url: &str, fields: &[(&str, &str)]) -> Request {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", value.bytes().map(percent).collect::<String>());
    let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
    Request::post(url, body.into_bytes()).header("content-type", "application/x-www-form-urlencoded")
}

fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests;
