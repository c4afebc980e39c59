//! The formats of objects.

use std::io::Read as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::parquet;
use crate::connections::objects::Packing;
use crate::limits::OBJECT_ZSTD_LEVEL;

/// What an object is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// A JSON object on each line, compressed with zstd.
    #[default]
    #[serde(rename = "ndjson.zst")]
    Lines,
    /// Apache Parquet with zstd. Its columns follow from the schema: those of the ledger for `plain`, those of the classes for OCSF, and one column
    /// with the record as JSON for every other.
    #[serde(rename = "parquet")]
    Parquet,
}

impl Format {
    /// How names end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Lines => "ndjson.zst",
            Self::Parquet => "parquet",
        }
    }
}

/// Makes objects of a format.
#[derive(Debug, Clone, Copy)]
pub struct Packer {
    /// The format.
    pub format: Format,
    /// Whether all records of an object are of one class of OCSF.
    pub by_class: bool,
}

impl Packing for Packer {
    fn pack(&self, records: &[u8]) -> Result<Vec<u8>, String> {
        match self.format {
            Format::Lines => zstd::bulk::compress(records, OBJECT_ZSTD_LEVEL).map_err(|error| error.to_string()),
            Format::Parquet => parquet::write(records, self.by_class).map_err(|error| error.to_string()),
        }
    }

    fn records_sha256(&self, packed: &[u8]) -> Option<String> {
        match self.format {
            Format::Lines => {
                let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
                let mut decoder = zstd::Decoder::new(packed).ok()?;
                loop {
                    match decoder.read(&mut piece).ok()? {
                        0 => return Some(hex::encode(hash.finalize())),
                        read => hash.update(piece.get(..read)?),
                    }
                }
            }
            Format::Parquet => parquet::records_sha256(packed),
        }
    }

    fn content_type(&self) -> &'static str {
        match self.format {
            Format::Lines => "application/zstd",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }
}
