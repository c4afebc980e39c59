//! A sign that a command is risky, and of which kind. It names what was seen and never quotes the command, which is content.

use detect_core::packed_enum;
use serde::{Deserialize, Serialize};

/// What kind of risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Takes privileges.
    Privilege,
    /// Runs code that was just fetched or decoded.
    FetchedCode,
    /// Throws work away that only this place has: changes that are not committed, branches, stashes.
    Discard,
    /// Takes traces or a protection away.
    Cover,
    /// Destroys what cannot be brought back.
    Destroy,
    /// Leaves the container or shows that it tries.
    Escape,
}

packed_enum!(Class { Privilege, FetchedCode, Discard, Cover, Destroy, Escape });

impl Class {
    /// The word in names of episodes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Privilege => "privilege",
            Self::FetchedCode => "fetched_code",
            Self::Discard => "discard",
            Self::Cover => "cover",
            Self::Destroy => "destroy",
            Self::Escape => "escape",
        }
    }

    /// What such a command does, as it follows `to`.
    pub fn would(self) -> &'static str {
        match self {
            Self::Privilege => "take privileges",
            Self::FetchedCode => "run code that it just fetched",
            Self::Discard => "throw work away that is nowhere else",
            Self::Cover => "take traces or a protection away",
            Self::Destroy => "destroy what cannot be brought back",
            Self::Escape => "leave its container",
        }
    }

    /// What such a command does.
    pub fn does(self) -> &'static str {
        match self {
            Self::Privilege => "takes privileges",
            Self::FetchedCode => "runs code that it just fetched",
            Self::Discard => "throws work away that is nowhere else",
            Self::Cover => "takes traces or a protection away",
            Self::Destroy => "destroys what cannot be brought back",
            Self::Escape => "leaves its container, or tries to",
        }
    }

    /// What is usual instead.
    pub fn baseline(self) -> &'static str {
        match self {
            Self::Privilege => "Work on source code needs no privileges; installing packages may.",
            Self::FetchedCode => "Agents usually fetch code with a package manager, which checks what it gets.",
            Self::Discard => "Agents usually commit before they clean up; ask whose changes these were.",
            Self::Cover => "Work on source code leaves histories, schedules and firewalls alone.",
            Self::Destroy => "Agents usually delete below the folder that they work in.",
            Self::Escape => "Nothing that an agent builds or tests needs the host.",
        }
    }
}

/// A sign in a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// The kind of risk.
    pub class: Class,
    /// What was seen.
    pub what: String,
    /// What it is about, if a session may have made it itself: `branch:topic`, `volume:data`.
    pub target: Option<String>,
}

impl Sign {
    /// A sign that is about nothing that a session may have made itself.
    pub fn new(class: Class, what: &str) -> Self {
        Self { class, what: what.to_owned(), target: None }
    }

    /// The same about a thing of this kind and name.
    #[must_use]
    pub fn about(self, kind: &str, name: Option<&str>) -> Self {
        Self { target: name.map(|name| format!("{kind}:{name}")), ..self }
    }
}
