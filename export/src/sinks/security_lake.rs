//! `security_lake`: events, alerts and administration as custom sources of Amazon Security Lake: OCSF in Parquet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_SECONDS_MAX};
use crate::sink::{Class, Settings, SinkSpec};
use crate::streams::objects::lake::Lake;
use crate::streams::objects::{self, AwsKey, Credentials, Format, Layout, ObjectSink};
use operations::secret::Secret;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "security_lake",
    what: "Events, alerts and administration as custom sources of Amazon Security Lake: OCSF in Parquet, one source for each class.",
    guarantee: objects::GUARANTEE,
    class: Class::Stream(crate::sink::stream::<SecurityLake>),
    example: "bucket = \"aws-security-data-lake-eu-central-1-x\"\nregion = \"eu-central-1\"\naccount = \"123456789012\"\ncredentials = \"environment\"",
    fields: crate::sink::fields::<SecurityLake>,
    schema: crate::sink::schema::<SecurityLake>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecurityLake {
    /// The bucket of the lake.
    bucket: String,
    /// Its region, which stands in names, too.
    region: String,
    /// The account that the records are about, which stands in names: twelve digits.
    account: String,
    /// The start of the names of the custom sources: the one for a class is this with `_` and the number of the class, such as `tachograph_4002`.
    #[serde(default = "tachograph")]
    source: String,
    /// Custom sources with other names, by the number of the class: `{ 4002 = "agent-web" }`.
    #[serde(default)]
    sources: BTreeMap<String, String>,
    /// Seconds that the first record of an object waits for more; then the object is created.
    #[schemars(range(min = 1, max = OBJECT_SECONDS_MAX))]
    #[serde(default = "objects::seconds_max")]
    seconds_max: u64,
    /// Bytes of records before compression at which an object is full. So much of them is kept in memory, for each of the two ledgers.
    #[schemars(range(min = OBJECT_BYTES_MIN, max = OBJECT_BYTES_MAX))]
    #[serde(default = "objects::bytes_max")]
    bytes_max: u64,
    /// The address of a store that is not Amazon's, such as `https://minio.acme.example`.
    #[serde(default)]
    endpoint: Option<String>,
    /// Where the key comes from: `settings`, or `environment`, which is the variables and files of the AWS tools, the role of a pod, a container or a
    /// machine.
    #[serde(default)]
    credentials: Credentials,
    /// The id of the key, which is no secret.
    #[serde(default)]
    access_key_id: Option<String>,
    /// The key.
    #[serde(default)]
    secret_access_key: Option<Secret>,
    /// The token of a session, if the key belongs to one.
    #[serde(default)]
    session_token: Option<Secret>,
    /// The key of KMS that encrypts objects, if not the one of the bucket does.
    #[serde(default)]
    kms_key: Option<String>,
}

fn tachograph() -> String {
    "tachograph".to_owned()
}

impl Settings for SecurityLake {
    type Sink = ObjectSink;

    fn sink(self) -> Result<ObjectSink, String> {
        let filling = objects::filling(self.seconds_max, self.bytes_max)?;
        let lake = Lake::new(self.source, &self.sources, self.region.clone(), self.account)?;
        let Self { bucket, region, endpoint, credentials, access_key_id, secret_access_key, session_token, .. } = self;
        let key = AwsKey { credentials, access_key_id, secret_access_key, session_token };
        let place = objects::s3(bucket, region, endpoint, key, self.kms_key)?;
        Ok(ObjectSink { place, layout: Layout::Lake(lake), format: Format::Parquet, filling })
    }
}
