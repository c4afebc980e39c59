//! Code that runs and that nobody could have read before: fetched, decoded, or put together at run time.

use super::{Effect, EffectKind};
use crate::command::{Command, Line, is_fetcher, runs_input};

const FETCHED: &str = "what curl or wget fetched goes straight into an interpreter";
const DECODED: &str = "decoded text goes straight into an interpreter";

/// The effect of one command.
pub fn effect(command: &Command, line: &Line, name: &str) -> Option<Effect> {
    let interpreter = runs_input(&command.words);
    let substituted = command.has(&["/dev/fd/63"]) && line.fetches;
    let is_shell = matches!(name, "eval" | "iex" | "invoke-expression" | "bash" | "sh" | "zsh" | "dash");
    let takes_result = || command.words.iter().skip(1).any(|word| word.contains("$()"));
    let what = match () {
        () if interpreter && feeders(command, line).any(|name| is_fetcher(&name)) => FETCHED,
        () if interpreter && feeders(command, line).any(|name| is_decoder(&name)) => DECODED,
        () if substituted && (interpreter || is_shell || matches!(name, "source" | ".")) => FETCHED,
        () if is_shell && line.fetches && takes_result() => FETCHED,
        () if is_shell && takes_result() && line.commands.iter().any(decodes) => DECODED,
        () if matches!(name, "powershell" | "pwsh") && is_encoded(command) => "PowerShell runs an encoded command",
        () if command.assignments.iter().any(|assignment| loads_library(assignment)) => {
            "a library is put under a program"
        }
        () if name == "decode_and_run" => "a script runs text that it decodes or fetches",
        () => return None,
    };
    if what == FETCHED && line.commands.iter().filter(|command| is_fetcher(&command.name())).all(fetches_installer) {
        return Some(Effect::new(EffectKind::Install, "the installer of a well-known tool is run"));
    }
    Some(Effect::new(EffectKind::FetchedCode, what))
}

/// Addresses of installers that are meant to be run as they come, by those who make the tools.
const INSTALLERS: [&str; 36] = [
    "sh.rustup.rs",
    "get.docker.com",
    "deb.nodesource.com",
    "rpm.nodesource.com",
    "install.python-poetry.org",
    "astral.sh",
    "bun.sh",
    "deno.land",
    "get.pnpm.io",
    "get.helm.sh",
    "get.k3s.io",
    "starship.rs",
    "get.sdkman.io",
    "dl.google.com",
    "sdk.cloud.google.com",
    "aka.ms",
    "packages.microsoft.com",
    "download.docker.com",
    "awscli.amazonaws.com",
    "apt.releases.hashicorp.com",
    "claude.ai",
    "opencode.ai",
    "fly.io",
    "tailscale.com",
    "cli.github.com",
    "get.volta.sh",
    "mise.run",
    "ollama.com",
    "install.determinate.systems",
    "nixos.org",
    "raw.githubusercontent.com/nvm-sh/",
    "raw.githubusercontent.com/Homebrew/",
    "raw.githubusercontent.com/helm/",
    "raw.githubusercontent.com/pyenv/",
    "raw.githubusercontent.com/rbenv/",
    "raw.githubusercontent.com/golangci/",
];

/// Whether all that a command fetches is such an installer, over a connection that is sealed.
fn fetches_installer(command: &Command) -> bool {
    let mut addresses = command.words.iter().filter_map(|word| word.split_once("://")).peekable();
    addresses.peek().is_some()
        && addresses.all(|(scheme, rest)| {
            let is = |known: &str| {
                rest.strip_prefix(known)
                    .is_some_and(|after| known.ends_with('/') || after.is_empty() || after.starts_with('/'))
            };
            scheme == "https" && INSTALLERS.iter().any(|known| is(known))
        })
}

/// What a line fetches into a file and then runs.
pub fn fetched_and_run(line: &Line) -> Option<Effect> {
    if !line.fetches {
        return None;
    }
    let mut fetched: Vec<String> = Vec::new();
    for command in &line.commands {
        let name = command.name();
        if is_fetcher(&name) {
            fetched.extend(target(command, &name));
            continue;
        }
        let starts = command.words.first().map(|word| command.path(word.trim_start_matches("./")));
        // A shell or an interpreter is given the file; a program is named by its path.
        let operand =
            matches!(name.as_str(), "bash" | "sh" | "zsh" | "dash" | "source" | "." | "perl" | "ruby" | "node" | "php")
                || name.starts_with("python");
        let first =
            command.operands(&[]).next().filter(|_| operand).map(|word| command.path(word.trim_start_matches("./")));
        let is_run = |path: &Option<String>| path.as_ref().is_some_and(|path| fetched.contains(path));
        if is_run(&starts) || is_run(&first) {
            let effect = Effect::new(EffectKind::FetchedCode, "a file that the line has just fetched is run");
            return Some(Effect { object: first.or(starts), ..effect });
        }
    }
    None
}

/// The file into which a command fetches.
fn target(command: &Command, name: &str) -> Option<String> {
    let named = match name {
        "wget" => command.value('O', "--output-document"),
        "curl" => command.value('o', "--output"),
        _ => {
            command.words.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("-outfile")).map(|pair| pair[1].as_str())
        }
    };
    let written = command.redirects.first().map(|redirect| redirect.path.as_str());
    let address = || {
        command
            .operands(&[])
            .find(|word| word.contains("://"))
            .filter(|_| name == "wget" || command.flag('O', "remote-name"))
    };
    let of_address = || {
        address().map(|address| address.split(['?', '#']).next().unwrap_or(address).rsplit('/').next().unwrap_or(""))
    };
    named
        .or(written)
        .or_else(of_address)
        .filter(|path| !path.is_empty() && *path != "-")
        .map(|path| command.path(path.trim_start_matches("./")))
}

/// The programs whose output a command reads, the nearest first.
fn feeders<'l>(command: &'l Command, line: &'l Line) -> impl Iterator<Item = String> + use<'l> {
    // What is passed on may be looked at on its way, by `tee` or `tr`.
    std::iter::successors(line.feeding(command), |before| line.feeding(before)).take(FEEDERS_MAX).map(Command::name)
}

/// Programs before one that are looked at.
const FEEDERS_MAX: usize = 6;

fn is_decoder(name: &str) -> bool {
    matches!(name, "base64" | "base32" | "xxd" | "openssl" | "gunzip" | "zcat" | "rev" | "uudecode" | "gpg")
}

/// Whether a command makes readable text of what nobody can read.
fn decodes(command: &Command) -> bool {
    match command.name().as_str() {
        "base64" | "base32" => command.flag('d', "decode") || command.flag('D', "decode"),
        "xxd" => command.flag('r', "revert"),
        "openssl" => command.has(&["-d"]),
        _ => false,
    }
}

/// Whether a variable makes a program load a library from where anybody may put one.
fn loads_library(assignment: &str) -> bool {
    let value =
        ["LD_PRELOAD=", "LD_AUDIT=", "DYLD_INSERT_LIBRARIES="].iter().find_map(|name| assignment.strip_prefix(name));
    value.is_some_and(|value| {
        ["/tmp/", "/dev/shm/", "/var/tmp/", "./", "~"].iter().any(|place| value.starts_with(place))
    })
}

fn is_encoded(command: &Command) -> bool {
    let is_option = |word: &String| word.len() > 2 && "-encodedcommand".starts_with(&word.to_ascii_lowercase());
    command.words.iter().any(is_option)
}
