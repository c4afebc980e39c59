//! What lies in a data directory and belongs to no ledger: nothing that a query reads, and nothing that anything proves.
//!
//! Inside of the ledgers' folders it is a fault. Beside them it may be somebody's note, so it is only told as something that
//! could not be checked, unless it looks like another ledger.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::Path;

use crate::error::VerifyError;
use crate::files::UNFINISHED;
use crate::identity::LOCK;
use crate::log::{Log, Logs};
use crate::manifest;
use crate::name::LedgerName;
use crate::report::{Fault, Report};
use crate::wal::{self, file_number};

/// Files and folders of a data directory besides the ledgers.
const KNOWN: [&str; 6] = ["identity", LOCK, "keys", "control.sock", "detect", "fleet"];
/// What file systems themselves put at a mount point.
const OF_FILE_SYSTEMS: [&str; 7] =
    ["lost+found", ".zfs", ".snapshot", ".snapshots", ".ckpt", ".fseventsd", "System Volume Information"];
/// What a ledger's shard has.
const SHARD: [&str; 5] = ["checkpoint", "checkpoint.new", "wal", "segment", "manifest"];

pub(crate) fn check_strangers(directory: &Path, logs: &Logs, report: &mut Report) {
    each(directory, Path::new(""), report, &mut |entry, name, report| {
        let of_ledger = LedgerName::ALL.iter().any(|ledger| name == ledger.as_str());
        if of_ledger || KNOWN.contains(&name) || OF_FILE_SYSTEMS.iter().any(|known| entry.file_name() == *known) {
            return;
        }
        if looks_like_a_ledger(&entry.path()) {
            report.fault(stranger(
                LedgerName::Events,
                name,
                "it looks like a ledger, and no data directory has a third one",
            ));
        } else {
            let what = "it is no part of a ledger, and nothing proves it; move it elsewhere";
            report.leave(stranger(LedgerName::Events, name, what));
        }
    });
    within(directory, "keys", LedgerName::Events, report, &["checkpoint.key", "fingerprint.key"]);
    for (ledger, log) in logs {
        within(directory, ledger.as_str(), *ledger, report, &["0"]);
        within(directory, &format!("{ledger}/0"), *ledger, report, &SHARD);
        check_files(log, report);
    }
}

/// Files in the folders of a shard.
fn check_files(log: &Log, report: &mut Report) {
    let ledger = log.context.ledger;
    let fault = |name: &str, report: &mut Report| {
        report.fault(stranger(ledger, name, "it is no file of this ledger"));
    };
    let folder = &log.context.folder;
    each(&folder.join(wal::FOLDER), Path::new(wal::FOLDER), report, &mut |entry, name, report| {
        if entry.file_name().to_str().and_then(file_number).is_none() {
            fault(name, report);
        }
    });
    each(&folder.join(manifest::FOLDER), Path::new(manifest::FOLDER), report, &mut |_, name, report| {
        if manifest::number_of(name).is_none() {
            fault(name, report);
        }
    });
    let end = log.manifest.as_ref().map_or(0, manifest::Manifest::end_batch);
    let listed: std::collections::BTreeSet<&str> = log
        .manifest
        .iter()
        .flat_map(|manifest| &manifest.segments)
        .flat_map(|segment| &segment.files)
        .map(|file| file.name.as_str())
        .collect();
    each(
        &folder.join(manifest::SEGMENT_FOLDER),
        Path::new(manifest::SEGMENT_FOLDER),
        report,
        &mut |_, name, report| {
            // A seal that was interrupted leaves files behind the last batch; the next one deletes them.
            if !listed.contains(name) && manifest::first_batch_of(name).is_none_or(|batch| batch < end) {
                fault(name, report);
            }
        },
    );
}

/// Names in a folder other than those that are known are faults.
fn within(directory: &Path, folder: &str, ledger: LedgerName, report: &mut Report, known: &[&str]) {
    each(&directory.join(folder), Path::new(folder), report, &mut |entry, name, report| {
        if !known.iter().any(|known| entry.file_name() == *known) {
            report.fault(stranger(ledger, name, "it belongs to no ledger"));
        }
    });
}

/// Calls for each name in a folder, with `prefix` before it; names that start with a dot are of unfinished files.
fn each(folder: &Path, prefix: &Path, report: &mut Report, call: &mut dyn FnMut(&DirEntry, &str, &mut Report)) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // What must be there is missed where it is read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            let place = prefix.to_string_lossy().into_owned();
            return report.error(LedgerName::Events, 0, place, &VerifyError::io("list", folder)(error));
        }
    };
    let mut entries: Vec<DirEntry> = entries.flatten().filter(|entry| !is_unfinished(&entry.file_name())).collect();
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        call(&entry, &prefix.join(entry.file_name()).to_string_lossy(), report);
    }
}

fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// Whether a folder has shards with files of ours.
fn looks_like_a_ledger(folder: &Path) -> bool {
    let Ok(shards) = std::fs::read_dir(folder) else { return false };
    shards.flatten().any(|shard| ["wal", "segment", "manifest"].iter().any(|name| shard.path().join(name).is_dir()))
}

fn stranger(ledger: LedgerName, place: &str, what: &str) -> Fault {
    Fault { ledger, shard: 0, place: place.to_owned(), what: what.to_owned() }
}
