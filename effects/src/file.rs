//! What paths say about files: where they lie, and which hold secrets. No rule stands here, and no file is looked at.

pub mod paths;
pub mod secrets;

/// What the name of a file says about it.
#[allow(clippy::struct_excessive_bools, reason = "each is a different fact about one name, and several may hold")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileTraits {
    /// It usually holds secrets.
    pub holds_secrets: bool,
    /// Continuous integration runs what it says.
    pub is_ci: bool,
    /// Agents take permissions, tools or hooks from it.
    pub is_agent_configuration: bool,
    /// Something starts by itself from it, or it lets somebody in.
    pub starts_by_itself: bool,
    /// It belongs to the system.
    pub is_system: bool,
}

impl FileTraits {
    /// What a path says.
    pub fn of(path: &str) -> Self {
        let path = paths::plain(path);
        Self {
            holds_secrets: secrets::holds_secrets(&path),
            is_ci: paths::is_ci(&path),
            is_agent_configuration: paths::is_agent_configuration(&path),
            starts_by_itself: paths::starts_by_itself(&path),
            is_system: paths::is_system(&path),
        }
    }
}
