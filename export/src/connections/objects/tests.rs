//! What goes over the wire to Google Cloud Storage, for which there is no server that others wrote and that knows conditions of its XML interface; S3 and
//! Azure are tried against servers of others, in `tests/objects.rs`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::put;

use super::*;

/// The objects, each with the hash that stands in its metadata.
type Bucket = Arc<Mutex<BTreeMap<String, String>>>;

async fn create(
    State(bucket): State<Bucket>,
    Path(name): Path<String>,
    headers: HeaderMap,
    _: axum::body::Bytes,
) -> axum::response::Response {
    assert_eq!(headers["x-goog-if-generation-match"], "0", "only if there is none");
    assert_eq!(headers["authorization"], "Bearer");
    let mut bucket = bucket.lock().unwrap();
    if bucket.contains_key(&name) {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    bucket.insert(name, headers["x-goog-meta-sha256"].to_str().unwrap().to_owned());
    [("etag", "\"1\"")].into_response()
}

async fn head(State(bucket): State<Bucket>, Path(name): Path<String>) -> axum::response::Response {
    let bucket = bucket.lock().unwrap();
    let Some(sha256) = bucket.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        ("x-goog-meta-sha256", sha256.as_str()),
        ("etag", "\"1\""),
        ("last-modified", "Mon, 30 Nov 2026 10:00:00 GMT"),
    ];
    (headers, "x").into_response()
}

/// Objects that are their records and a byte that says which version packed them.
pub(super) struct AsTheyAre(pub u8);

impl Packing for AsTheyAre {
    fn pack(&self, records: &[u8]) -> Result<Vec<u8>, String> {
        Ok([records, &[self.0]].concat())
    }

    fn records_sha256(&self, packed: &[u8]) -> Option<String> {
        packed.split_last().map(|(_, records)| sha256(records))
    }

    fn content_type(&self) -> &'static str {
        "text/plain"
    }
}

fn object(endpoint: &str, key: &SecretText, records: &[u8]) -> Put {
    let (bucket, endpoint, key) = ("agents".to_owned(), Some(endpoint.to_owned()), Some(key.clone()));
    let store = Store::Gcs(GcsStore { bucket, endpoint, key });
    Put { store, name: "events/0/part-1".to_owned(), records: records.to_vec(), packing: Box::new(AsTheyAre(1)) }
}

#[tokio::test]
async fn an_object_in_google_cloud_storage_is_created_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/agents/{*name}", put(create).get(head).head(head));
    let bucket = Bucket::default();
    tokio::spawn(axum::serve(listener, routes.with_state(bucket.clone())).into_future());
    let account = serde_json::json!({"private_key": "k", "private_key_id": "i", "client_email": "a@acme.example", "disable_oauth": true});
    let key = SecretText::public(&account.to_string());
    let reach = |allow_private: bool| Reach { allow_private, timeout: Duration::from_secs(20), ..Reach::default() };
    let connection = Objects::connect(&reach(true)).unwrap();
    let send = async |records: &[u8]| connection.send(object(&endpoint, &key, records)).await;
    assert!(
        matches!(send(b"abc").await, Ok(Stored::Created(said)) if said.starts_with("created events/0/part-1: 4 bytes"))
    );
    assert!(matches!(send(b"abc").await, Ok(Stored::Had(said)) if said.contains("etag")));
    assert!(matches!(send(b"abd").await, Ok(Stored::Other(what)) if what.contains("events/0/part-1")));
    assert_eq!(bucket.lock().unwrap()["events/0/part-1"], sha256(b"abc"), "nothing was replaced");
    let guarded = Objects::connect(&reach(false)).unwrap().send(object(&endpoint, &key, b"abc")).await;
    assert!(matches!(guarded, Err(SendError::Refused(why)) if why.contains("allow_private")));
}
