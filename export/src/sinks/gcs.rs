//! `gcs`: events, alerts and administration as objects in Google Cloud Storage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_SECONDS_MAX};
use crate::sink::{Class, Settings, SinkSpec};
use crate::streams::objects::{self, Credentials, Format, ObjectSink, Place};
use operations::secret::Secret;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "gcs",
    what: "Events, alerts and administration as objects in Google Cloud Storage: NDJSON with zstd, or Parquet.",
    guarantee: objects::GUARANTEE,
    class: Class::Stream(crate::sink::stream::<Gcs>),
    example: "bucket = \"acme-agents\"\nservice_account = \"file:/etc/tachograph/gcs.json\"",
    fields: crate::sink::fields::<Gcs>,
    schema: crate::sink::schema::<Gcs>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Gcs {
    /// The bucket.
    bucket: String,
    /// What stands before the names of objects, such as `logs/agents`.
    #[serde(default)]
    prefix: String,
    /// What an object is: `ndjson.zst` or `parquet`.
    #[serde(default)]
    format: Format,
    /// Seconds that the first record of an object waits for more; then the object is created.
    #[schemars(range(min = 1, max = OBJECT_SECONDS_MAX))]
    #[serde(default = "objects::seconds_max")]
    seconds_max: u64,
    /// Bytes of records before compression at which an object is full. So much of them is kept in memory, for each of the two ledgers.
    #[schemars(range(min = OBJECT_BYTES_MIN, max = OBJECT_BYTES_MAX))]
    #[serde(default = "objects::bytes_max")]
    bytes_max: u64,
    /// The address of a store that is not Google's.
    #[serde(default)]
    endpoint: Option<String>,
    /// Where the key comes from: `settings`, or `environment`, which is the variables and files of the Google tools, or the account of the machine.
    #[serde(default)]
    credentials: Credentials,
    /// The JSON key of a service account.
    #[serde(default)]
    service_account: Option<Secret>,
}

impl Settings for Gcs {
    type Sink = ObjectSink;

    fn sink(self) -> Result<ObjectSink, String> {
        let (layout, filling) =
            (objects::dated_layout(&self.prefix)?, objects::filling(self.seconds_max, self.bytes_max)?);
        objects::check_bucket("bucket", &self.bucket)?;
        let Self { bucket, endpoint, service_account: key, .. } = self;
        endpoint.iter().try_for_each(|url| crate::sink::check_url("endpoint", url))?;
        objects::check_credentials(self.credentials, &[("service_account", key.is_some())])?;
        Ok(ObjectSink { place: Place::Gcs { bucket, endpoint, key }, layout, format: self.format, filling })
    }
}
