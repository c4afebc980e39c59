//! The requests for tokens, with a key that was made for this test and opens nothing.

use super::*;
use crate::hash::sha256;

/// An RSA key of 2,048 bits in PKCS #8, as Base64.
const KEY: [&str; 14] = [
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCPvFYD7XY915rNFNmNRCQvGrbXWvjaE3KAOn75iapjiWYJ6MECkAgj+prJf+LixLap62FZ",
    "ppX4wxYggtfKA9KKdcydSS/O85CtSBnBmeMOd2yOnK0Ps011/jXsDJwCrsVTJwV7Qpm+WKZs0NsJw8+oROhiMhZdDDdxvv6Hgw0QNnteFB7Lu/5llxnoiGSd",
    "mSVfeWnaC8Y16hpmP/hIitMzB10G32Z1/bYG4yinVj6it0eNp9VHX40FHl+ePcr3xMgc+PpTVJe0MjGLKFjqNGKuTuzJfVicn77DNLMUIU7LpaJeJBlIFBPV",
    "jqOiIGJ73p3gDJKczFJf06ut48FY0ULBAgMBAAECggEAR44o/BeRT8QwCnyguVT89n5EG/3r+RTJYdC9OZkxPBBAvhojTBVMGC1ANaP23ZG0pe7KLglii88D",
    "CvhYWPeCLu/qBztSE6LpmXpVaC4l/SOy5WRWO4S1wVHmoja8zBEZpwW8EtrbEwmrAG0RPlE+5bQ4Q/pPa88TIwtER04UiMb3lDf+PdCPxwxmh1QtX7Nz303X",
    "jgMurv0SxIRFOiqoF78j9/jrLwPUDEcrkIiI3HAloVBXLnTzZh6eN+wBYcbkAI784eo4H7abtKEfJmu7kXQRMkhRqKJJ9St3gC2gdDxIRgTCt87/uc+0y9wJ",
    "n/IXmyWcUgxigkJU58/0I6/DaQKBgQDGllWYoNTZdM4xTc1PoXMSrNLm3dWQL33X2jfMVle365KIHxleEN6fLkVBwP4EYLvRlIO0IArp65eIC/Gbxk7mYuR7",
    "/wsZZNUVCnzTgqzIyrhC0Qz2IBcbHeZbHvjpyR7c/DRtJovWjZHyM5XPE9A6lLKYsGYN9j+BBGJUPHbIswKBgQC5SmBMt42SYvs9STc9USKzz9+Afbxth6gd",
    "b66lI8ZWF+WalNhCTX7a9fgHMsTP7hRddwfYyXQ6b0Xu4xVbw1csGbCUmzH0HjEY1iCrzwytiwUjOkJfj2GnNlhlxTDtNeZKVNMO6fstuRtSMcF5Vyw5SkZZ",
    "NstjesGKq7osKQS4uwKBgHnLRd//88sSiktOzjaibDLt78NMFmkB14qE+WfHJLFWN15oxGQesIqsFCnJtYD12vskvMnCRS9GIH9948aID2fZCwzJVQNUBiOL",
    "dRc7s8DKI8xG7k4dTE6DPf5wtnSbtuQNghHXbDhAR1xmKuD/49upywc+WLkDZ9s21x+WnbtlAoGAObRaDUpUwrQkvk9g7q2n+wvP9TozRoEq8A/p+fAMQp+q",
    "l9unBe8QhKx5k/RRqtfga8M4JGGI2vHwe5co/az2JvvRLFaw1e/ZJnz5K8iNkDZtYS0xooUKyoJ4QSmKNTXGBHwqRsjDutedFJn+QQXO9gCVrA8OhGqkf8U/",
    "c6VKnSUCgYBsVo2Qq7MLqQZhTtEdA0EkQnKAWw38pe0V1b8/SVAx7gGHPcslGTH+V7AiNfOvBHWIrAPiDKwrHOvI8HLX1npbGKpozM1W6hDemPZ7v/0ECR5x",
    "iv7IcwGTbHUVqDFfueNvBZMf4WPisd6D59dkvLe4hZbfhbkPTTAzyYYR4qdejg==",
];

fn secret(dir: &tempfile::TempDir, text: &str) -> Secret {
    std::fs::write(dir.path().join("s"), text).unwrap();
    Secret::File(dir.path().join("s"))
}

fn private_key() -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", KEY.join("\n"))
}

#[test]
fn an_assertion_is_signed_as_openssl_signs_it() {
    let key = Key {
        client_email: "siem@acme.example".to_owned(),
        private_key: private_key(),
        private_key_id: Some("key-1".to_owned()),
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
    let file = json!({"type": "service_account", "client_email": "siem@acme.example", "private_key": private_key(),
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
