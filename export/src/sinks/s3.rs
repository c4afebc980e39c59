//! `s3`: events, alerts and administration as objects in Amazon S3, or in what speaks like it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_SECONDS_MAX};
use crate::sink::{Class, Settings, SinkSpec};
use crate::streams::objects::{self, AwsKey, Credentials, Format, ObjectSink};
use operations::secret::Secret;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "s3",
    what: "Events, alerts and administration as objects in Amazon S3 or a store that speaks like it: NDJSON with zstd, or Parquet.",
    guarantee: objects::GUARANTEE,
    class: Class::Stream(crate::sink::stream::<S3>),
    example: "bucket = \"acme-agents\"\nregion = \"eu-central-1\"\naccess_key_id = \"AKIAIOSFODNN7EXAMPLE\"\nsecret_access_key = \"env:S3_KEY\"",
    fields: crate::sink::fields::<S3>,
    schema: crate::sink::schema::<S3>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct S3 {
    /// The bucket.
    bucket: String,
    /// Its region.
    region: String,
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

impl Settings for S3 {
    type Sink = ObjectSink;

    fn sink(self) -> Result<ObjectSink, String> {
        let (layout, filling) =
            (objects::dated_layout(&self.prefix)?, objects::filling(self.seconds_max, self.bytes_max)?);
        let Self { bucket, region, endpoint, credentials, access_key_id, secret_access_key, session_token, .. } = self;
        let key = AwsKey { credentials, access_key_id, secret_access_key, session_token };
        let place = objects::s3(bucket, region, endpoint, key, self.kms_key)?;
        Ok(ObjectSink { place, layout, format: self.format, filling })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn mistakes_are_named() {
        let key = json!({"bucket": "acme-agents", "region": "eu-central-1", "access_key_id": "A", "secret_access_key": "env:K"});
        let check = |change: Value, says: &str| {
            let mut settings = key.clone();
            for (name, value) in change.as_object().unwrap() {
                settings[name] = value.clone();
            }
            let read = serde_json::from_value::<S3>(settings).map_err(|error| error.to_string());
            match read.and_then(Settings::sink) {
                Ok(_) => assert_eq!(says, "", "{change}"),
                Err(error) => assert!(!says.is_empty() && error.contains(says), "{change}: {error}"),
            }
        };
        check(json!({}), "");
        check(json!({"credentials": "environment"}), "leave access_key_id");
        check(json!({"credentials": "environment", "access_key_id": null, "secret_access_key": null}), "");
        check(json!({"secret_access_key": null}), "secret_access_key");
        check(json!({"secret_access_key": "hunter2"}), "env:NAME");
        check(json!({"bucket": "a/../b"}), "bucket");
        check(json!({"endpoint": "minio"}), "endpoint");
        check(json!({"prefix": "../x"}), "prefix");
        check(json!({"prefix": "logs/agents"}), "");
        check(json!({"seconds_max": 0}), "seconds_max");
        check(json!({"bytes_max": 1}), "bytes_max");
        check(json!({"format": "csv"}), "ndjson.zst");
    }
}
