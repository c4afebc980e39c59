//! Reads objects back: their names below a prefix, and the bytes of one. Nothing is changed.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path as Name;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::requests::{Carrier, Clients, Seen};
use super::{Reach, SendError, Store, cloud};
use crate::connections::excerpt;
use crate::limits::READ_BACK_BYTES;

/// How often a request is tried again: nobody else does it.
const RETRIES: usize = 3;

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
}

/// Objects to read.
pub enum Archive {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A store of a cloud.
    Cloud(Box<dyn ObjectStore>, Box<Carrier>),
}

impl Archive {
    /// Prepares it. Nothing is asked.
    pub fn open(reach: &Reach, store: &Store) -> Result<Self, SendError> {
        if let Store::Folder(folder) = store {
            if folder.is_dir() {
                return Ok(Self::Folder(folder.clone()));
            }
            return Err(SendError::Refused(format!("there is no folder {}", folder.display())));
        }
        let clients = Clients::new(reach).map_err(SendError::Refused)?;
        let carrier = clients.reading_carrier(store.asks_the_machine());
        let store =
            cloud::open(store, &carrier, RETRIES).map_err(|error| SendError::Refused(excerpt(&error.to_string())))?;
        Ok(Self::Cloud(store, Box::new(carrier)))
    }

    /// What is below a prefix, which ends before a `/`.
    pub fn names(&self, prefix: &str) -> BoxStream<'_, Result<Named, SendError>> {
        match self {
            Self::Folder(folder) => stream::iter(Walk::below(folder, prefix)).boxed(),
            Self::Cloud(store, carrier) => {
                let named = |meta: object_store::ObjectMeta| Named { name: meta.location.to_string(), size: meta.size };
                let found = store.list(Some(&Name::from(prefix)));
                found.map_ok(named).map_err(|error| failed(carrier, &error)).boxed()
            }
        }
    }

    /// All of an object.
    pub async fn get(&self, object: &Named) -> Result<Vec<u8>, SendError> {
        let name = object.name.as_str();
        match self {
            Self::Folder(folder) => read(&folder.join(name), object.size)
                .map_err(|error| SendError::NotSent(format!("{}: {error}", folder.join(name).display()))),
            Self::Cloud(store, carrier) => {
                let path = Name::parse(name).map_err(|error| SendError::Refused(excerpt(&error.to_string())))?;
                let mut bytes = Vec::new();
                while (bytes.len() as u64) < object.size {
                    let from = bytes.len() as u64;
                    let piece = store.get_range(&path, from..object.size.min(from + READ_BACK_BYTES)).await;
                    let piece = piece.map_err(|error| failed(carrier, &error))?;
                    if piece.is_empty() {
                        return Err(SendError::Uncertain(format!("{name} ends after {from} bytes")));
                    }
                    bytes.extend_from_slice(&piece);
                }
                Ok(bytes)
            }
        }
    }
}

/// Why a request came to nothing, by the last answer.
fn failed(carrier: &Carrier, error: &object_store::Error) -> SendError {
    match carrier.seen() {
        Seen { failure: Some(failure), .. } => failure,
        Seen { answer: Some((status, said)), .. } if status >= 300 => {
            SendError::Refused(format!("{status} {}", excerpt(&said)))
        }
        Seen { .. } => SendError::Uncertain(excerpt(&error.to_string())),
    }
}

fn read(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files of a folder, at any depth. What begins with a dot is not finished, and links are not followed.
struct Walk<'a> {
    folder: &'a Path,
    open: Vec<PathBuf>,
    files: std::vec::IntoIter<Named>,
}

impl<'a> Walk<'a> {
    fn below(folder: &'a Path, prefix: &str) -> Self {
        let below = folder.join(prefix);
        Self { folder, open: if below.is_dir() { vec![below] } else { Vec::new() }, files: Vec::new().into_iter() }
    }

    /// Looks into one folder.
    fn look(&mut self, below: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(below)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let relative = path.strip_prefix(self.folder).ok().and_then(Path::to_str);
            let Some(name) = relative.filter(|_| !entry.file_name().to_string_lossy().starts_with('.')) else {
                continue;
            };
            if kind.is_dir() {
                self.open.push(path);
            } else if kind.is_file() {
                match entry.metadata() {
                    Ok(metadata) => files.push(Named { name: name.to_owned(), size: metadata.len() }),
                    // Somebody removes old files.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.files = files.into_iter();
        Ok(())
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Named, SendError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(file) = self.files.next() {
                return Some(Ok(file));
            }
            let below = self.open.pop()?;
            if let Err(error) = self.look(&below) {
                return Some(Err(SendError::NotSent(format!("{}: {error}", below.display()))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_found_at_any_depth_and_what_is_not_finished_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a/b/c/part-1", "abc"), ("a/b/.part-2.unfinished", "x"), ("a/part-0", ""), ("z/part-9", "z")]
        {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/again")).unwrap();
        let archive = Archive::open(&Reach::default(), &Store::Folder(dir.path().to_owned())).unwrap();
        let mut found: Vec<Named> = archive.names("a").try_collect().await.unwrap();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        let named = |name: &str, size| Named { name: name.to_owned(), size };
        assert_eq!(found, [named("a/b/c/part-1", 3), named("a/part-0", 0)]);
        assert_eq!(archive.get(&found[0]).await.unwrap(), b"abc");
        assert_eq!(archive.names("none").count().await, 0);
        let nowhere = Archive::open(&Reach::default(), &Store::Folder(dir.path().join("none")));
        assert!(matches!(nowhere.err(), Some(SendError::Refused(why)) if why.contains("none")));
    }
}
