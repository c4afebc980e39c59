//! `file`: events, alerts and administration as files of this machine, for whatever picks them up.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OBJECT_BYTES_MAX, OBJECT_BYTES_MIN, OBJECT_SECONDS_MAX};
use crate::sink::{Class, Settings, SinkSpec};
use crate::streams::objects::{self, Format, ObjectSink, Place};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "file",
    what: "Events, alerts and administration as files in a folder: NDJSON with zstd, or Parquet.",
    guarantee: objects::GUARANTEE,
    class: Class::Stream(crate::sink::stream::<Files>),
    example: "folder = \"/var/spool/tachograph\"",
    fields: crate::sink::fields::<Files>,
    schema: crate::sink::schema::<Files>,
};

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The folder, which must be there. Folders by ledger and day are made in it.
    folder: PathBuf,
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
}

impl Settings for Files {
    type Sink = ObjectSink;

    fn sink(self) -> Result<ObjectSink, String> {
        if !self.folder.is_absolute() {
            return Err("folder must be an absolute path".to_owned());
        }
        let (layout, filling) =
            (objects::dated_layout(&self.prefix)?, objects::filling(self.seconds_max, self.bytes_max)?);
        Ok(ObjectSink { place: Place::Folder(self.folder), layout, format: self.format, filling })
    }
}
