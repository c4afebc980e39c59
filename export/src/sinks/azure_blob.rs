//! `azure_blob`: events, alerts and administration as blobs in Azure Storage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_SECONDS_MAX};
use crate::sink::{Class, Settings, SinkSpec};
use crate::streams::objects::{self, Credentials, Format, ObjectSink, Place};
use operations::secret::Secret;

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "azure_blob",
    what: "Events, alerts and administration as blobs in Azure Storage: NDJSON with zstd, or Parquet.",
    guarantee: objects::GUARANTEE,
    class: Class::Stream(crate::sink::stream::<AzureBlob>),
    example: "account = \"acmeagents\"\ncontainer = \"agents\"\naccess_key = \"env:AZURE_KEY\"",
    fields: crate::sink::fields::<AzureBlob>,
    schema: crate::sink::schema::<AzureBlob>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AzureBlob {
    /// The storage account.
    account: String,
    /// The container.
    container: String,
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
    /// The address of the account, if it is not `https://ACCOUNT.blob.core.windows.net`.
    #[serde(default)]
    endpoint: Option<String>,
    /// Where the key comes from: `settings`, or `environment`, which is the variables of the Azure tools, the identity of a pod or of the machine.
    #[serde(default)]
    credentials: Credentials,
    /// A key of the account.
    #[serde(default)]
    access_key: Option<Secret>,
    /// A shared access signature that may read and create, as the query of an address: `sv=…&sig=…`.
    #[serde(default)]
    shared_access: Option<Secret>,
}

impl Settings for AzureBlob {
    type Sink = ObjectSink;

    fn sink(self) -> Result<ObjectSink, String> {
        let (layout, filling) =
            (objects::dated_layout(&self.prefix)?, objects::filling(self.seconds_max, self.bytes_max)?);
        objects::check_bucket("account", &self.account)?;
        objects::check_bucket("container", &self.container)?;
        let Self { account, container, endpoint, access_key, shared_access, .. } = self;
        endpoint.iter().try_for_each(|url| crate::sink::check_url("endpoint", url))?;
        if access_key.is_some() && shared_access.is_some() {
            return Err("give access_key or shared_access, not both".to_owned());
        }
        let given = access_key.is_some() || shared_access.is_some();
        objects::check_credentials(self.credentials, &[("access_key or shared_access", given)])?;
        let place = Place::Azure { account, container, endpoint, access_key, shared_access };
        Ok(ObjectSink { place, layout, format: self.format, filling })
    }
}
