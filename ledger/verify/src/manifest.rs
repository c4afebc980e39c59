//! Reads manifests (FORMAT.md section 9). Hash first, then kind, then format, then what is said.

use std::path::Path;

use proof::Digest;
use proof::header::HEADER_LEN;
use serde::{Deserialize, Deserializer};

use crate::error::VerifyError;
use crate::files::Files;
use crate::limits::{MANIFEST_TRIES_MAX, READ_BYTES_MAX, SEALED_FILE_BYTES_MAX};

/// The folder of the manifests.
pub(crate) const FOLDER: &str = "manifest";
/// The folder of the segments' files.
pub(crate) const SEGMENT_FOLDER: &str = "segment";
/// The newest format that this version reads.
const FORMAT: u32 = 1;
/// How every manifest of every version begins.
const FRONT: &[u8] = b"{\"kind\":\"tachograph_manifest\",";
/// Length of the last line.
const LAST_LINE_LEN: usize = "sha256 ".len() + 64 + 1;
/// Bytes of a sidecar around its body: magic, format and hash.
const SIDECAR_FRAME_LEN: u128 = 16 + 4 + 32;

/// The live files of one shard at one moment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "format")]
    _format: u32,
    pub(crate) ledger: String,
    pub(crate) shard: u32,
    pub(crate) origin: String,
    #[serde(rename = "generation")]
    _generation: u64,
    pub(crate) number: u64,
    /// Hash of the manifest before.
    #[serde(deserialize_with = "optional_digest")]
    pub(crate) previous: Option<Digest>,
    /// The first WAL frame that is still needed.
    pub(crate) wal: WalStart,
    pub(crate) segments: Vec<Segment>,
    /// Its own hash, by which the next one and an entry name it.
    #[serde(skip, default = "no_digest")]
    pub(crate) hash: Digest,
}

/// What a manifest of any version has.
#[derive(Deserialize)]
struct Stated {
    format: u32,
}

/// A place in the WAL. A segment replaces whole files, so it is the front of one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalStart {
    pub(crate) file: u64,
    #[serde(rename = "offset")]
    _offset: u64,
}

/// One segment: whole batches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) first_seq: u64,
    pub(crate) end_seq: u64,
    pub(crate) first_batch: u64,
    pub(crate) end_batch: u64,
    /// Smallest and largest recorded time of its batches.
    pub(crate) recorded: (i64, i64),
    /// Smallest and largest event time, if any event has one.
    pub(crate) time: Option<(i64, i64)>,
    pub(crate) files: Vec<File>,
}

/// One file of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) kind: FileKind,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    #[serde(deserialize_with = "digest")]
    pub(crate) sha256: Digest,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileKind {
    Facts,
    Content,
    Headers,
    Inputs,
    Secrets,
    State,
}

impl FileKind {
    const ALL: [Self; 6] = [Self::Facts, Self::Content, Self::Headers, Self::Inputs, Self::Secrets, Self::State];

    /// How a file's name ends.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Facts => "facts.parquet",
            Self::Content => "content.parquet",
            Self::Headers => "headers",
            Self::Inputs => "inputs",
            Self::Secrets => "secrets",
            Self::State => "state",
        }
    }

    /// Whether it holds columns.
    pub(crate) const fn has_columns(self) -> bool {
        matches!(self, Self::Facts | Self::Content)
    }

    /// The size that follows from the number of batches, if it does.
    fn size(self, batches: u64) -> Option<u128> {
        let each = match self {
            Self::Headers => HEADER_LEN,
            Self::Secrets => 64,
            Self::Facts | Self::Content | Self::Inputs | Self::State => return None,
        };
        Some(SIDECAR_FRAME_LEN + each as u128 * u128::from(batches))
    }
}

fn no_digest() -> Digest {
    Digest::ZERO
}

fn of_hex<E: serde::de::Error>(text: &str) -> Result<Digest, E> {
    Digest::from_hex(text).ok_or_else(|| E::custom("a hash is not 64 hexadecimal digits"))
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    of_hex(&String::deserialize(deserializer)?)
}

fn optional_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| of_hex(&text)).transpose()
}

impl Segment {
    /// Its file of a kind.
    pub(crate) fn file(&self, kind: FileKind) -> Option<&File> {
        self.files.iter().find(|file| file.kind == kind)
    }

    /// Number of events.
    pub(crate) fn events(&self) -> u64 {
        self.end_seq - self.first_seq
    }

    /// Number of batches.
    pub(crate) fn batches(&self) -> u64 {
        self.end_batch - self.first_batch
    }

    /// Whether its files have the names that their place demands, and room for what is said to be in them: so no count is above what
    /// the files on the disk can hold.
    fn check_files(&self) -> Result<(), String> {
        let Self { first_seq, end_seq, first_batch, .. } = self;
        for kind in FileKind::ALL {
            let count = self.files.iter().filter(|file| file.kind == kind).count();
            if count > 1 || (count == 0 && kind != FileKind::Content) {
                return Err(format!("the segment at {first_seq} has {count} files of kind {kind:?}"));
            }
        }
        for File { kind, name, size, .. } in &self.files {
            let extension = kind.extension();
            if *name != format!("{SEGMENT_FOLDER}/{first_seq:020}-{end_seq:020}-{first_batch:020}.{extension}") {
                return Err(format!("the segment at {first_seq} has a file named {name:?}"));
            }
            if *size > SEALED_FILE_BYTES_MAX {
                return Err(format!("{name} cannot have {size} bytes"));
            }
            if kind.size(self.batches()).is_some_and(|needed| needed != u128::from(*size)) {
                return Err(format!("{name} cannot hold {} batches", self.batches()));
            }
        }
        Ok(())
    }
}

/// The first batch in the name of a segment's file.
pub(crate) fn first_batch_of(name: &str) -> Option<u64> {
    let (coordinates, _) = name.strip_prefix(SEGMENT_FOLDER)?.strip_prefix('/')?.split_once('.')?;
    coordinates.splitn(3, '-').nth(2)?.parse().ok()
}

impl Manifest {
    /// The batch behind the last segment.
    pub(crate) fn end_batch(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.end_batch)
    }

    /// Whether ranges and names are such that one may rely on them, or what is wrong.
    fn check(&self) -> Result<(), String> {
        // Both are counted on from, and the first is recorded as a signed number.
        if self.number >= i64::MAX.cast_unsigned() || self.wal.file >= i64::MAX.cast_unsigned() {
            return Err(format!("nothing can follow manifest {} and WAL file {}", self.number, self.wal.file));
        }
        let mut expected = self.segments.first().map(|first| (first.first_seq, first.first_batch));
        for segment in &self.segments {
            if expected != Some((segment.first_seq, segment.first_batch)) {
                let belongs = expected.map_or(0, |(seq, _)| seq);
                return Err(format!("a segment starts at {} instead of {belongs}", segment.first_seq));
            }
            if segment.end_seq < segment.first_seq || segment.end_batch <= segment.first_batch {
                return Err(format!("the segment at {} ends before it starts", segment.first_seq));
            }
            segment.check_files()?;
            expected = Some((segment.end_seq, segment.end_batch));
        }
        Ok(())
    }
}

/// Reads the bytes of a manifest.
fn decode(path: &Path, bytes: &[u8]) -> Result<Manifest, VerifyError> {
    if !bytes.starts_with(FRONT) {
        return Err(VerifyError::Foreign { path: path.into(), expected: "manifest" });
    }
    let corrupt = |place: &str, what: String| VerifyError::corrupt(path, place, what);
    let (line, last) = bytes.split_at(bytes.len().saturating_sub(LAST_LINE_LEN));
    let stated = last.strip_prefix(b"sha256 ").and_then(|hex| std::str::from_utf8(hex.strip_suffix(b"\n")?).ok());
    let Some(stated) = stated.and_then(Digest::from_hex) else {
        return Err(corrupt("last line", "it is not a hash, so the file is cut off or changed".to_owned()));
    };
    let hash = Digest::of(&[], &[line]);
    if hash != stated {
        return Err(corrupt("last line", "the hash is not that of the lines before it".to_owned()));
    }
    let unreadable = |error: serde_json::Error| corrupt("first line", error.to_string());
    let Stated { format: found } = serde_json::from_slice(line).map_err(unreadable)?;
    if found > FORMAT {
        return Err(VerifyError::NewerFormat { path: path.into(), found, supported: FORMAT });
    }
    let manifest: Manifest = serde_json::from_slice(line).map_err(unreadable)?;
    manifest.check().map_err(|what| corrupt("first line", what))?;
    Ok(Manifest { hash, ..manifest })
}

/// The name of the manifest with a number.
pub(crate) fn file_name(number: u64) -> String {
    format!("{FOLDER}/{number:020}")
}

/// The number in a manifest's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(FOLDER)?.strip_prefix('/')?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// The number of the newest manifest.
pub(crate) fn newest_number(files: &dyn Files) -> Result<Option<u64>, VerifyError> {
    let names = files.list(FOLDER).map_err(VerifyError::io("list", files.path(FOLDER)))?;
    Ok(names.iter().filter_map(|name| number_of(name)).max())
}

/// The newest manifest; `None` if there is none at all. One that is damaged is an error: an older one would hide what was sealed since.
pub(crate) fn newest(files: &dyn Files) -> Result<Option<Manifest>, VerifyError> {
    let mut tries = 0;
    loop {
        let Some(number) = newest_number(files)? else { return Ok(None) };
        match load(files, number) {
            // It was deleted because newer ones came: look again.
            Err(error) if error.is_missing() && tries < MANIFEST_TRIES_MAX => tries += 1,
            loaded => return loaded.map(Some),
        }
    }
}

/// The manifest with a number.
pub(crate) fn load(files: &dyn Files, number: u64) -> Result<Manifest, VerifyError> {
    let (name, path) = (file_name(number), files.path(&file_name(number)));
    let read = || files.read(&name, 0..files.size(&name)?.min(READ_BYTES_MAX + 1));
    let manifest = decode(&path, &read().map_err(VerifyError::io("read", &path))?)?;
    if manifest.number != number {
        return Err(VerifyError::corrupt(path, "number", format!("it says that it is number {}", manifest.number)));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A manifest of one segment with the fields of the page, changed before it is hashed.
    fn encoded(change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let stem = format!("segment/{:020}-{:020}-{:020}", 0, 9, 0);
        let file = |kind: FileKind| {
            let size = kind.size(2).unwrap_or(7) as u64;
            let name = format!("{stem}.{}", kind.extension());
            let word = format!("{kind:?}").to_lowercase();
            serde_json::json!({"kind": word, "name": name, "size": size, "rows": 9, "sha256": Digest::ZERO.to_string()})
        };
        let files: Vec<_> = FileKind::ALL.into_iter().map(file).collect();
        let mut fields = serde_json::json!({
            "kind": "tachograph_manifest", "format": 1, "ledger": "events", "shard": 0, "origin": "o", "generation": 0, "number": 4,
            "previous": null, "wal": {"file": 3, "offset": 89},
            "segments": [{"first_seq": 0, "end_seq": 9, "first_batch": 0, "end_batch": 2, "recorded": [1, 2], "time": null, "files": files}],
        });
        change(&mut fields);
        let mut line = FRONT.to_vec();
        let rest = fields.as_object_mut().expect("an object");
        rest.remove("kind");
        line.extend_from_slice(&serde_json::to_vec(&rest).expect("JSON")[1..]);
        line.push(b'\n');
        let hash = Digest::of(&[], &[&line]);
        line.extend_from_slice(format!("sha256 {hash}\n").as_bytes());
        line
    }

    #[test]
    fn a_manifest_is_read_and_what_is_wrong_is_named() {
        let sound = decode(Path::new("m"), &encoded(|_| {})).expect("sound");
        assert_eq!((sound.number, sound.end_batch(), sound.wal.file), (4, 2, 3));
        let check = |change: &dyn Fn(&mut serde_json::Value), words: &str| {
            let error = decode(Path::new("m"), &encoded(change)).expect_err(words).to_string();
            assert!(error.contains(words), "{words}: {error}");
        };
        check(&|fields| fields["format"] = 2.into(), "reads up to 1");
        check(&|fields| fields["other"] = 2.into(), "unknown field");
        check(&|fields| fields["previous"] = "x".into(), "64 hexadecimal digits");
        check(&|fields| fields["number"] = i64::MAX.into(), "nothing can follow");
        check(&|fields| fields["segments"][0]["end_batch"] = 0.into(), "ends before it starts");
        check(&|fields| fields["segments"][0]["end_batch"] = 3.into(), "cannot hold 3 batches");
        check(&|fields| fields["segments"][0]["end_seq"] = 8.into(), "has a file named");
        check(&|fields| fields["segments"][0]["files"][0]["size"] = (1_u64 << 40).into(), "cannot have");
        check(&|fields| fields["segments"][0]["files"] = serde_json::json!([]), "has 0 files of kind Facts");
        let twice = |fields: &mut serde_json::Value| {
            let segment = fields["segments"][0].clone();
            fields["segments"].as_array_mut().expect("a list").push(segment);
        };
        check(&twice, "a segment starts at 0 instead of 9");
    }

    proptest! {
        #[test]
        fn a_changed_byte_shows(at in 0_usize..4_000, flip in 1_u8..=255) {
            let mut bytes = encoded(|_| {});
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert!(decode(Path::new("m"), &bytes).is_err());
            prop_assert!(decode(Path::new("m"), &bytes[..at]).is_err());
        }

        #[test]
        fn names_have_one_form(number: u64, name in "[a-z]{0,8}/?[0-9+-]{0,21}(\\.[a-z]{0,3})?") {
            prop_assert_eq!(number_of(&file_name(number)), Some(number));
            let _ = (number_of(&name), first_batch_of(&name));
        }
    }
}
