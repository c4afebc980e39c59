//! Objects as files of this machine. A file appears under its name when all of it is on the disk, and replaces nothing.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{Packed, SendError, Stored};

/// Creates a file. What fails before the file has its name is not sent; what fails later is uncertain.
pub fn put(folder: &Path, object: &Packed) -> Result<Stored, SendError> {
    let failed = |error: io::Error| SendError::NotSent(format!("{}: {error}", folder.join(&object.name).display()));
    if !folder.is_dir() {
        return Err(SendError::Refused(format!("there is no folder {}; make it, or mount it", folder.display())));
    }
    let path = folder.join(&object.name);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(SendError::Refused(format!("{} can be no file", path.display())));
    };
    make(parent).map_err(failed)?;
    // Its only writer is this sink: what a killed process left is written anew.
    let unfinished = parent.join(format!(".{name}.unfinished"));
    write(&unfinished, &object.bytes).map_err(failed)?;
    // A link replaces nothing, whoever else has made the file meanwhile.
    let linked = std::fs::hard_link(&unfinished, &path);
    let removed = std::fs::remove_file(&unfinished);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return compare(&path, object).map_err(failed),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let why = "the file system has no hard links, without which a file cannot be created whole";
            return Err(SendError::Refused(format!("{}: {why}", folder.display())));
        }
        Err(error) => return Err(failed(error)),
    }
    let safe = removed.and_then(|()| File::open(parent)?.sync_all());
    safe.map_err(|error| SendError::Uncertain(format!("{}: {error}", path.display())))?;
    Ok(object.created("on the disk"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a folder and those above it, each safe in the one above.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    make(parent)?;
    match DirBuilder::new().mode(0o750).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => File::open(parent)?.sync_all(),
    }
}

/// What a file of that name is to us.
fn compare(path: &Path, object: &Packed) -> io::Result<Stored> {
    // One that is much larger is not ours.
    let most = 2 * object.bytes.len() as u64 + 4096;
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes == object.bytes || object.packing.records_sha256(&bytes).as_ref() == Some(&object.records_sha256) {
        // A killed process may not have come so far.
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        return Ok(object.had(bytes.len() as u64, "on the disk"));
    }
    Ok(Stored::Other(format!("{} is there already and holds something else ({} bytes)", path.display(), bytes.len())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::AsTheyAre;
    use super::*;

    fn object(records: &[u8], version: u8) -> Packed {
        super::super::pack("events/0/part-1".to_owned(), records, Box::new(AsTheyAre(version))).unwrap()
    }

    #[test]
    fn a_file_is_created_once_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let there = || std::fs::read(dir.path().join("events/0/part-1")).unwrap();
        // A process that was killed left a part of it.
        std::fs::create_dir_all(dir.path().join("events/0")).unwrap();
        std::fs::write(dir.path().join("events/0/.part-1.unfinished"), "aaaaaaaaaa").unwrap();
        let put = |records: &[u8], version: u8| put(dir.path(), &object(records, version));
        assert!(matches!(put(b"abc", b'1'), Ok(Stored::Created(said)) if said.contains("4 bytes")));
        assert_eq!(there(), b"abc1");
        assert!(matches!(put(b"abc", b'1'), Ok(Stored::Had(_))));
        assert!(matches!(put(b"abc", b'2'), Ok(Stored::Had(_))), "the same records, packed by a newer version");
        assert!(matches!(put(b"xyz", b'1'), Ok(Stored::Other(said)) if said.contains("part-1")));
        assert_eq!(there(), b"abc1");
        let left = std::fs::read_dir(dir.path().join("events/0")).unwrap().count();
        assert_eq!(left, 1, "nothing unfinished stays");
        let nowhere = super::put(&dir.path().join("nowhere"), &object(b"abc", b'1'));
        assert!(matches!(nowhere, Err(SendError::Refused(why)) if why.contains("nowhere")));
    }
}
