//! Object stores and folders: one object for each message, under a name that follows from its records, created once and never replaced. What is in
//! an object is the business of `streams::objects`.
//!
//! An object that is there already is compared by the hash of its records: a process that was killed after it created the object, and before that
//! was on record, finds its own. `object_store` signs and words the requests; they go over the HTTP client of the other sinks, so certificates,
//! the check of addresses and the ban of redirects are the same.

mod cloud;
mod folder;
mod read;
mod requests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Answer, Connection, Payload, Protocol, Reach, SendError, excerpt};
use crate::hash::sha256;
pub use cloud::aws_credentials;
use operations::secret::SecretText;
use requests::Clients;

pub use read::Archive;

/// Puts, and what stores say to them.
pub struct Objects;

impl Protocol for Objects {
    type Payload = Put;
    type Answer = Stored;
}

/// An object that is to be created.
pub struct Put {
    /// Where.
    pub store: Store,
    /// Its name: parts of plain characters with `/` between them.
    pub name: String,
    /// Its records, one after the other.
    pub records: Vec<u8>,
    /// What makes an object of them.
    pub packing: Box<dyn Packing>,
}

/// What makes an object of records: a pure function of them.
pub trait Packing: Send + Sync {
    /// The bytes of the object.
    fn pack(&self, records: &[u8]) -> Result<Vec<u8>, String>;

    /// SHA-256 of the records in such an object, in hexadecimal, if it is one.
    fn records_sha256(&self, packed: &[u8]) -> Option<String>;

    /// What the bytes are.
    fn content_type(&self) -> &'static str;
}

/// An object as it goes out.
struct Packed {
    name: String,
    bytes: Bytes,
    /// SHA-256 of its records, in hexadecimal. It stands in the object's metadata: two objects with the same hold the same, whichever version packed
    /// them.
    records_sha256: String,
    packing: Box<dyn Packing>,
}

/// Where objects are created, with the secrets that it takes.
#[derive(Clone)]
pub enum Store {
    /// A folder of this machine, which must be there.
    Folder(PathBuf),
    /// Amazon S3, or what speaks like it.
    S3(S3Store),
    /// Google Cloud Storage.
    Gcs(GcsStore),
    /// Azure Blob Storage.
    Azure(AzureStore),
}

/// A bucket of S3.
#[derive(Clone)]
pub struct S3Store {
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The address of a store that is not Amazon's.
    pub endpoint: Option<String>,
    /// The id of a key, the key and the token of its session; without them they are asked of the environment and of the machine.
    pub key: Option<(String, SecretText, Option<SecretText>)>,
    /// The key of KMS that encrypts objects, if it is not the bucket's own.
    pub kms_key: Option<String>,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone)]
pub struct GcsStore {
    /// The bucket.
    pub bucket: String,
    /// The address of a store that is not Google's.
    pub endpoint: Option<String>,
    /// The JSON key of a service account; without it the environment and the machine are asked.
    pub key: Option<SecretText>,
}

/// A container of Azure Blob Storage.
#[derive(Clone)]
pub struct AzureStore {
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// The address of the account, if it is not `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Option<String>,
    /// What proves who sends; without it the environment and the machine are asked.
    pub proof: Option<AzureProof>,
}

/// What proves to Azure who sends.
#[derive(Clone)]
pub enum AzureProof {
    /// A key of the account.
    AccessKey(SecretText),
    /// A shared access signature: the query of its address.
    SharedAccess(SecretText),
}

impl Store {
    /// Where it is, for people.
    fn place(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::S3(store) => format!("s3://{}", store.bucket),
            Self::Gcs(store) => format!("gs://{}", store.bucket),
            Self::Azure(store) => format!("https://{}.blob.core.windows.net/{}", store.account, store.container),
        }
    }

    /// Whether credentials come from the environment and from what the machine's provider tells it.
    fn asks_the_machine(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::S3(store) => store.key.is_none(),
            Self::Gcs(store) => store.key.is_none(),
            Self::Azure(store) => store.proof.is_none(),
        }
    }
}

impl Payload for Put {
    fn shown(&self, message: &[u8]) -> String {
        let head = format!("{}/{} ({})", self.store.place(), self.name, self.packing.content_type());
        format!("{head}\n\n{}", String::from_utf8_lossy(message))
    }
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It was created; what the store said of it.
    Created(String),
    /// It was there already with the same records.
    Had(String),
    /// There is another object of that name, which is left alone; which it is.
    Other(String),
    /// The store answered something else.
    Refused {
        /// The status code.
        status: u16,
        /// `Retry-After`, bounded.
        retry_after: Option<Duration>,
        /// What it said. It is the store's text: never trusted.
        said: String,
    },
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(said) | Self::Had(said) | Self::Other(said) => f.write_str(said),
            Self::Refused { status, said, .. } => write!(f, "{status} {}", excerpt(said)),
        }
    }
}

impl Answer for Stored {
    #[cfg(test)]
    fn of(status: u16, said: String) -> Option<Self> {
        Some(match status {
            200..300 => Self::Created(said),
            _ => Self::Refused { status, retry_after: None, said },
        })
    }
}

impl Objects {
    /// Prepares a connection. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach) -> Result<Box<dyn Connection<Self>>, String> {
        Ok(Box::new(ObjectsConnection { clients: Clients::new(reach)? }))
    }
}

/// The network, and the disk.
struct ObjectsConnection {
    clients: Clients,
}

impl Connection<Objects> for ObjectsConnection {
    fn send(&self, put: Put) -> BoxFuture<'_, Result<Stored, SendError>> {
        async move {
            let Put { store, name, records, packing } = put;
            // A panic in either was logged by the runtime.
            let failed = |_| Err(SendError::Uncertain("making the object failed".to_owned()));
            let packed =
                tokio::task::spawn_blocking(move || pack(name, &records, packing)).await.unwrap_or_else(failed)?;
            let Store::Folder(folder) = store else { return cloud::put(&self.clients, &store, &packed).await };
            let failed = |_| Err(SendError::Uncertain("writing the file failed".to_owned()));
            tokio::task::spawn_blocking(move || folder::put(&folder, &packed)).await.unwrap_or_else(failed)
        }
        .boxed()
    }
}

fn pack(name: String, records: &[u8], packing: Box<dyn Packing>) -> Result<Packed, SendError> {
    let bytes = packing.pack(records).map_err(|error| SendError::Refused(format!("{name}: {error}")))?;
    Ok(Packed { name, bytes: bytes.into(), records_sha256: sha256(records), packing })
}

impl Packed {
    /// What is said of it once it is there: its name, its size and the hash of its bytes, and what the store attested.
    fn created(&self, attested: &str) -> Stored {
        Stored::Created(format!("created {}{}", self.described(), behind(attested)))
    }

    /// What is said if an object with the same records, of so many bytes, was there. Another version may have packed it into others.
    fn had(&self, size: u64, attested: &str) -> Stored {
        let which = if size == self.bytes.len() as u64 {
            self.described()
        } else {
            format!("{}: {size} bytes that another version packed", self.name)
        };
        Stored::Had(format!("it was there: {which}{}", behind(attested)))
    }

    fn described(&self) -> String {
        format!("{}: {} bytes, sha256 {}", self.name, self.bytes.len(), sha256(&self.bytes))
    }
}

fn behind(attested: &str) -> String {
    if attested.is_empty() { String::new() } else { format!("; {attested}") }
}

#[cfg(test)]
mod tests;
