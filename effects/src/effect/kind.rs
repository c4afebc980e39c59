//! The kinds of effects: their words, which stand in the column `effects`, in SQL and in rules of users. What a rule thinks of
//! one does not stand here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($name:ident $word:literal $doc:literal;)*) => {
        /// What kind of thing a command or call does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EffectKind {
            $(#[doc = $doc] $name,)*
        }

        impl EffectKind {
            /// All of them, in the order in which they are declared: what is usual first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it means, as the reference says it.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

// The order is that of how bad it is as a rule: of several effects of one line, the last is the worst.
kinds! {
    Read "read" "Reads a file.";
    Write "write" "Writes a file, or changes it.";
    Delete "delete" "Removes files.";
    Download "download" "Fetches something from the network.";
    Send "send" "Sends data to a host.";
    Install "install" "Installs a package from a registry.";
    Discover "discover" "Looks around on the machine or in its network: accounts, privileges, processes, open ports.";
    Privilege "privilege" "Runs with the privileges of another user, or opens files to everybody.";
    ForeignInstall "install.foreign" "Installs a package from an address, a repository or a registry that the command names.";
    Kill "kill" "Ends processes that it looks up, or all of a user.";
    FetchedCode "fetched_code" "Runs code that it just fetched or decoded.";
    Permission "permission" "Gives files or programs lasting rights: set-user-id, capabilities, sudo's rules.";
    Account "account" "Changes accounts: users, groups, passwords, keys that let somebody in.";
    Discard "discard" "Throws work away that only this place has: changes that are not committed, branches, stashes.";
    Configure "configure" "Changes what an agent has or may do: its permissions, tools, servers, plugins or hooks.";
    Persist "persist" "Makes something start by itself: schedules, services, profiles, hooks.";
    Remember "remember" "Writes what agents read in later sessions: memories, notes, instructions.";
    Unattended "unattended" "Starts an agent that asks nobody, or takes its questions away.";
    Cover "cover" "Takes traces or a protection away: histories, logs, firewalls, watchers.";
    Secret "secret" "Shows, copies or loads what usually holds secrets.";
    Publish "publish" "Sends data to a service where anybody may pick it up.";
    Scan "scan" "Searches a network for open ports, or tries passwords.";
    Exhaust "exhaust" "Uses up the machine: endless copies of itself, memory, disk, mining.";
    Remote "remote" "Lets somebody in from outside: a shell for the network, a tunnel.";
    Exfiltrate "exfiltrate" "Sends what usually holds secrets to a host.";
    Destroy "destroy" "Destroys what cannot be brought back.";
    Escape "escape" "Leaves the container, or asks the cloud for the credentials of the machine.";
}

impl EffectKind {
    /// What it means as a part of a sentence: `it sends data to a host`.
    pub fn clause(self) -> String {
        let meaning = self.meaning().trim_end_matches('.');
        let mut chars = meaning.chars();
        chars.next().map_or(String::new(), |first| format!("it {}{}", first.to_lowercase(), chars.as_str()))
    }
}

/// No effect has this word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownWord;

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no effect has this word")
    }
}

impl std::error::Error for UnknownWord {}

impl FromStr for EffectKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for kind in EffectKind::ALL {
            assert_eq!(kind.word().parse(), Ok(*kind));
        }
        assert_eq!("".parse::<EffectKind>(), Err(UnknownWord));
    }
}
