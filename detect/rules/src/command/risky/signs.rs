//! What makes a command risky: the signs in it, and the worst of them.

use detect_core::command::{Command, Line, RedirectKind, is_fetcher};

use super::sign::{Class, Sign};
use super::{destroy, escape};

/// The worst sign of a command line. `is_own` says of what a sign is about whether the session made it itself. Nearly all lines have none,
/// and come again: such a line is searched once.
pub fn worst(line: &Line, is_own: impl FnMut(&str) -> bool) -> Option<Sign> {
    let is_harmless = |line: &Line| search(line, |_| false).is_none();
    if line.is_harmless(is_harmless) { None } else { search(line, is_own) }
}

fn search(line: &Line, mut is_own: impl FnMut(&str) -> bool) -> Option<Sign> {
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
