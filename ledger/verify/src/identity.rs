//! What a data directory says of itself (FORMAT.md section 6): its log, its key, and how its last process ended.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use proof::Digest;
use proof::note::Verifier;
use serde::Deserialize;

use crate::error::VerifyError;
use crate::files::read_text;
use crate::limits::SMALL_FILE_BYTES_MAX;
use crate::name::LedgerName;

/// The format of directories that this version reads: format 1 was never released.
const FORMAT: u32 = 2;
/// The file of the identity.
const IDENTITY: &str = "identity";
/// The file that the writing process holds.
pub(crate) const LOCK: &str = "lock";

/// What the `identity` file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    #[serde(rename = "format")]
    _format: u32,
    log: String,
    generation: u32,
    key: String,
}

/// What an identity of any version has.
#[derive(Deserialize)]
struct Stated {
    format: u32,
}

impl Identity {
    /// Reads the identity of a data directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, VerifyError> {
        let path = directory.join(IDENTITY);
        let text = match read_text(&path, SMALL_FILE_BYTES_MAX) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(VerifyError::NotInitialised { path: directory.to_owned() });
            }
            text => text.map_err(VerifyError::io("read", &path))?,
        };
        let foreign = |path| VerifyError::Foreign { path, expected: "identity file" };
        let Some((json, hash)) = text.rsplit_once("\nsha256 ") else { return Err(foreign(path)) };
        let Ok(Stated { format: found }) = serde_json::from_str(json) else { return Err(foreign(path)) };
        let stated = hash.strip_suffix('\n').and_then(Digest::from_hex);
        if stated != Some(Digest::of(&[], &[json.as_bytes()])) {
            return Err(VerifyError::corrupt(path, "last line", "the SHA-256 is not that of the lines before it"));
        }
        match found {
            FORMAT => serde_json::from_str(json).map_err(|_| foreign(path)),
            found if found > FORMAT => Err(VerifyError::NewerFormat { path, found, supported: FORMAT }),
            found => Err(VerifyError::OlderFormat { path, found, supported: FORMAT }),
        }
    }

    /// The origin of a shard's log.
    pub(crate) fn origin(&self, ledger: LedgerName, shard: u32) -> String {
        format!("{}/{ledger}/{shard}/{}", self.log, self.generation)
    }

    /// The public key that it names.
    pub(crate) fn verifier(&self, directory: &Path) -> Result<Verifier, VerifyError> {
        Verifier::parse(&self.key).map_err(|source| VerifyError::Key { path: directory.join(IDENTITY), source })
    }
}

/// The folder of a shard of a ledger.
pub(crate) fn shard_folder(directory: &Path, ledger: LedgerName, shard: u32) -> PathBuf {
    directory.join(ledger.as_str()).join(shard.to_string())
}

/// What the lock file tells about the process that wrote in a directory last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastWriter {
    /// It stopped in order: everything was closed and signed.
    Stopped,
    /// It writes, or it died, in this very directory.
    Here,
    /// It wrote in another directory, of which this one is a copy; or nothing is known.
    Elsewhere,
}

impl LastWriter {
    /// Reads the lock file of a data directory.
    pub(crate) fn of(directory: &Path) -> Self {
        let path = directory.join(LOCK);
        let Ok(text) = read_text(&path, SMALL_FILE_BYTES_MAX) else { return Self::Elsewhere };
        let mut lines = text.lines();
        match (lines.next(), lines.next(), path.symlink_metadata()) {
            _ if text == "stopped\n" => Self::Stopped,
            (Some(process), Some(place), Ok(lock))
                if process.parse::<u32>().is_ok() && place == format!("{}:{}", lock.dev(), lock.ino()) =>
            {
                Self::Here
            }
            _ => Self::Elsewhere,
        }
    }

    /// Whether files may stem from different moments: only in a copy that was made while a process wrote.
    pub(crate) fn may_be_torn(self) -> bool {
        self == Self::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_lock_says_is_believed_in_its_exact_form_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(LOCK);
        assert_eq!(LastWriter::of(dir.path()), LastWriter::Elsewhere);
        std::fs::write(&path, "").expect("written");
        let lock = path.metadata().expect("there");
        let here = format!("12\n{}:{}\n", lock.dev(), lock.ino());
        for (text, want) in [
            ("stopped\n", LastWriter::Stopped),
            (here.as_str(), LastWriter::Here),
            ("", LastWriter::Elsewhere),
            ("12\n", LastWriter::Elsewhere),
            ("stopped", LastWriter::Elsewhere),
            ("12\nx\n", LastWriter::Elsewhere),
            ("stopped\nagain\n", LastWriter::Elsewhere),
            ("12\n0:0\n", LastWriter::Elsewhere),
        ] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(LastWriter::of(dir.path()), want, "{text:?}");
        }
    }

    #[test]
    fn damage_newer_older_and_foreign_identities_are_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let check = |json: &str, hash: Option<Digest>| {
            let hash = hash.unwrap_or_else(|| Digest::of(json.as_bytes(), &[]));
            std::fs::write(dir.path().join(IDENTITY), format!("{json}\nsha256 {hash}\n")).expect("written");
            Identity::read(dir.path())
        };
        let sound = r#"{"format": 2, "log": "a/b", "generation": 3, "key": "k"}"#;
        assert_eq!(check(sound, None).expect("sound").origin(LedgerName::Events, 0), "a/b/events/0/3");
        assert!(matches!(check(sound, Some(Digest::ZERO)), Err(VerifyError::Corrupt { .. })));
        assert!(matches!(check("hello", None), Err(VerifyError::Foreign { .. })));
        assert!(matches!(check(r#"{"format": 9}"#, None), Err(VerifyError::NewerFormat { found: 9, .. })));
        assert!(matches!(check(r#"{"format": 1}"#, None), Err(VerifyError::OlderFormat { found: 1, .. })));
        assert!(matches!(check(r#"{"format": 2}"#, None), Err(VerifyError::Foreign { .. })));
    }
}
