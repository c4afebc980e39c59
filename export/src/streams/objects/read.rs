//! Objects of a sink, read back: which are its own by their names, and the records in them.

use std::io::BufReader;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use serde_json::Value;

use super::format::Format;
use super::{Layout, ObjectSink, parquet};
use crate::capabilities::ReadBack;
use crate::connections::Reach;
use crate::connections::objects::Archive;
use crate::limits::OBJECT_BYTES_MAX;
use crate::receipts::ReceiptsError;
use crate::receipts::copy::Copy;

impl Layout {
    /// What stands before the names of the sink's objects.
    fn prefixes(&self) -> Vec<String> {
        match self {
            Self::Dated { prefix } => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                ledger::LedgerName::ALL.iter().map(|ledger| format!("{prefix}{slash}{ledger}")).collect()
            }
            Self::Lake(_) => vec!["ext".to_owned()],
        }
    }

    /// Whether an object below may be one of the sink: other sources of a lake are others' business.
    fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Dated { .. } => true,
            Self::Lake(lake) => lake.may_have(name),
        }
    }
}

/// What an object is by its name.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// It holds records.
    Records(Format),
    /// Somebody sent it as a test.
    Test,
    /// It is none of a sink.
    Foreign,
}

fn kind(name: &str) -> Kind {
    let last = name.rsplit('/').next().unwrap_or(name);
    let format = [Format::Lines, Format::Parquet].into_iter().find(|format| last.ends_with(format.extension()));
    match format {
        Some(_) if last.starts_with("test-") || last.contains("-test-") => Kind::Test,
        Some(format) if last.contains("part-") => Kind::Records(format),
        _ => Kind::Foreign,
    }
}

#[async_trait]
impl ReadBack for ObjectSink {
    async fn read_back(&self, reach: &Reach, copy: &mut Copy) -> Result<(), ReceiptsError> {
        let archive = Archive::open(reach, &self.place.open()?)?;
        for prefix in self.layout.prefixes() {
            let mut names = archive.names(&prefix);
            while let Some(object) = names.try_next().await? {
                if !self.layout.may_have(&object.name) {
                    continue;
                }
                let at = || object.name.clone();
                match kind(&object.name) {
                    Kind::Test => copy.tests += 1,
                    // An object has less than its records had in memory.
                    Kind::Records(format) if object.size <= OBJECT_BYTES_MAX as u64 => {
                        let bytes = archive.get(&object).await?;
                        take(format, bytes, &object.name, copy)?;
                    }
                    Kind::Records(_) | Kind::Foreign => copy.foreign(at),
                }
            }
        }
        Ok(())
    }
}

/// Takes the records of an object. One that cannot be read is none of ours, and what it had is missing.
fn take(format: Format, bytes: Vec<u8>, name: &str, copy: &mut Copy) -> Result<(), ReceiptsError> {
    let at = |number: u64| format!("{name}, record {number}");
    let taken = match format {
        Format::Lines => match zstd::Decoder::new(bytes.as_slice()) {
            Ok(decoder) => copy.lines(&mut BufReader::new(decoder), at),
            Err(error) => Err(error.into()),
        },
        Format::Parquet => {
            let mut number = 0;
            parquet::rows(bytes, &mut |row: &Value| {
                number += 1;
                copy.value(row, || at(number))
            })
        }
    };
    match taken {
        Err(ReceiptsError::Copy(error)) => {
            copy.foreign(|| format!("{name}, which cannot be read: {error}"));
            Ok(())
        }
        taken => taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_by_its_name_what_it_is() {
        let check = |name: &str, expected: Kind| assert_eq!(kind(name), expected, "{name}");
        check("a/events/0/2026/11/30/part-00-01-plain-1.ndjson.zst", Kind::Records(Format::Lines));
        check("events/0/2026/11/30/part-00-01-ocsf-1.parquet", Kind::Records(Format::Parquet));
        check(
            "ext/x_4002/region=r/accountId=1/eventDay=20261130/events-0-part-0-1-ocsf-1.parquet",
            Kind::Records(Format::Parquet),
        );
        check("operations/0/2026/11/30/test-1763750000123456.ndjson.zst", Kind::Test);
        check("ext/x/region=r/operations-0-test-17.parquet", Kind::Test);
        check("events/0/2026/11/30/part-1.csv", Kind::Foreign);
        check("events/_SUCCESS", Kind::Foreign);
    }
}
