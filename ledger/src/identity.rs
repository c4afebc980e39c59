//! What a data directory is: its log name, its format and its keys. The lock that one writing process holds is in `lock`.
//!
//! ```text
//! <data>/identity                 log name, format, generation, public key, and a SHA-256 of these lines
//! <data>/lock                     held by the writing process, see `lock`
//! <data>/keys/checkpoint.key      private key of the checkpoints (0600)
//! <data>/keys/fingerprint.key     key of the fingerprints (0600)
//! <data>/<ledger>/<shard>/wal/, segment/, manifest/, checkpoint
//! ```

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use proof::Digest;
use proof::note::{Signer, Verifier};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::limits::SMALL_FILE_BYTES_MAX;
use crate::position::LedgerName;
use crate::regular;

/// The format of data directories that this version writes, and the only one that it opens: format 1 was never released.
pub const DIRECTORY_FORMAT: u32 = 2;
const IDENTITY_FILE: &str = "identity";
const CHECKPOINT_KEY: &str = "keys/checkpoint.key";
const FINGERPRINT_KEY: &str = "keys/fingerprint.key";
/// The private keys in a data directory.
pub(crate) const PRIVATE_KEYS: [&str; 2] = [CHECKPOINT_KEY, FINGERPRINT_KEY];

/// What the `identity` file says. It is fixed at `init`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Format of the directory.
    pub format: u32,
    /// The log's name, such as `acme.example/agents`.
    pub log: String,
    /// Generation of the log: `restore` opens the next one.
    pub generation: u32,
    /// Public key of the checkpoints, as a C2SP verifier key.
    pub key: String,
}

impl Identity {
    /// The origin of a shard's log.
    pub fn origin(&self, ledger: LedgerName, shard: u32) -> String {
        format!("{}/{ledger}/{shard}/{}", self.log, self.generation)
    }

    /// The public key.
    pub fn verifier(&self, directory: &Path) -> Result<Verifier, LedgerError> {
        Verifier::parse(&self.key).map_err(|source| LedgerError::Key { path: directory.join(IDENTITY_FILE), source })
    }

    /// Reads the identity of a data directory.
    pub fn read(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(IDENTITY_FILE);
        let text = match regular::read_text(&path, SMALL_FILE_BYTES_MAX) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LedgerError::NotInitialised { path: directory.to_owned() });
            }
            other => other.map_err(LedgerError::io("read", &path))?,
        };
        let foreign = || LedgerError::Foreign { path: path.clone(), expected: "identity file" };
        let (body, digest) = text.trim_end().rsplit_once("\nsha256 ").ok_or_else(foreign)?;
        let format = serde_json::from_str::<Format>(body).map_err(|_| foreign())?.format;
        if Digest::from_hex(digest) != Some(Digest::of(body.as_bytes(), &[])) || !text.ends_with('\n') {
            return Err(LedgerError::corrupt(path, "last line", "the SHA-256 is not that of the lines before it"));
        }
        if format > DIRECTORY_FORMAT {
            return Err(LedgerError::NewerFormat { path, found: format, supported: DIRECTORY_FORMAT });
        }
        if format < DIRECTORY_FORMAT {
            return Err(LedgerError::OlderFormat { path, found: format, supported: DIRECTORY_FORMAT });
        }
        serde_json::from_str(body).map_err(|_| foreign())
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), LedgerError> {
        let path = directory.join(IDENTITY_FILE);
        let body = serde_json::to_string_pretty(self)
            .map_err(|error| LedgerError::corrupt(&path, "text", error.to_string()))?;
        let digest = Digest::of(body.as_bytes(), &[]);
        write_new(&path, format!("{body}\nsha256 {digest}\n").as_bytes(), 0o644)
    }
}

/// Only the format, so that a newer identity is recognised whatever else it holds.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What file systems themselves put at a mount point. Nobody's data lies in these directories.
const OF_FILE_SYSTEMS: [&str; 7] =
    ["lost+found", ".zfs", ".snapshot", ".snapshots", ".ckpt", ".fseventsd", "System Volume Information"];

/// Makes a data directory with new keys; everything in it is durable on return. It refuses a directory that holds anything
/// but what a file system puts at a mount point. After an error nothing that it made is left.
pub fn init(directory: &Path, log: &str) -> Result<Identity, LedgerError> {
    check_empty(directory)?;
    let existed = directory.is_dir();
    let made = make(directory, log);
    if made.is_err() {
        // What cannot be deleted either is named by the next `init`.
        for name in MADE {
            let path = directory.join(name);
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
        if !existed {
            let _ = std::fs::remove_dir(directory);
        }
    }
    made
}

/// What `init` makes in the directory.
const MADE: [&str; 4] = [IDENTITY_FILE, "keys", LedgerName::Events.as_str(), LedgerName::Operations.as_str()];

/// Refuses a directory that holds a ledger or somebody's files.
pub(crate) fn check_empty(directory: &Path) -> Result<(), LedgerError> {
    if directory.join(IDENTITY_FILE).exists() {
        return Err(LedgerError::AlreadyInitialised { path: directory.to_owned() });
    }
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(LedgerError::io("list", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(LedgerError::io("list", directory))?;
        if !(of_file_system(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let found = entry.file_name().to_string_lossy().into_owned();
            return Err(LedgerError::NotEmpty { path: directory.to_owned(), found });
        }
    }
    Ok(())
}

/// Whether a file system itself puts a directory of this name at a mount point.
pub(crate) fn of_file_system(name: &OsStr) -> bool {
    OF_FILE_SYSTEMS.iter().any(|known| name == *known)
}

fn make(directory: &Path, log: &str) -> Result<Identity, LedgerError> {
    let signer = Signer::new(log, &random()?)
        .map_err(|source| LedgerError::Key { path: directory.join(CHECKPOINT_KEY), source })?;
    make_folders(directory)?;
    sync_folders(directory)?;
    write_new(&directory.join(CHECKPOINT_KEY), format!("{}\n", signer.to_secret_text()).as_bytes(), 0o600)?;
    write_new(&directory.join(FINGERPRINT_KEY), &random::<32>()?, 0o600)?;
    let key = signer.verifier().to_string();
    let identity = Identity { format: DIRECTORY_FORMAT, log: log.to_owned(), generation: 0, key };
    // The identity comes last: a directory that has it is complete.
    identity.write(directory)?;
    Ok(identity)
}

/// The absolute path of a data directory, free of links and dots. It is taken once, when a ledger is opened: from then on
/// no change of the working directory and no link that is turned elsewhere leads readers and writer apart.
pub(crate) fn resolve(directory: &Path) -> Result<PathBuf, LedgerError> {
    std::fs::canonicalize(directory).map_err(LedgerError::io("open", directory))
}

/// Folders of a shard.
const SHARD_FOLDERS: [&str; 3] = ["wal", "segment", "manifest"];

/// Makes the folders of a data directory.
pub(crate) fn make_folders(directory: &Path) -> Result<(), LedgerError> {
    make_directory(&directory.join("keys"))?;
    let shards = LedgerName::ALL.map(|ledger| shard_directory(directory, ledger, 0));
    shards.iter().try_for_each(|shard| SHARD_FOLDERS.iter().try_for_each(|name| make_directory(&shard.join(name))))
}

/// Makes the names of all files in a data directory durable.
pub(crate) fn sync_folders(directory: &Path) -> Result<(), LedgerError> {
    sync_directory(&directory.join("keys"))?;
    for ledger in LedgerName::ALL {
        let shard = shard_directory(directory, ledger, 0);
        SHARD_FOLDERS.iter().try_for_each(|name| sync_directory(&shard.join(name)))?;
        sync_directory(&shard)?;
        sync_directory(&directory.join(ledger.as_str()))?;
    }
    sync_directory(directory)
}

/// Directory of one shard of one ledger.
pub fn shard_directory(directory: &Path, ledger: LedgerName, shard: u32) -> PathBuf {
    directory.join(ledger.as_str()).join(shard.to_string())
}

/// Reads the private key of the checkpoints and checks that it belongs to the identity.
pub fn signer(directory: &Path, identity: &Identity) -> Result<Signer, LedgerError> {
    let path = directory.join(CHECKPOINT_KEY);
    let text = regular::read_text(&path, SMALL_FILE_BYTES_MAX).map_err(LedgerError::io("read", &path))?;
    let signer = Signer::parse(&text).map_err(|source| LedgerError::Key { path: path.clone(), source })?;
    if signer.verifier().to_string() != identity.key {
        return Err(LedgerError::corrupt(path, "key", "it is not the key that the identity file names"));
    }
    Ok(signer)
}

/// Reads the key of the fingerprints.
pub fn fingerprint_key(directory: &Path) -> Result<[u8; 32], LedgerError> {
    let path = directory.join(FINGERPRINT_KEY);
    let bytes = regular::read(&path, SMALL_FILE_BYTES_MAX).map_err(LedgerError::io("read", &path))?;
    bytes.try_into().map_err(|_| LedgerError::corrupt(path, "length", "a fingerprint key has 32 bytes"))
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        LedgerError::io("read", "the system's random numbers")(std::io::Error::other(error.to_string()))
    })?;
    Ok(bytes)
}

fn make_directory(path: &Path) -> Result<(), LedgerError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(LedgerError::io("create", path))
}

fn sync_directory(path: &Path) -> Result<(), LedgerError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(LedgerError::io("sync", path))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), LedgerError> {
    let open = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = open.map_err(LedgerError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(LedgerError::io("write", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        let identity = init(&data, "acme.example/agents").expect("made");
        assert_eq!(Identity::read(&data).expect("read"), identity);
        assert!(signer(&data, &identity).is_ok());
        assert_eq!(identity.origin(LedgerName::Events, 0), "acme.example/agents/events/0/0");
        assert!(matches!(init(&data, "x"), Err(LedgerError::AlreadyInitialised { .. })));
        assert!(matches!(Identity::read(dir.path()), Err(LedgerError::NotInitialised { .. })));
    }

    #[test]
    fn what_a_file_system_puts_at_a_mount_point_is_nobodys_data() {
        for (name, is_directory, free) in [
            ("lost+found", true, true),
            (".snapshot", true, true),
            (".zfs", true, true),
            ("lost+found", false, false),
            ("notes.txt", false, false),
            ("lost", true, false),
            (".hidden", true, false),
            ("keys", true, false),
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join(name);
            if is_directory { std::fs::create_dir(&path) } else { std::fs::write(&path, "mine") }.expect("made");
            match init(dir.path(), "acme.example/agents") {
                Ok(_) => assert!(free, "{name}"),
                Err(LedgerError::NotEmpty { found, .. }) => assert!(!free && found == name, "{name}: {found}"),
                Err(error) => panic!("{name}: {error}"),
            }
            assert!(path.exists(), "{name} stays");
        }
    }

    #[test]
    fn an_init_that_fails_leaves_nothing_and_can_be_repeated() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("lost+found")).expect("made");
        let count = || std::fs::read_dir(dir.path()).expect("listed").count();
        // A name with a space is refused before anything is made, a directory in the identity's place after everything.
        assert!(init(dir.path(), "not a name").is_err());
        assert_eq!(count(), 1);
        let data = dir.path().join("lost+found/data");
        std::fs::write(dir.path().join("lost+found/file"), "").expect("written");
        assert!(init(&dir.path().join("lost+found/file/data"), "acme.example/agents").is_err());
        init(&data, "acme.example/agents").expect("made");
    }

    #[test]
    fn damage_newer_and_foreign_files_are_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(IDENTITY_FILE);
        let check = |text: &str| {
            std::fs::write(&path, text).expect("written");
            Identity::read(dir.path()).expect_err("refused")
        };
        assert!(matches!(check("hello"), LedgerError::Foreign { .. }));
        let newer = "{\"format\": 9, \"other\": 1}";
        assert!(matches!(check(&format!("{newer}\nsha256 {}\n", Digest::ZERO)), LedgerError::Corrupt { .. }));
        let digest = Digest::of(newer.as_bytes(), &[]);
        assert!(matches!(check(&format!("{newer}\nsha256 {digest}\n")), LedgerError::NewerFormat { found: 9, .. }));
        let older = "{\"format\": 1, \"other\": 1}";
        let digest = Digest::of(older.as_bytes(), &[]);
        assert!(matches!(check(&format!("{older}\nsha256 {digest}\n")), LedgerError::OlderFormat { found: 1, .. }));
    }
}
