//! "Try to break it": flips one bit of a copy of the data directory and has the verifier say what it sees. The original is verified as well.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ledger_verify::{Report, Verdict};
use serde::Serialize;

use crate::exit::Failure;

/// What was broken, and what the verifier says.
#[derive(Debug, Serialize)]
pub struct Tampered {
    /// The file that was changed, below the data directory.
    pub file: String,
    /// Which of its bytes, from 0,
    pub offset: u64,
    /// what it was,
    pub before: u8,
    /// and what it became.
    pub after: u8,
    /// What the verifier says of the changed copy: its faults name file, batch and record.
    pub copy: Report,
    /// The verdict on it.
    pub verdict: Verdict,
    /// The verdict on the original, which nobody touched.
    pub original: Verdict,
}

/// Copies the directory beside it, changes one byte of the largest file that holds events (of a sealed segment once there is one, of the
/// log before), verifies both, and removes the copy. It blocks.
pub fn try_to_break(data: &Path) -> Result<Tampered, Failure> {
    let mut chance = [0; 6];
    getrandom::fill(&mut chance).map_err(anyhow::Error::from)?;
    let copy = Copy(data.with_file_name(format!("broken-{}", hex::encode(chance))));
    ledger::backup::backup(data, &copy.0, false)?;
    let file = victim(&copy.0)?.context("nothing is recorded yet that could be changed")?;
    let mut bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    // A log is longer than what stands in it: space is taken ahead.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let offset = written / 2;
    let byte = bytes.get_mut(offset).context("the file is empty")?;
    let before = *byte;
    *byte ^= 1;
    let after = *byte;
    fs::write(&file, bytes).with_context(|| format!("cannot change {}", file.display()))?;
    let report = ledger_verify::verify(&copy.0, None, &mut |_| {})?;
    let original = ledger_verify::verify(data, None, &mut |_| {})?.verdict();
    let name = file.strip_prefix(&copy.0).unwrap_or(&file).display().to_string();
    let verdict = report.verdict();
    Ok(Tampered { file: name, offset: offset as u64, before, after, copy: report, verdict, original })
}

/// A copy; dropping it removes it.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(directory = %self.0.display(), %error, "the changed copy is left");
        }
    }
}

/// The file to change: the largest segment of events, else the largest file of their log.
fn victim(data: &Path) -> std::io::Result<Option<PathBuf>> {
    for folder in ["events/0/segment", "events/0/wal"] {
        let mut files = Vec::new();
        match fs::read_dir(data.join(folder)) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    let metadata = entry.metadata()?;
                    if metadata.is_file() && metadata.len() > 0 {
                        files.push((metadata.len(), entry.path()));
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some((_, path)) = files.into_iter().max() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use ledger::events::{TABLE, column};
    use ledger::{Entry, Group, Options, Store};

    use super::*;

    #[test]
    fn one_changed_byte_of_a_copy_is_named_and_the_original_is_verified() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Store::init(&data, "test.example/agents").unwrap();
        let store = Store::open(&data, Options { reserve_bytes: 0, ..Options::default() }).unwrap();
        let mut group = Group::new(&TABLE);
        for _ in 0..50 {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "audit");
            group.push(&entry).unwrap();
        }
        store.events().appender().try_append(group).map_err(|rejected| rejected.error).unwrap().wait().unwrap();
        store.stop();
        let tampered = try_to_break(&data).unwrap();
        assert_eq!((tampered.verdict, tampered.original), (Verdict::Tampered, Verdict::Verified));
        assert!(tampered.file.starts_with("events/0/") && tampered.before ^ tampered.after == 1, "{tampered:?}");
        let named = tampered.copy.faults[0].to_string();
        assert!(named.starts_with("events/0: "), "{named}");
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "the copy is gone");
    }
}
