//! The requests for tokens, with a key that was made for this test and opens nothing.

use super::*;
use crate::hash::sha256;

/// An RSA key of 2,048 bits in PKCS #8.
const KEY: &str = include_str!("../../../../tests/receivers/rsa.pem");

fn secret(dir: &tempfile::TempDir, text: &str) -> Secret {
    std::fs::write(dir.path().join("s"), text).unwrap();
    Secret::File(dir.path().join("s"))
}

#[test]
fn an_assertion_is_signed_as_openssl_signs_it() {
    let key = Key {
        client_email: "siem@acme.example".to_owned(),
        pem: KEY.to_owned(),
        id: Some("key-1".to_owned()),
        token_uri: "https://issuer.acme.example/token".to_owned(),
    };
    let assertion = assertion(&key, "scope-1", 1_763_750_000).unwrap();
    // The hash of what `openssl dgst -sha256 -sign` made of the same header and claims: such signatures have no randomness.
    assert_eq!(
        sha256(assertion.expose().as_bytes()),
        "c3c4662defbd4307707be448c48391122f0dce40c1ae1f1daa5647cae4ba20ba"
    );
}

#[test]
fn a_service_account_asks_where_its_key_says() {
    let dir = tempfile::tempdir().unwrap();
    let of = |key: &str| ServiceAccount { key: secret(&dir, key), scope: "scope-1".to_owned() }.request();
    let file = json!({"type": "service_account", "client_email": "siem@acme.example", "private_key": KEY,
        "token_uri": "https://issuer.acme.example/token"});
    let request = of(&file.to_string()).unwrap();
    assert_eq!(request.shown_url, "https://issuer.acme.example/token");
    let body = String::from_utf8(request.body).unwrap();
    assert!(
        body.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ"),
        "{body}"
    );
    let mut broken = file.clone();
    broken["private_key"] = "hunter2".into();
    let mut elsewhere = file;
    elsewhere["token_uri"] = "ftp://a".into();
    for key in ["hunter2".to_owned(), "{}".to_owned(), broken.to_string(), elsewhere.to_string()] {
        let error = of(&key).err().unwrap().to_string();
        assert!(error.contains("JSON key of a service account") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_client_asks_with_its_secret_in_the_body_only() {
    use crate::connections::Payload as _;
    let dir = tempfile::tempdir().unwrap();
    let client = ClientCredentials {
        url: "https://login.acme.example/t/oauth2/v2.0/token".to_owned(),
        client_id: "c".to_owned(),
        client_secret: secret(&dir, "hunter2&=ä"),
        scope: "https://monitor.azure.com/.default".to_owned(),
    };
    let request = client.request().unwrap();
    assert!(!request.shown(b"").contains("hunter2"));
    let expected = "grant_type=client_credentials&client_id=c&client_secret=hunter2%26%3D%C3%A4&scope=https%3A%2F%2Fmonitor.azure.com%2F.default";
    assert_eq!(String::from_utf8(request.body).unwrap(), expected);
}
