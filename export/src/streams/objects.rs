//! Records as objects: which go together into one, under what name, in which format. Where objects are kept is the business of
//! `connections::objects`, and the settings are those of the sinks `file`, `s3`, `gcs`, `azure_blob` and `security_lake`.
//!
//! A batch is one object, apart from Security Lake, where it is one for each class and day. Name and content follow from the records alone,
//! and the intent on record says which they are: whoever repeats a batch makes the same objects again and finds that they are there.

mod columns;
mod format;
pub mod lake;
mod ocsf;
mod parquet;
mod read;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ledger::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Filling, Kept, Stream};
use crate::capabilities::Capabilities;
use crate::connections::objects::{AzureProof, AzureStore, GcsStore, Objects, Put, S3Store, Store, Stored};
use crate::connections::{Connection, Reach, excerpt};
use crate::judgement::{Ack, Judgement};
use crate::limits::{
    OBJECT_BYTES, OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_PREFIX_MAX, OBJECT_RECORDS_MAX, OBJECT_SECONDS,
    OBJECT_SECONDS_MAX,
};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::schemas::{SCHEMAS, SchemaSpec};
use crate::sink::{Sink, check_url};
use crate::test_send::TEST;
use lake::Lake;
use operations::secret::{Secret, SecretError};

pub use format::{Format, Packer};
#[cfg(test)]
pub use parquet::rows;

/// What is promised of every store of objects.
pub const GUARANTEE: &str = "Effectively once: an object has a name that follows from its records, and is created only if there is none of that name. A \
                             sink that is killed makes the same object again and finds that it is there. An object that is there and holds something else is never replaced: the sink \
                             waits, and names it. Each record has its place in `tachograph.stream` and `tachograph.export_seq`, so losses and duplicates can be counted.";

/// A sink that creates objects.
#[derive(Debug)]
pub struct ObjectSink {
    /// Where.
    pub place: Place,
    /// Under what names.
    pub layout: Layout,
    /// What they are.
    pub format: Format,
    /// How much goes into one.
    pub filling: Filling,
}

/// Under what names objects are created.
#[derive(Debug)]
pub enum Layout {
    /// `PREFIX/events/0/2026/11/30/part-FIRST-LAST-SCHEMA-MAPPING.ndjson.zst`, by the day on which the first record was recorded.
    Dated {
        /// What stands before, if anything does.
        prefix: String,
    },
    /// As Amazon Security Lake wants them.
    Lake(Lake),
}

/// Where objects are created, with references to the secrets that it takes.
#[derive(Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of S3.
    S3(S3Place),
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// The address of a store that is not Google's.
        endpoint: Option<String>,
        /// The key of a service account.
        key: Option<Secret>,
    },
    /// A container of Azure Blob Storage.
    Azure {
        /// The account.
        account: String,
        /// The container.
        container: String,
        /// The address of the account, if it is another than Azure's.
        endpoint: Option<String>,
        /// A key of the account,
        access_key: Option<Secret>,
        /// or a shared access signature.
        shared_access: Option<Secret>,
    },
}

/// A bucket of S3.
#[derive(Debug)]
pub struct S3Place {
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The address of a store that is not Amazon's.
    pub endpoint: Option<String>,
    /// The id of a key, the key, and the token of its session.
    pub key: Option<(String, Secret, Option<Secret>)>,
    /// The key of KMS that encrypts objects.
    pub kms_key: Option<String>,
}

/// Where a store gets what proves who sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// From the secrets in the settings.
    #[default]
    Settings,
    /// From the environment, or from what the provider tells the machine or the pod, as the provider's own tools look for it.
    Environment,
}

impl Place {
    fn open(&self) -> Result<Store, SecretError> {
        Ok(match self {
            Self::Folder(path) => Store::Folder(path.clone()),
            Self::S3(S3Place { bucket, region, endpoint, key, kms_key }) => {
                let read = |(id, key, token): &(String, Secret, Option<Secret>)| {
                    let token = token.as_ref().map(Secret::read).transpose()?;
                    Ok((id.clone(), key.read()?, token))
                };
                let key = key.as_ref().map(read).transpose()?;
                let (bucket, region, endpoint) = (bucket.clone(), region.clone(), endpoint.clone());
                Store::S3(S3Store { bucket, region, endpoint, key, kms_key: kms_key.clone() })
            }
            Self::Gcs { bucket, endpoint, key } => {
                let key = key.as_ref().map(Secret::read).transpose()?;
                Store::Gcs(GcsStore { bucket: bucket.clone(), endpoint: endpoint.clone(), key })
            }
            Self::Azure { account, container, endpoint, access_key, shared_access } => {
                let proof = match (access_key, shared_access) {
                    (Some(key), _) => Some(AzureProof::AccessKey(key.read()?)),
                    (None, Some(query)) => Some(AzureProof::SharedAccess(query.read()?)),
                    (None, None) => None,
                };
                let (account, container) = (account.clone(), container.clone());
                Store::Azure(AzureStore { account, container, endpoint: endpoint.clone(), proof })
            }
        })
    }
}

impl Sink for ObjectSink {
    type Protocol = Objects;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: OBJECT_RECORDS_MAX, burst: 1, interval: Duration::ZERO }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Objects>>, String> {
        Objects::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Put, SecretError> {
        let (name, records) = (message.key.clone(), message.body.clone());
        let packer = Packer { format: self.format, by_class: matches!(self.layout, Layout::Lake(_)) };
        Ok(Put { store: self.place.open()?, name, records, packing: Box::new(packer) })
    }

    fn judge(&self, answer: &Stored) -> Judgement {
        let (status, retry_after, said) = match answer {
            Stored::Created(said) | Stored::Had(said) => return Judgement::Acked(Ack::new(said.clone())),
            Stored::Other(what) => {
                let todo = "move it away, or give the sink a prefix of its own";
                return Judgement::Park { reason: format!("{what}; nothing is replaced: {todo}") };
            }
            Stored::Refused { status, retry_after, said } => (*status, *retry_after, excerpt(said)),
        };
        let reason = format!("{status} {said}");
        match status {
            409 | 425 | 429 | 503 => Judgement::Retry { after: retry_after, reason },
            408 | 500.. => Judgement::Uncertain { reason },
            // Nothing about one record can be wrong: the store knows bytes only.
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Objects> {
        Capabilities { read_back: Some(self), ..Capabilities::default() }
    }
}

/// Those of the schemas that Security Lake takes, 1.1 first, which its own sources have.
static OCSF: LazyLock<Vec<&SchemaSpec>> = LazyLock::new(|| {
    let mut found: Vec<_> = SCHEMAS.iter().copied().filter(|schema| schema.name.starts_with("ocsf")).collect();
    found.sort_by_key(|schema| schema.name != "ocsf_1_1");
    found
});

impl Stream for ObjectSink {
    fn schemas(&self) -> &'static [&'static SchemaSpec] {
        match self.layout {
            Layout::Dated { .. } => SCHEMAS,
            Layout::Lake(_) => &OCSF,
        }
    }

    fn kept<'a>(&self, record: &'a Record) -> Kept<'a> {
        match self.format {
            Format::Lines => Kept::whole(record.said.json()),
            Format::Parquet => Kept::whole(parquet::row(&record.said.json(), matches!(self.layout, Layout::Lake(_)))),
        }
    }

    fn filling(&self) -> Option<Filling> {
        Some(self.filling)
    }

    fn render(&self, records: &[Record]) -> Rendered {
        match &self.layout {
            Layout::Dated { prefix } => dated(prefix, self.format, records),
            Layout::Lake(lake) => lake.render(records),
        }
    }
}

/// One object of the records of one day.
fn dated(prefix: &str, format: Format, records: &[Record]) -> Rendered {
    let Some(first) = records.first() else { return Rendered::whole(Vec::new(), 0) };
    let day = day(first.recorded);
    let taken = records.iter().take_while(|record| self::day(record.recorded) == day).count();
    let records = &records[..taken];
    let slash = if prefix.is_empty() { "" } else { "/" };
    let (stream, part, extension) = (first.stream(), part(records), format.extension());
    let mut rendered = Rendered::whole(lines(records), taken);
    for message in &mut rendered.messages {
        message.key = format!("{prefix}{slash}{stream}/{}/{part}.{extension}", day.format("%Y/%m/%d"));
    }
    rendered
}

/// The records, a line each.
fn lines<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    let mut body = Vec::new();
    for record in records {
        body.extend_from_slice(record.said.json().as_bytes());
        body.push(b'\n');
    }
    body
}

/// The last part of a name: the numbers of the first and the last record, and how they are said. What somebody sends as a test has no number.
fn part(records: &[Record]) -> String {
    if let Some(test) = records.first().filter(|record| record.fields.get(TEST).is_some()) {
        return format!("test-{}", test.recorded.unix_micros());
    }
    let number = |record: Option<&Record>| record.map_or(0, |record| record.export_seq);
    let schema = records.first().map_or("", |record| record.said.schema);
    let mapping = SCHEMAS.iter().find(|spec| spec.name == schema).map_or(0, |spec| spec.mapping);
    format!("part-{:020}-{:020}-{schema}-{mapping}", number(records.first()), number(records.last()))
}

/// The day of a moment, in UTC.
fn day(moment: Timestamp) -> DateTime<Utc> {
    let micros = moment.unix_micros();
    let day = micros - micros.rem_euclid(24 * 3_600 * 1_000_000);
    DateTime::from_timestamp_micros(day).unwrap_or_default()
}

/// Checks how much goes into an object. The error says what it may be.
pub fn filling(seconds_max: u64, bytes_max: u64) -> Result<Filling, String> {
    if !(1..=OBJECT_SECONDS_MAX).contains(&seconds_max) {
        return Err(format!("seconds_max is {seconds_max}; it must be 1 to {OBJECT_SECONDS_MAX}"));
    }
    let (least, most) = (OBJECT_BYTES_MIN as u64, OBJECT_BYTES_MAX as u64);
    if !(least..=most).contains(&bytes_max) {
        return Err(format!("bytes_max is {bytes_max}; it must be {least} to {most}"));
    }
    Ok(Filling { bytes: bytes_max as usize, wait: Duration::from_secs(seconds_max) })
}

/// Names by day, below a prefix. The error says what a prefix may be.
pub fn dated_layout(prefix: &str) -> Result<Layout, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let part = |part: &str| !part.is_empty() && part.chars().all(plain) && !part.starts_with('.');
    if prefix.len() > OBJECT_PREFIX_MAX || (!prefix.is_empty() && !prefix.split('/').all(part)) {
        return Err(
            "prefix must be letters, digits, '-', '_', '.' and '=', with single '/' between, such as logs/agents"
                .to_owned(),
        );
    }
    Ok(Layout::Dated { prefix: prefix.to_owned() })
}

/// The settings of a key of AWS.
pub struct AwsKey {
    /// Where it comes from.
    pub credentials: Credentials,
    /// Its id.
    pub access_key_id: Option<String>,
    /// The key itself.
    pub secret_access_key: Option<Secret>,
    /// The token of its session.
    pub session_token: Option<Secret>,
}

impl AwsKey {
    /// The id of the key, the key and the token of its session, if the settings have it. The error says what is wrong.
    pub fn check(self) -> Result<Option<(String, Secret, Option<Secret>)>, String> {
        let Self { credentials, access_key_id, secret_access_key, session_token } = self;
        let given = [("access_key_id", access_key_id.is_some()), ("secret_access_key", secret_access_key.is_some())];
        check_credentials(credentials, &given)?;
        Ok(access_key_id.zip(secret_access_key).map(|(id, key)| (id, key, session_token)))
    }
}

/// Whether a text can be the name of a region of AWS.
pub fn check_region(region: &str) -> Result<(), String> {
    if region.is_empty() || !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err("region must be the name of a region, such as eu-central-1".to_owned());
    }
    Ok(())
}

/// Checks the settings of a bucket of S3. The error says what is wrong.
pub fn s3(
    bucket: String,
    region: String,
    endpoint: Option<String>,
    key: AwsKey,
    kms_key: Option<String>,
) -> Result<Place, String> {
    check_bucket("bucket", &bucket)?;
    endpoint.iter().try_for_each(|url| check_url("endpoint", url))?;
    check_region(&region)?;
    let key = key.check()?;
    Ok(Place::S3(S3Place { bucket, region, endpoint, key, kms_key }))
}

/// Whether the secrets of the settings are there exactly if they are asked of the settings.
pub fn check_credentials(credentials: Credentials, given: &[(&str, bool)]) -> Result<(), String> {
    let wanted = credentials == Credentials::Settings;
    match given.iter().find(|(_, is_given)| *is_given != wanted) {
        Some((name, false)) => Err(format!("{name} is missing; or set credentials = \"environment\"")),
        Some((name, true)) => Err(format!("credentials come from the environment: leave {name} out")),
        None => Ok(()),
    }
}

/// Whether a text can be the name of a bucket, a container or an account: no other host and no other path can follow from it.
pub fn check_bucket(setting: &str, name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (3..=222).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err(format!("{setting} must be a name of letters, digits, '-', '_' and '.'"))
}

/// The default of `seconds_max`.
pub fn seconds_max() -> u64 {
    OBJECT_SECONDS
}

/// The default of `bytes_max`.
pub fn bytes_max() -> u64 {
    OBJECT_BYTES as u64
}

#[cfg(test)]
mod tests;
