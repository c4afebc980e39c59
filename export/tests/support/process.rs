//! The processes of a harness: the same test binary, started again in a role.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The variable with the folder of a run; without it the processes have nothing to do.
const FOLDER: &str = "TACHOGRAPH_HARNESS_FOLDER";
const RECORDS: &str = "TACHOGRAPH_HARNESS_RECORDS";
/// The variable with the seed.
pub const SEED: &str = "TACHOGRAPH_SEED";

/// What a process was started with.
pub struct Role {
    pub folder: PathBuf,
    pub seed: u64,
    pub records: u64,
}

/// The role of this process, if it is one of a harness.
pub fn role() -> Option<Role> {
    let folder = std::env::var(FOLDER).ok()?.into();
    Some(Role { folder, seed: variable(SEED)?, records: variable(RECORDS)? })
}

/// A number in the environment.
pub fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Starts this binary again in a role: the name of an ignored test.
pub fn start(role: &str, folder: &Path, seed: u64, records: u64) -> Child {
    command(role, folder, seed, records).spawn().unwrap()
}

/// The command that does so.
pub fn command(role: &str, folder: &Path, seed: u64, records: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([role, "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .env(RECORDS, records.to_string())
        .env("NO_PROXY", "*")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}
