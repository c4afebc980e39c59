//! The parameters of `file.unusual`.

use detect_core::parameters;
use effects::file::paths;

parameters! {
    /// `[detect.rules."file.unusual"]`.
    pub struct Parameters {
        /// So many files deleted in a minute are many.
        deletes: u32 = 50, in 2..=1_000_000;
        /// A folder counts as so many deleted files if a command deletes it without saying what it holds.
        folder_files: u32 = 10, in 1..=1_000_000;
        /// Whether commands that delete count.
        commands: bool = true;
        /// Whether writing outside of the workspace is told.
        outside: bool = true;
        /// Absolute paths of folders outside of workspaces in which every session may write: at most 64.
        folders: Vec<String> = Vec::new();
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
    check(parameters) {
        if parameters.folders.len() > FOLDERS_MAX {
            return Err(format!("folders has {} folders; it may have {FOLDERS_MAX}", parameters.folders.len()));
        }
        let is_plain = |folder: &&String| folder.starts_with('/') && paths::plain(folder) == folder.as_str();
        match parameters.folders.iter().find(|folder| !is_plain(folder)) {
            Some(folder) => Err(format!("folders has {folder:?}; write absolute paths without a slash at the end")),
            None => Ok(()),
        }
    }
}

impl Parameters {
    /// Whether an absolute path lies in a folder in which every session may write.
    pub fn is_meant(&self, path: &str) -> bool {
        let is_in = |folder: &String| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.folders.iter().any(is_in)
    }
}

/// Folders in `folders`.
const FOLDERS_MAX: usize = 64;
