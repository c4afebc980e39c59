//! Reads the files of user rules. What stands in them, `detect-rules` checks.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use detect_rules::user::{Depth, Loaded};

use crate::limits::RULE_FILE_BYTES_MAX;

/// A file or directory could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read rules from {}: {source}", path.display())]
pub struct LoadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Reads rules from files, and from the `*.toml` files of directories in the order of their names.
pub fn load(paths: &[PathBuf], depth: Depth) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    for path in paths {
        let failed = |source| LoadError { path: path.clone(), source };
        for file in files(path).map_err(failed)? {
            let failed = |source| LoadError { path: file.clone(), source };
            let text = read(&file).map_err(failed)?;
            loaded.add_file(&file, &text, depth);
        }
    }
    loaded.check_together();
    Ok(loaded)
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?.take(RULE_FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > RULE_FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is larger than {RULE_FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toml_files_of_a_directory_are_read_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let rule = "[[rule]]\nname = \"acme.a\"\nseverity = \"low\"\ntitle = \"T\"\nreason = \"R\"\nby = []\n";
        for name in ["b.toml", "a.toml"] {
            std::fs::write(directory.path().join(name), rule).unwrap();
        }
        std::fs::write(directory.path().join("c.txt"), "no rule").unwrap();
        let errors = load(&[directory.path().to_owned()], Depth::Form).unwrap().errors;
        assert!(errors[0].to_string().contains("b.toml:1:1: acme.a: the name is taken by"), "{}", errors[0]);
        let missing = load(&[directory.path().join("missing")], Depth::Form).unwrap_err();
        assert!(missing.to_string().contains("cannot read rules from"), "{missing}");
    }
}
