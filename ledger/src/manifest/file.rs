//! The bytes of a manifest file, and how they are believed: hash first, then kind, then format, then content.

use std::path::Path;

use serde::{Deserialize, Serialize};

use proof::Digest;

use crate::error::LedgerError;
use crate::manifest::Manifest;

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What the last line starts with.
const HASH_PREFIX: &[u8] = b"sha256 ";
/// Length of the last line.
const HASH_LINE_LEN: usize = HASH_PREFIX.len() + 64 + 1;
/// How every manifest of every version begins.
const START: &[u8] = b"{\"kind\":\"tachograph_manifest\",";

/// The first field of every manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// The only kind.
    #[serde(rename = "tachograph_manifest")]
    Manifest,
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Preamble {
    format: u32,
}

/// The first line of the file.
fn line(manifest: &Manifest) -> Vec<u8> {
    // Numbers, text and lists: there is nothing that JSON cannot hold.
    let mut line = serde_json::to_vec(manifest).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Hash of the first line.
pub(super) fn hash(manifest: &Manifest) -> Digest {
    Digest::of(&[], &[&line(manifest)])
}

/// The bytes of the file.
pub(super) fn encode(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = line(manifest);
    let hash = Digest::of(&[], &[&bytes]);
    bytes.extend_from_slice(format!("sha256 {hash}\n").as_bytes());
    bytes
}

/// Reads a manifest file.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Manifest, LedgerError> {
    if !bytes.starts_with(START) {
        return Err(LedgerError::Foreign { path: path.into(), expected: "manifest" });
    }
    let corrupt = |place: &str, what: &str| LedgerError::corrupt(path, place, what);
    let (line, last) = bytes.split_at(bytes.len().saturating_sub(HASH_LINE_LEN));
    let hash = last
        .strip_prefix(HASH_PREFIX)
        .and_then(|rest| rest.strip_suffix(b"\n"))
        .and_then(|hex| Digest::from_hex(std::str::from_utf8(hex).ok()?))
        .ok_or_else(|| corrupt("last line", "it is not a hash, so the file is cut off or changed"))?;
    if Digest::of(&[], &[line]) != hash {
        return Err(corrupt("last line", "the hash is not that of the lines before it"));
    }
    let unreadable = |error: serde_json::Error| corrupt("first line", &error.to_string());
    let format = serde_json::from_slice::<Preamble>(line).map_err(unreadable)?.format;
    if format > FORMAT {
        return Err(LedgerError::NewerFormat { path: path.into(), found: format, supported: FORMAT });
    }
    let manifest: Manifest = serde_json::from_slice(line).map_err(unreadable)?;
    manifest.check().map_err(|what| corrupt("first line", &what))?;
    Ok(manifest)
}

/// A digest as hexadecimal text.
pub(super) mod digest {
    use proof::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::from_hex(&text).ok_or_else(|| D::Error::custom("a hash is not 64 hexadecimal digits"))
    }
}

/// A digest as hexadecimal text, or null.
pub(super) mod optional_digest {
    use proof::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
    pub fn serialize<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => serializer.collect_str(digest),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let digest = |text: String| {
            Digest::from_hex(&text).ok_or_else(|| D::Error::custom("a hash is not 64 hexadecimal digits"))
        };
        text.map(digest).transpose()
    }
}

/// The ledger's name.
pub(super) mod ledger {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::position::LedgerName;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
    pub fn serialize<S: Serializer>(ledger: &LedgerName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(ledger)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LedgerName, D::Error> {
        let text = String::deserialize(deserializer)?;
        LedgerName::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| D::Error::custom("the ledger is neither events nor operations"))
    }
}
