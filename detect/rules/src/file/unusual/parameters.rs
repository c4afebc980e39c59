//! The parameters of `file.unusual`.

use detect_core::file::paths;
use detect_core::parameters::check_range;
use serde::{Deserialize, Serialize};

/// `[detect.rules."file.unusual"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// So many files deleted in a minute are many: 2 to 1,000,000.
    pub deletes: u32,
    /// A folder counts as so many deleted files if a command deletes it without saying what it holds: 1 to 1,000,000.
    pub folder_files: u32,
    /// Whether commands that delete count.
    pub commands: bool,
    /// Whether writing outside of the workspace is told.
    pub outside: bool,
    /// Absolute paths of folders outside of workspaces in which every session may write: at most 64.
    pub folders: Vec<String>,
    /// An episode is resolved after this many seconds without another one: 1 to 86,400.
    pub quiet_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            enabled: true,
            deletes: 50,
            folder_files: 10,
            commands: true,
            outside: true,
            folders: Vec::new(),
            quiet_seconds: 1_800,
        }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("deletes", self.deletes, 2..=1_000_000)?;
        check_range("folder_files", self.folder_files, 1..=1_000_000)?;
        check_range("quiet_seconds", self.quiet_seconds, 1..=86_400)?;
        if self.folders.len() > FOLDERS_MAX {
            return Err(format!("folders has {} folders; it may have {FOLDERS_MAX}", self.folders.len()));
        }
        let is_plain = |folder: &&String| folder.starts_with('/') && paths::plain(folder) == folder.as_str();
        match self.folders.iter().find(|folder| !is_plain(folder)) {
            Some(folder) => Err(format!("folders has {folder:?}; write absolute paths without a slash at the end")),
            None => Ok(()),
        }
    }

    /// Whether an absolute path lies in a folder in which every session may write.
    pub fn is_meant(&self, path: &str) -> bool {
        let is_in = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.folders.iter().any(is_in)
    }
}

/// Folders in `folders`.
const FOLDERS_MAX: usize = 64;
