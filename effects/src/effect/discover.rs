//! Looking around: what whoever breaks in does first, and what work on source code does seldom and then once.

use super::{Effect, EffectKind};
use crate::command::Command;

/// All ways of looking around, and how much each says: what intruders do and work hardly ever needs counts twice.
pub const LOOKS: &[(&str, u32)] = &[
    ("it asks who it is", 1),
    ("it asks who is logged in", 1),
    ("it asks what machine this is", 1),
    ("it lists processes", 1),
    ("it lists connections and open ports", 1),
    ("it asks for the networks of the machine", 1),
    ("it lists its environment", 1),
    ("it lists what starts by itself", 2),
    ("it searches for files that usually hold secrets", 2),
    ("it asks which privileges it could take", 2),
    ("it lists the accounts of the machine", 2),
    ("it reads what was typed before", 2),
    ("it reads to which machines this one connects", 1),
    ("it asks whether it is in a container", 2),
    ("it reads who was logged in", 2),
    ("it lists the files of a home or of the whole machine", 1),
];

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    by_program(command, name).or_else(|| by_file(command, name)).map(|what| Effect::new(EffectKind::Discover, what))
}

fn by_program(command: &Command, name: &str) -> Option<&'static str> {
    let first = command.operands(&[]).next().unwrap_or_default();
    let alone = command.words.len() == 1;
    Some(match name {
        "whoami" | "id" | "groups" | "logname" => "it asks who it is",
        "w" | "who" | "last" | "lastlog" | "users" | "finger" if alone || name != "users" => "it asks who is logged in",
        "sudo" if command.flag('l', "list") => PRIVILEGES,
        "getent" if matches!(first, "passwd" | "group" | "shadow") => ACCOUNTS,
        "uname" | "hostname" | "hostnamectl" | "systeminfo" | "lscpu" | "dmidecode" => "it asks what machine this is",
        "ps" | "pstree" | "top" | "tasklist" => "it lists processes",
        "netstat" | "ss" | "lsof" if name != "lsof" || command.flag('i', " ") => "it lists connections and open ports",
        "ip" | "ifconfig" | "arp" | "route" | "ipconfig" | "iwconfig" => "it asks for the networks of the machine",
        "env" | "printenv" | "set" if alone => "it lists its environment",
        "crontab" if command.flag('l', " ") => "it lists what starts by itself",
        "getcap" if command.flag('r', " ") => PRIVILEGES,
        "find" if searches_privileges(command) => PRIVILEGES,
        "find" | "locate" | "fd" if searches_secrets(command) => "it searches for files that usually hold secrets",
        "grep" | "rg" | "egrep" | "ag" | "git-grep" if greps_secrets(command) => {
            "it searches for files that usually hold secrets"
        }
        "kubectl" if command.has(&["can-i"]) && command.has(&["--list"]) => PRIVILEGES,
        "aws" if command.has(&["get-caller-identity"]) => "it asks who it is",
        "aws"
            if command.has(&["iam"])
                && command.words.iter().any(|word| word.starts_with("list-") || word.starts_with("get-account")) =>
        {
            ACCOUNTS
        }
        "gcloud" if command.has(&["get-iam-policy"]) => ACCOUNTS,
        "list_files" => "it lists the files of a home or of the whole machine",
        "capsh" if command.option(&["--print"]) => PRIVILEGES,
        _ => return None,
    })
}

/// What one asks who wants more privileges than it has.
const PRIVILEGES: &str = "it asks which privileges it could take";
/// Who there is.
const ACCOUNTS: &str = "it lists the accounts of the machine";

fn searches_privileges(command: &Command) -> bool {
    let is_bit = |word: &str| {
        let bits = word.trim_start_matches(['-', '/', '+']);
        matches!(bits, "4000" | "6000" | "2000" | "u=s" | "u+s" | "g=s" | "04000")
            || (bits.len() == 4 && bits.starts_with('4'))
    };
    command.words.windows(2).any(|pair| pair[0] == "-perm" && is_bit(&pair[1])) || command.has(&["-writable"])
}

/// Whether a home or the whole machine is searched for what looks like a key.
fn greps_secrets(command: &Command) -> bool {
    const PARTS: [&str; 8] = ["akia", "private key", "password", "passwd", "secret", "token", "api_key", "apikey"];
    let is_wide = |word: &String| {
        matches!(word.as_str(), "/" | "~" | "~/" | "/home" | "/root" | "/etc" | "/var" | "/opt")
            || word.starts_with("/home/") && word.matches('/').count() < 4
    };
    let words = || command.words.iter().skip(1);
    words().any(is_wide) && words().any(|word| PARTS.iter().any(|part| word.to_ascii_lowercase().contains(part)))
}

fn searches_secrets(command: &Command) -> bool {
    const PARTS: [&str; 10] =
        ["id_rsa", "id_ed25519", ".pem", "credential", "password", "passwd", "secret", ".kdbx", "wallet", ".aws"];
    let starts_high = command
        .words
        .iter()
        .skip(1)
        .take(2)
        .any(|word| matches!(word.as_str(), "/" | "~" | "/home" | "/root" | "/etc" | "/var"));
    let seeks =
        command.words.iter().skip(1).any(|word| PARTS.iter().any(|part| word.to_ascii_lowercase().contains(part)));
    (starts_high || command.name() == "locate") && seeks
}

/// Whether a command shows or hands on the accounts of the machine or what was typed before, which nobody outside needs.
pub fn shows_accounts(command: &Command, name: &str) -> bool {
    by_file(command, name).is_some_and(|what| what == ACCOUNTS || what == TYPED)
}

const TYPED: &str = "it reads what was typed before";

/// Files that tell of accounts, of other machines or of what was done before.
fn by_file(command: &Command, name: &str) -> Option<&'static str> {
    const SILENT: [&str; 9] = ["ls", "test", "[", "stat", "echo", "printf", "cp", "touch", "docker"];
    if SILENT.contains(&name) {
        return None;
    }
    let read = command.redirects.iter().map(|redirect| redirect.path.as_str());
    let words =
        command.words.iter().skip(1).map(String::as_str).filter(|word| word.contains('/') || word.starts_with('.'));
    words.chain(read).find_map(|word| {
        // `curl` is given files behind a sign.
        let path = command.path(word.rsplit('@').next().unwrap_or(word));
        Some(match path.rsplit('/').next().unwrap_or(&path) {
            "passwd" | "group" if path.starts_with("/etc/") => ACCOUNTS,
            "sudoers" if path.starts_with("/etc/") => PRIVILEGES,
            ".bash_history" | ".zsh_history" | ".python_history" | ".mysql_history" | ".psql_history" => TYPED,
            "known_hosts" => "it reads to which machines this one connects",
            "cgroup" | "status" | "mountinfo" | "mounts"
                if path.starts_with("/proc/1/") || path.starts_with("/proc/self/") =>
            {
                "it asks whether it is in a container"
            }
            "auth.log" | "secure" | "wtmp" | "lastlog" if path.starts_with("/var/log/") => "it reads who was logged in",
            _ => return None,
        })
    })
}
