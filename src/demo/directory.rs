//! The directory of a demo: made anew for this user alone, and gone afterwards unless it is to be kept.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The directory; dropping it removes it, unless it is kept.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    is_kept: bool,
}

impl Directory {
    /// A new one that is kept at `keep`, or a temporary one.
    pub fn make(keep: Option<&Path>) -> Result<Self, Failure> {
        let path = if let Some(path) = keep {
            std::path::absolute(path)?
        } else {
            let mut chance = [0; 6];
            getrandom::fill(&mut chance).map_err(anyhow::Error::from)?;
            std::env::temp_dir().join(format!("tachograph-demo-{}", hex::encode(chance)))
        };
        match DirBuilder::new().mode(0o700).recursive(false).create(&path) {
            Ok(()) => Ok(Self { path, is_kept: keep.is_some() }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("{} exists already; a demo starts in a new directory", path.display());
                Err(Failure::usage(message).hint("Name one that does not exist, or remove it."))
            }
            Err(error) => Err(anyhow::Error::from(error).context(format!("cannot make {}", path.display())).into()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is kept.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(directory = %self.path.display(), %error, "the directory of the demo is left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_goes_and_a_kept_one_stays() {
        let (temporary, outer) = (Directory::make(None).unwrap(), tempfile::tempdir().unwrap());
        let path = temporary.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(temporary);
        assert!(!path.exists());
        let kept = outer.path().join("kept");
        drop(Directory::make(Some(&kept)).unwrap());
        assert!(kept.exists());
        assert_eq!(Directory::make(Some(&kept)).unwrap_err().code(), crate::exit::USAGE);
    }
}
