//! What a provider that misbehaves can try: ID tokens that are not for us, endpoints that lead elsewhere, answers without end. It is a
//! small one of our own, since a real one does nothing of this; `tests/browser/oidc.test.mjs` asks a real one.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ledger::{SystemClock, TimeSource};
use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;

/// What the provider says next.
struct Says {
    document: Value,
    keys: Value,
    tokens: (StatusCode, Value),
    user_info: Value,
    /// Paths that were asked for, with the body.
    asked: Vec<(&'static str, String, HeaderMap)>,
}

type Shared = Arc<Mutex<Says>>;

/// Makes an ID token of honest claims.
type MadeToken = Box<dyn FnOnce(&World, Value) -> String>;

/// A provider and our connection to it.
struct World {
    says: Shared,
    key: KeyPair,
    issuer: String,
    connection: Connection,
    _directory: tempfile::TempDir,
}

const SECRET: &str = "hunter2";

fn answer(
    says: &Shared,
    path: &'static str,
    body: &Bytes,
    headers: HeaderMap,
    of: fn(&Says) -> (StatusCode, Value),
) -> Response {
    let mut says = says.lock().unwrap();
    says.asked.push((path, String::from_utf8_lossy(body).into_owned(), headers));
    let (status, body) = of(&says);
    match body.as_str() {
        Some("redirect") => Redirect::temporary("/me").into_response(),
        Some("endless") => axum::body::Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096]))
        }))
        .into_response(),
        _ => (status, Json(body)).into_response(),
    }
}

fn router(says: Shared) -> Router {
    let document = |State(says): State<Shared>, headers: HeaderMap| async move {
        answer(&says, "document", &Bytes::new(), headers, |says| (StatusCode::OK, says.document.clone()))
    };
    let keys = |State(says): State<Shared>, headers: HeaderMap| async move {
        answer(&says, "keys", &Bytes::new(), headers, |says| (StatusCode::OK, says.keys.clone()))
    };
    let tokens = |State(says): State<Shared>, headers: HeaderMap, body: Bytes| async move {
        if says.lock().unwrap().tokens.1 == "silent" {
            std::future::pending::<()>().await;
        }
        answer(&says, "tokens", &body, headers, |says| says.tokens.clone())
    };
    let user_info = |State(says): State<Shared>, headers: HeaderMap| async move {
        answer(&says, "me", &Bytes::new(), headers, |says| (StatusCode::OK, says.user_info.clone()))
    };
    Router::new()
        .route("/.well-known/openid-configuration", get(document))
        .route("/keys", get(keys))
        .route("/tokens", post(tokens))
        .route("/me", get(user_info))
        .with_state(says)
}

fn jwk(key: &KeyPair, kid: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(key.public_key_raw()), "kid": kid, "use": "sig", "alg": "EdDSA"})
}

impl World {
    async fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/tokens"),
            "userinfo_endpoint": format!("{issuer}/me"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // It announces too much: none and MACs are not taken for that.
            "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
        });
        let keys = json!({ "keys": [jwk(&key, "k1")] });
        let tokens = (StatusCode::OK, Value::Null);
        let says = Arc::new(Mutex::new(Says { document, keys, tokens, user_info: Value::Null, asked: Vec::new() }));
        tokio::spawn(axum::serve(listener, router(Arc::clone(&says))).into_future());
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let text = format!(
            "name = \"Acme\"\nissuer = \"{issuer}\"\nclient_id = \"tachograph\"\nclient_secret = \"file:{}\"\nconsole = \"http://127.0.0.1:7070\"\n\
             [[grant]]\ngroup = \"sec\"\nroles = [\"analyst\"]\n",
            secret.display()
        );
        let connection = Connection::of(&toml::from_str(&text).unwrap()).unwrap();
        Self { says, key, issuer, connection, _directory: directory }
    }

    fn change(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    fn asked(&self, path: &str) -> usize {
        self.says.lock().unwrap().asked.iter().filter(|(asked, ..)| *asked == path).count()
    }

    /// The claims of an honest token of a login.
    fn claims(&self, keys: &Keys) -> Value {
        let now = SystemClock.now().unix_seconds();
        json!({
            "iss": self.issuer, "sub": "7", "aud": "tachograph", "iat": now, "exp": now + 60, "nonce": keys.nonce,
            "preferred_username": "ada", "groups": ["sec"],
        })
    }

    /// Logs in with an ID token that is made of honest claims.
    async fn login(&self, token: impl FnOnce(&Self, Value) -> String) -> Result<Identity, ProviderError> {
        let keys = self.connection.begin("state").await.unwrap_or_else(|error| panic!("{error}")).keys;
        let token = token(self, self.claims(&keys));
        self.change(|says| {
            says.tokens.1 = json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": token});
        });
        self.finish(keys).await
    }

    async fn finish(&self, keys: Keys) -> Result<Identity, ProviderError> {
        self.connection.finish(keys, Answer { code: "code".to_owned(), issuer: None }).await
    }
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn honest(world: &World, claims: &Value) -> String {
    signed(&world.key, &json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"}), claims)
}

fn mac(key: &[u8], claims: &Value) -> String {
    let text = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k1"})), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn an_honest_token_says_who_it_is_and_what_was_sent_for_it_is_as_it_should_be() {
    let world = World::new().await;
    let begun = world.connection.begin("the-state").await.unwrap_or_else(|error| panic!("{error}"));
    let address = Url::parse(&begun.address).unwrap();
    let asked: std::collections::BTreeMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!((asked["state"].as_str(), asked["scope"].as_str()), ("the-state", "openid profile email"));
    assert_eq!(asked["redirect_uri"], "http://127.0.0.1:7070/login/oidc/callback");
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.keys.verifier));
    assert_eq!((&asked["code_challenge"], asked["code_challenge_method"].as_str()), (&challenge, "S256"));
    assert_eq!(asked["nonce"], begun.keys.nonce);
    assert!(!begun.address.contains(&begun.keys.verifier) && !begun.address.contains(SECRET));

    let identity = world.login(|world, claims| honest(world, &claims)).await.unwrap();
    let expected = Identity {
        issuer: world.issuer.clone(),
        subject: "7".to_owned(),
        shown: Some("ada".to_owned()),
        groups: vec!["sec".to_owned()],
    };
    assert_eq!(identity, expected);
    assert_eq!(world.asked("me"), 0, "nobody is asked for what is known");
    let says = world.says.lock().unwrap();
    let (_, body, headers) = says.asked.iter().find(|(path, ..)| *path == "tokens").unwrap();
    let basic = BASE64_STANDARD.encode(format!("tachograph:{SECRET}"));
    assert_eq!(headers["authorization"], format!("Basic {basic}"));
    assert!(body.contains("code_verifier=") && !body.contains(SECRET), "{body}");
}

#[tokio::test]
async fn a_token_that_is_not_the_providers_for_us_and_this_login_lets_nobody_in() {
    let world = World::new().await;
    let stranger = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let with = |name: &'static str, value: Value| {
        move |world: &World, mut claims: Value| {
            claims[name] = value;
            honest(world, &claims)
        }
    };
    let without = |name: &'static str| {
        move |world: &World, mut claims: Value| {
            claims.as_object_mut().unwrap().remove(name);
            honest(world, &claims)
        }
    };
    let check = async |token: MadeToken, says: &str| {
        let refused = world.login(token).await.unwrap_err();
        let ProviderError::Refused(text) = &refused else { panic!("{refused:?}, not {says}") };
        assert!(text.contains(says), "{text}, not {says}");
        assert!(!text.contains("eyJ") && !text.contains("evil"), "{text}");
    };
    check(Box::new(with("nonce", json!("evil"))), "another login").await;
    check(Box::new(without("nonce")), "another login").await;
    check(Box::new(with("aud", json!("evil"))), "audience").await;
    check(Box::new(with("aud", json!(["tachograph", "evil"]))), "audience").await;
    check(Box::new(with("aud", json!([]))), "audience").await;
    check(Box::new(with("azp", json!("evil"))), "audience").await;
    check(Box::new(with("iss", json!("https://evil.example"))), "issuer").await;
    check(Box::new(with("exp", json!(1_700_000_000))), "expired").await;
    check(Box::new(with("at_hash", json!("evil"))), "hash").await;
    check(Box::new(without("exp")), "holds no tokens").await;
    check(Box::new(without("sub")), "holds no tokens").await;
    let header = |alg: &'static str, kid: &'static str| json!({"alg": alg, "kid": kid});
    check(Box::new(move |_, claims| signed(&stranger, &header("EdDSA", "k1"), &claims)), "signature is wrong").await;
    check(Box::new(move |world, claims| signed(&world.key, &header("EdDSA", "k2"), &claims)), "none of the provider's")
        .await;
    check(Box::new(move |world, claims| signed(&world.key, &header("RS256", "k1"), &claims)), "algorithm").await;
    check(Box::new(move |_, claims| format!("{}.{}.", part(&header("none", "k1")), part(&claims))), "not signed").await;
    check(Box::new(move |_, claims| format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims))), "not signed")
        .await;
    check(Box::new(|_, claims| mac(SECRET.as_bytes(), &claims)), "algorithm").await;
    check(Box::new(|world, claims| mac(world.key.public_key_raw(), &claims)), "algorithm").await;
    let changed = |world: &World, claims: Value| {
        let token = honest(world, &claims);
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        parts[1] = part(
            &json!({"iss": world.issuer, "sub": "evil", "aud": "tachograph", "iat": claims["iat"], "exp": claims["exp"], "nonce": claims["nonce"]}),
        );
        parts.join(".")
    };
    check(Box::new(changed), "signature is wrong").await;
    check(Box::new(|_, _| "eyJ.evil".to_owned()), "holds no tokens").await;
    assert!(world.login(|world, claims| honest(world, &claims)).await.is_ok(), "an honest one still is believed");
}

#[tokio::test]
async fn groups_come_from_the_userinfo_endpoint_about_the_same_person_only() {
    let world = World::new().await;
    let bare = |world: &World, mut claims: Value| {
        claims.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "groups" | "preferred_username"));
        honest(world, &claims)
    };
    world.change(|says| says.user_info = json!({"sub": "7", "groups": ["sec", "x"], "preferred_username": "ada"}));
    let identity = world.login(bare).await.unwrap();
    assert_eq!(
        (identity.shown.as_deref(), identity.groups.as_slice()),
        (Some("ada"), &["sec".to_owned(), "x".to_owned()][..])
    );
    world.change(|says| says.user_info = json!({"sub": "8", "groups": ["sec"]}));
    assert!(matches!(world.login(bare).await, Err(ProviderError::Refused(text)) if text.contains("subject")));
    world.change(|says| says.user_info = json!("endless"));
    assert!(matches!(world.login(bare).await, Err(ProviderError::Unavailable(text)) if text.contains("more than")));
}

#[tokio::test]
async fn what_the_token_endpoint_does_instead_is_told_without_what_was_sent() {
    let world = World::new().await;
    let check = async |status: StatusCode, said: Value, is_refused: bool, says: &str| {
        let keys = world.connection.begin("state").await.unwrap_or_else(|error| panic!("{error}")).keys;
        world.change(|state| state.tokens = (status, said));
        let error = world.finish(keys).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}, not {says}");
        assert_eq!(matches!(error, ProviderError::Refused(_)), is_refused, "{text}");
        assert!(!text.contains(SECRET) && !text.contains("evil"), "{text}");
    };
    let bad = StatusCode::BAD_REQUEST;
    check(bad, json!({"error": "invalid_grant", "error_description": "evil"}), true, "begin again").await;
    check(bad, json!({"error": "invalid_client", "error_description": SECRET}), false, "(invalid_client)").await;
    check(bad, json!({"error": "evil <b>"}), false, "an error without a name").await;
    check(StatusCode::INTERNAL_SERVER_ERROR, json!({"evil": SECRET}), true, "holds no tokens").await;
    check(StatusCode::OK, json!({"access_token": "evil", "token_type": "Bearer"}), true, "no ID token").await;
    check(StatusCode::OK, json!("redirect"), false, "not followed").await;
    assert_eq!(world.asked("me"), 0);
    check(StatusCode::OK, json!("endless"), false, "more than").await;
    let keys = world.connection.begin("state").await.unwrap_or_else(|error| panic!("{error}")).keys;
    world.change(|says| says.tokens.1 = json!("silent"));
    // Where everybody waits, the time limit is there at once.
    tokio::time::pause();
    let error = world.finish(keys).await.unwrap_err().to_string();
    assert!(error.contains("no answer within 10 s"), "{error}");
}

#[tokio::test]
async fn a_provider_that_says_what_cannot_be_is_not_asked_further_and_not_asked_at_any_rate() {
    let check = async |change: fn(&mut Value), says: &str| {
        let world = World::new().await;
        world.change(|says| change(&mut says.document));
        let Err(error) = world.connection.begin("state").await else { panic!("{says}") };
        let text = error.to_string();
        assert!(matches!(error, ProviderError::Unavailable(_)) && text.contains(says), "{text}, not {says}");
        assert!(text.contains("tachograph login"), "{text}");
        assert_eq!(world.asked("tokens"), 0);
    };
    check(|document| document["issuer"] = json!("https://evil.example"), "another issuer").await;
    check(|document| document["jwks_uri"] = json!("http://192.0.2.1/keys"), "without TLS").await;
    check(|document| document["authorization_endpoint"] = json!("http://evil.example/auth"), "without TLS").await;
    check(|document| document["authorization_endpoint"] = json!("javascript:alert(1)"), "without TLS").await;
    check(
        |document| document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]),
        "client_secret_post",
    )
    .await;
    check(|document| *document = json!("redirect"), "not followed").await;
    check(|document| *document = json!("endless"), "more than").await;
    check(|document| *document = json!([]), "no discovery document").await;

    let world = World::new().await;
    world.change(|says| says.document = json!([]));
    for _ in 0..20 {
        assert!(world.connection.begin("state").await.is_err());
    }
    assert_eq!(world.asked("document"), 1);
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for_at_a_bounded_rate() {
    let world = World::new().await;
    let new = |world: &World, claims: Value| signed(&world.key, &json!({"alg": "EdDSA", "kid": "k2"}), &claims);
    assert!(world.login(new).await.is_err());
    assert_eq!(world.asked("keys"), 1, "the keys were just read");
    world.change(|says| says.keys["keys"][0]["kid"] = json!("k2"));
    let keys = world.connection.begin("state").await.unwrap_or_else(|error| panic!("{error}")).keys;
    let token = new(&world, world.claims(&keys));
    world.change(|says| says.tokens.1 = json!({"access_token": "at", "token_type": "Bearer", "id_token": token}));
    tokio::time::pause();
    tokio::time::advance(limits::OIDC_KEYS_AGE_MIN + Duration::from_secs(1)).await;
    tokio::time::resume();
    let identity = world.finish(keys).await;
    assert!(identity.is_ok(), "{identity:?}");
    assert_eq!(world.asked("keys"), 2);
}

#[tokio::test]
async fn an_answer_that_must_name_its_provider_does_and_a_changed_configuration_takes_none() {
    let world = World::new().await;
    world.change(|says| says.document["authorization_response_iss_parameter_supported"] = json!(true));
    let refused = world.login(|world, claims| honest(world, &claims)).await.unwrap_err();
    assert!(refused.to_string().contains("which provider"), "{refused}");
    let mut keys = world.connection.begin("state").await.unwrap_or_else(|error| panic!("{error}")).keys;
    keys.issuer = "https://other.example".to_owned();
    let refused = world.finish(keys).await.unwrap_err();
    assert!(refused.to_string().contains("has changed meanwhile"), "{refused}");
}
