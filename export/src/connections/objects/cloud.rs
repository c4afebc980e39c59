//! Objects in the stores of clouds, created by a put that holds only if there is no object of that name.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{Attribute, Attributes, GetOptions, ObjectStore, PutMode, PutOptions, PutPayload, RetryConfig};

use super::requests::{Carrier, Clients, Seen};
use super::{AzureProof, AzureStore, GcsStore, Packed, Reach, S3Store, SendError, Store, Stored};
use crate::connections::excerpt;

/// The name of the metadata with the hash of an object's records.
const RECORDS_SHA256: &str = "sha256";

/// Creates an object, or finds that it is there.
pub async fn put(clients: &Clients, store: &Store, object: &Packed) -> Result<Stored, SendError> {
    let carrier = clients.carrier(store.asks_the_machine());
    // What is wrong with the settings shows when a store is made; nothing is sent then.
    let store = open(store, &carrier, 0).map_err(|error| SendError::Refused(error.to_string()))?;
    let path = Path::parse(&object.name).map_err(|error| SendError::Refused(error.to_string()))?;
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, object.packing.content_type().into());
    attributes.insert(Attribute::Metadata(RECORDS_SHA256.into()), object.records_sha256.clone().into());
    let options = PutOptions { attributes, ..PutOptions::from(PutMode::Create) };
    match store.put_opts(&path, PutPayload::from(object.bytes.clone()), options).await {
        Ok(_) => Ok(object.created(&carrier.seen().attested)),
        Err(object_store::Error::AlreadyExists { .. }) => compare(store.as_ref(), &path, object, &carrier).await,
        Err(error) => answered(&carrier, &error),
    }
}

/// What the object of that name is to us.
async fn compare(
    store: &dyn ObjectStore,
    path: &Path,
    object: &Packed,
    carrier: &Carrier,
) -> Result<Stored, SendError> {
    let conflict = carrier.seen();
    match store.get_opts(path, GetOptions { head: true, ..GetOptions::default() }).await {
        Ok(found) => {
            let metadata = found.attributes.get(&Attribute::Metadata(RECORDS_SHA256.into()));
            if metadata.is_some_and(|sha256| sha256.as_ref() == object.records_sha256) {
                return Ok(object.had(found.meta.size, &carrier.seen().attested));
            }
            let (size, metadata) = (found.meta.size, metadata.map_or("none", |sha256| sha256.as_ref()));
            let what = format!("{size} bytes, sha256 of its records: {}", excerpt(metadata));
            Ok(Stored::Other(format!("{} is there already and holds something else ({what})", object.name)))
        }
        // Another put of that name was under way, and came to nothing.
        Err(object_store::Error::NotFound { .. }) => {
            let (status, said) = conflict.answer.unwrap_or((409, String::new()));
            Ok(Stored::Refused { status: if status == 412 { 409 } else { status }, retry_after: None, said })
        }
        Err(error) => answered(carrier, &error),
    }
}

/// What a request that did not succeed says, by the last answer.
fn answered(carrier: &Carrier, error: &object_store::Error) -> Result<Stored, SendError> {
    match carrier.seen() {
        Seen { failure: Some(failure), .. } => Err(failure),
        Seen { answer: Some((status, said)), retry_after, .. } if status >= 300 => {
            Ok(Stored::Refused { status, retry_after, said })
        }
        Seen { answer: Some(_), .. } => Err(SendError::Uncertain(excerpt(&error.to_string()))),
        Seen { answer: None, .. } => Err(SendError::Refused(excerpt(&error.to_string()))),
    }
}

/// Who knows the key of AWS that the environment has, or that the provider gives this machine or pod. The error says what is wrong with either.
pub fn aws_credentials(region: &str, reach: &Reach) -> Result<AwsCredentialProvider, String> {
    let carrier = Clients::new(reach)?.carrier(true);
    let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    // Credentials belong to no bucket, but whoever finds them wants the name of one.
    let store = AmazonS3Builder::from_env().with_bucket_name("credentials").with_region(region);
    let store = store.with_retry(once).with_http_connector(carrier).build().map_err(|error| error.to_string())?;
    Ok(Arc::clone(store.credentials()))
}

/// A store, whose requests are tried again so often. Whether a put is, is the worker's business.
pub fn open(store: &Store, carrier: &Carrier, retries: usize) -> object_store::Result<Box<dyn ObjectStore>> {
    let retry = RetryConfig { max_retries: retries, ..RetryConfig::default() };
    Ok(match store {
        Store::S3(store) => Box::new(s3(store).with_retry(retry).with_http_connector(carrier.clone()).build()?),
        Store::Gcs(store) => Box::new(gcs(store).with_retry(retry).with_http_connector(carrier.clone()).build()?),
        Store::Azure(store) => Box::new(azure(store).with_retry(retry).with_http_connector(carrier.clone()).build()?),
        Store::Folder(_) => {
            return Err(object_store::Error::NotImplemented {
                operation: "a request over the network".into(),
                implementer: "a folder".into(),
            });
        }
    })
}

fn s3(store: &S3Store) -> AmazonS3Builder {
    let builder = match &store.key {
        Some((id, key, token)) => {
            let builder = AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(key.expose());
            match token {
                Some(token) => builder.with_token(token.expose()),
                None => builder,
            }
        }
        None => AmazonS3Builder::from_env(),
    };
    let builder =
        builder.with_bucket_name(&store.bucket).with_region(&store.region).with_checksum_algorithm(Checksum::SHA256);
    let builder = match &store.kms_key {
        Some(key) => builder.with_sse_kms_encryption(key),
        None => builder,
    };
    match &store.endpoint {
        Some(endpoint) => builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint).with_allow_http(true),
        None => builder,
    }
}

fn gcs(store: &GcsStore) -> GoogleCloudStorageBuilder {
    let builder = match &store.key {
        Some(key) => GoogleCloudStorageBuilder::new().with_service_account_key(key.expose()),
        None => GoogleCloudStorageBuilder::from_env(),
    };
    let builder = builder.with_bucket_name(&store.bucket);
    match &store.endpoint {
        Some(endpoint) => builder.with_base_url(endpoint),
        None => builder,
    }
}

fn azure(store: &AzureStore) -> MicrosoftAzureBuilder {
    let builder = match &store.proof {
        Some(AzureProof::AccessKey(key)) => MicrosoftAzureBuilder::new().with_access_key(key.expose()),
        Some(AzureProof::SharedAccess(query)) => {
            MicrosoftAzureBuilder::new().with_config(AzureConfigKey::SasKey, query.expose())
        }
        None => MicrosoftAzureBuilder::from_env(),
    };
    let builder = builder.with_account(&store.account).with_container_name(&store.container);
    match &store.endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint.clone()).with_allow_http(true),
        None => builder,
    }
}
