//! What makes a command risky. The reasons name the sign and never quote the command, which is content.

use detect_core::command::{Command, Line, RedirectKind, is_fetcher};
use detect_core::packed_enum;
use serde::{Deserialize, Serialize};

use super::{destroy, escape};

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

/// The worst sign of a command line. `is_own` says of what a sign is about whether the session made it itself.
pub fn worst(line: &Line, mut is_own: impl FnMut(&str) -> bool) -> Option<Sign> {
    let mut worst: Option<Sign> = destroy::fork_bomb(line);
    for command in &line.commands {
        let signs = [escape::sign(command), destroy::sign(command, line), fetched(command, line), privilege(command)];
        for sign in signs.into_iter().flatten() {
            let is_worse = worst.as_ref().is_none_or(|worst| sign.class > worst.class);
            if is_worse && !sign.target.as_deref().is_some_and(&mut is_own) {
                worst = Some(sign);
            }
        }
    }
    worst
}

fn fetched(command: &Command, line: &Line) -> Option<Sign> {
    let name = command.name();
    let plain = name.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
    let interpreter = detect_core::command::runs_input(&command.words);
    let before = line.feeding(command).map(Command::name).unwrap_or_default();
    let substituted = command.has(&["/dev/fd/63"]) && line.fetches;
    let what = match before.as_str() {
        before if interpreter && is_fetcher(before) => "what curl or wget fetched goes straight into an interpreter",
        "base64" | "base32" | "xxd" | "openssl" | "gunzip" | "zcat" if interpreter => {
            "decoded text goes straight into an interpreter"
        }
        _ if substituted && (interpreter || matches!(name.as_str(), "source" | "." | "bash" | "sh" | "zsh")) => {
            "what curl or wget fetched goes straight into an interpreter"
        }
        _ if matches!(name.as_str(), "eval" | "iex" | "invoke-expression" | "bash" | "sh")
            && line.fetches
            && command.words.iter().skip(1).any(|word| word.contains("$()")) =>
        {
            "what curl or wget fetched goes straight into an interpreter"
        }
        _ if matches!(plain, "nc" | "ncat" | "netcat" | "socat")
            && (command.flag('e', "exec")
                || command.flag('c', "sh-exec")
                || command.words.iter().any(|word| word.to_ascii_lowercase().starts_with("exec:"))) =>
        {
            "nc hands a program to the network"
        }
        "" if matches!(name.as_str(), "powershell" | "pwsh")
            && command
                .words
                .iter()
                .any(|word| word.len() > 2 && "-encodedcommand".starts_with(&word.to_ascii_lowercase())) =>
        {
            "PowerShell runs an encoded command"
        }
        _ if reaches_network(command) => "a shell talks to the network by itself",
        _ => return None,
    };
    Some(Sign::new(Class::FetchedCode, what))
}

fn reaches_network(command: &Command) -> bool {
    let is_device = |path: &str| path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/");
    command.redirects.iter().any(|redirect| is_device(&redirect.path))
}

fn privilege(command: &Command) -> Option<Sign> {
    let opens = |word: &str| {
        matches!(word, "777" | "0777" | "a+rwx" | "+rwx" | "ugo+rwx" | "666" | "u+s" | "+s" | "g+s" | "ug+s")
    };
    let is_setuid = |word: &str| {
        word.len() == 4
            && matches!(word.as_bytes()[0], b'2' | b'4' | b'6')
            && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let what = match command.name().as_str() {
        "chmod" if command.words.iter().any(|word| opens(word) || is_setuid(word)) => {
            "files are opened to everybody, or run as their owner"
        }
        "setcap" => "a program gets capabilities",
        "usermod" | "gpasswd" | "adduser" if command.has(&["docker", "sudo", "wheel"]) => {
            "a user joins a privileged group"
        }
        "visudo" | "passwd" | "chpasswd" => "passwords or sudo's rules are changed",
        _ if command
            .redirects
            .iter()
            .any(|redirect| redirect.kind != RedirectKind::Read && redirect.path.starts_with("/etc/sudoers")) =>
        {
            "passwords or sudo's rules are changed"
        }
        "su" => "su changes the user",
        _ if command.is_privileged => "sudo",
        _ => return None,
    };
    Some(Sign::new(Class::Privilege, what))
}

#[cfg(test)]
mod tests;
