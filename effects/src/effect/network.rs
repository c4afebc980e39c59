//! What a command fetches from other machines and sends to them, and whether what it sends is a secret.

use super::{Effect, EffectKind};
use crate::command::{Command, Line, RedirectKind, SecretUse, is_fetcher, reads};
use crate::host;

/// Programs that hand what they read to a host: all of them but `curl` and `wget`, whose options say it.
const SENDERS: [&str; 14] = [
    "nc", "ncat", "netcat", "socat", "telnet", "mail", "mailx", "sendmail", "mutt", "swaks", "ftp", "lftp", "tftp",
    "ftpput",
];

/// Programs that copy to another machine what stands before the last operand.
const COPIERS: [&str; 5] = ["scp", "rsync", "sftp", "rclone", "croc"];

/// Programs whose questions carry what stands in the name that they ask for.
const ASKERS: [&str; 7] = ["dig", "nslookup", "host", "ping", "drill", "getent", "traceroute"];

/// What is said of data that leaves past HTTP, as requests are seen by a firewall.
pub const COPIED: &str = "data is copied to another machine";

/// The effects of one command.
pub fn effects(command: &Command, line: &Line, name: &str, found: &mut Vec<Effect>) {
    if sends(command, name) {
        let host = if name == "git" { pushed_to(command, line) } else { destination(command) };
        // Of a push the owner stands behind the host.
        let class = host.as_deref().map(|host| host::of(host.split('/').next().unwrap_or(host), &path_of(command)));
        if matches!(class, Some(host::Class::FileDrop | host::Class::Webhook | host::Class::Tunnel)) {
            let what = if names_secret_variable(command) {
                (EffectKind::Exfiltrate, "a variable that is named after a secret is sent where anybody may pick it up")
            } else {
                (EffectKind::Publish, "data is sent to a service where anybody may pick it up")
            };
            found.push(Effect { object: host.clone(), ..Effect::new(what.0, what.1) });
        }
        let is_copied = SENDERS.contains(&name) || COPIERS.contains(&name) || matches!(name, "ssh" | "git");
        let what = if is_copied { COPIED } else { "data is sent to a host" };
        found.push(Effect { object: host, ..Effect::new(EffectKind::Send, what) });
    } else if is_fetcher(name) || matches!(name, "http" | "https" | "xh" | "aria2c" | "axel" | "git-clone") {
        let effect = Effect::new(EffectKind::Download, "something is fetched from a host");
        found.push(Effect { object: destination(command), ..effect });
    } else if name == "git"
        && command.operands(&["-C", "-c"]).next().is_some_and(|verb| matches!(verb, "clone" | "submodule"))
    {
        let effect = Effect::new(EffectKind::Download, "a repository is fetched");
        found.push(Effect { object: destination(command), ..effect });
    }
}

/// The first host that a command names: of an address, or before a colon where a machine is meant. Content.
pub fn destination(command: &Command) -> Option<String> {
    command.words.iter().skip(1).find_map(|word| host_of_address(word)).or_else(|| {
        let words: Vec<&str> =
            command.operands(&["-p", "-P", "-i", "-l", "-o", "-s", "-w", "-e", "-F", "-J"]).collect();
        match command.name().as_str() {
            "scp" | "rsync" | "sftp" => words.iter().rev().find_map(|word| machine(word)),
            "nc" | "ncat" | "netcat" | "telnet" | "ftp" | "lftp" | "tftp" | "ssh" => {
                words.first().map(|word| word.rsplit('@').next().unwrap_or(word).to_ascii_lowercase())
            }
            "socat" => words.iter().find_map(|word| {
                word.split_once(':').map(|(_, rest)| rest.split(':').next().unwrap_or(rest).to_owned())
            }),
            "mail" | "mailx" | "sendmail" | "mutt" | "swaks" => {
                words.iter().find_map(|word| word.rsplit_once('@').map(|(_, host)| host.to_ascii_lowercase()))
            }
            "dig" | "nslookup" | "host" | "ping" | "drill" => {
                words.iter().find(|word| word.contains('.')).map(|word| word.to_ascii_lowercase())
            }
            // Addresses of these are often written without a scheme.
            "curl" | "wget" | "http" | "xh" => {
                let looks_like_host = |word: &&&str| {
                    let host = word.split(['/', ':', '?']).next().unwrap_or(word);
                    host.contains('.') && !host.starts_with('.') && !host.contains(['=', '@', ' ', '{'])
                };
                words
                    .iter()
                    .find(looks_like_host)
                    .map(|word| word.split(['/', ':', '?']).next().unwrap_or(word).to_ascii_lowercase())
            }
            _ => None,
        }
    })
}

/// Whose repository a push names, as host and owner, itself or by a remote that the same line sets. Content.
fn pushed_to(command: &Command, line: &Line) -> Option<String> {
    let mut operands = command.operands(&["-C", "-c", "-o", "--push-option"]).skip(1);
    let remote = operands.next()?;
    let set = || {
        line.commands.iter().filter(|other| other.name() == "git").find_map(|other| {
            let words: Vec<&str> = other.operands(&["-C", "-c"]).collect();
            match words.as_slice() {
                ["remote", "add" | "set-url", rest @ ..] if rest.contains(&remote) => rest.last().copied(),
                _ => None,
            }
        })
    };
    repository(remote).or_else(|| set().and_then(repository))
}

/// `host/owner` of the address of a repository, in either form that git takes.
fn repository(address: &str) -> Option<String> {
    let (host, path) = if let Some((_, rest)) = address.split_once("://") {
        let (authority, path) = rest.split_once('/')?;
        (authority.rsplit('@').next()?.split(':').next()?, path)
    } else {
        let (before, path) = address.split_once(':')?;
        (before.rsplit('@').next()?, path)
    };
    let owner = path.split('/').find(|part| !part.is_empty())?;
    (host.contains('.') && !owner.contains("..")).then(|| format!("{host}/{owner}").to_ascii_lowercase())
}

/// The path of the first address that a command names: of some services only a part takes what strangers send.
fn path_of(command: &Command) -> String {
    let rest = command.words.iter().find_map(|word| word.split_once("://")).map_or("", |(_, rest)| rest);
    rest.find('/').map_or(String::new(), |at| rest[at..].to_owned())
}

/// Whether a word names a variable that nobody knows, and that is named after a secret.
fn names_secret_variable(command: &Command) -> bool {
    const PARTS: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"];
    command.words.iter().skip(1).any(|word| {
        let name = word.split_once('$').map_or("", |(_, rest)| rest).trim_start_matches('{').to_ascii_uppercase();
        PARTS.iter().any(|part| name.contains(part))
    })
}

/// The host of an address, wherever in a word it begins.
fn host_of_address(word: &str) -> Option<String> {
    let (_, rest) = word.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '"', '\'', ' ', '\\']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// The machine of `user@machine:path`.
fn machine(word: &str) -> Option<String> {
    let (before, _) = word.split_once(':')?;
    let host = before.rsplit('@').next().unwrap_or(before);
    // One letter is a drive of Windows, a slash a path.
    (host.len() > 1 && !host.contains('/')).then(|| host.to_ascii_lowercase())
}

/// Whether a command sends data.
fn sends(command: &Command, name: &str) -> bool {
    let is_given = || {
        command.fed_by.is_some()
            || command.input.is_some()
            || command.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Read)
    };
    let in_name = || {
        command.words.iter().skip(1).any(|word| {
            let is_open = word.contains("$()") || (ASKERS.contains(&name) && word.contains('$'));
            is_open && (word.contains('.') || word.contains("://"))
        })
    };
    match name {
        "curl" => posts(command) || in_name(),
        "wget" => {
            command.before_dashes().any(|word| word.starts_with("--post") || word.starts_with("--body")) || in_name()
        }
        "invoke-webrequest" | "invoke-restmethod" | "iwr" | "irm" => {
            command.words.iter().any(|word| ["-body", "-infile", "-form"].contains(&word.to_ascii_lowercase().as_str()))
        }
        "http" | "https" | "xh" => {
            command.has(&["POST", "PUT", "PATCH"])
                || is_given()
                || command.operands(&[]).skip(1).any(|word| word.contains("=@") || word.contains(":="))
        }
        "post" => true,
        _ if SENDERS.contains(&name) => is_given() && !command.flag('l', "listen") && !is_listening(command),
        "scp" | "rsync" => {
            command.operands(&["-e", "-P", "-i", "-o", "-F"]).last().is_some_and(|last| machine(last).is_some())
        }
        "rclone" => command.has(&["copy", "sync", "move", "copyto"]),
        "ssh" => is_given() && command.words.len() > 1,
        _ if COPIERS.contains(&name) => is_given() || command.has(&["send", "put"]),
        _ if ASKERS.contains(&name) => in_name(),
        "aws" => {
            command.has(&["s3"])
                && command.has(&["cp", "sync", "mv"])
                && command.words.last().is_some_and(|word| word.starts_with("s3://"))
        }
        "gsutil" | "gcloud" => {
            command.has(&["cp", "rsync", "mv"]) && command.words.last().is_some_and(|word| word.starts_with("gs://"))
        }
        "azcopy" => command.has(&["copy", "sync"]),
        "gh" => command.has(&["gist"]) && command.has(&["create"]),
        "git" => command.operands(&["-C", "-c"]).next() == Some("push"),
        "npm" | "pnpm" | "yarn" | "cargo" | "twine" | "poetry" | "uv" | "gem" | "docker" | "podman" => {
            let verbs: &[&str] = if name == "twine" { &["upload"] } else { &["publish", "push"] };
            command.operands(&[]).next().is_some_and(|verb| verbs.contains(&verb)) && !command.is_rehearsal()
        }
        "wormhole" => command.has(&["send"]),
        _ => writes_to_network(command),
    }
}

/// Whether options of `curl` send a body or a file.
fn posts(command: &Command) -> bool {
    command.words.iter().skip(1).any(|word| {
        let option = word.split('=').next().unwrap_or(word);
        let is_long = matches!(option, "--form" | "--form-string" | "--upload-file" | "--json" | "--url-query")
            || option.starts_with("--data");
        // Of a bundle only the last letter takes what follows, and letters after one that takes a value are its value.
        let bundle = word.strip_prefix('-').filter(|bundle| !bundle.starts_with('-')).unwrap_or("");
        let letters = bundle.split(['o', 'H', 'A', 'u', 'x', 'e', 'b', 'c', 'm', 'w', 'X']).next().unwrap_or("");
        is_long || letters.contains(['d', 'F', 'T'])
    })
}

fn is_listening(command: &Command) -> bool {
    command.words.iter().any(|word| word.to_ascii_lowercase().contains("-listen"))
}

/// Whether the shell opens a connection for a command and the command writes to it.
fn writes_to_network(command: &Command) -> bool {
    let is_device = |path: &str| path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/");
    command.redirects.iter().any(|redirect| redirect.kind != RedirectKind::Read && is_device(&redirect.path))
}

/// What a line sends to a host though it usually holds secrets.
pub fn exfiltration(line: &Line) -> Option<Effect> {
    // Of a script the order in which calls stand is not that in which they run.
    let shown_by_script =
        line.commands.iter().any(|command| command.is_of_script && holds_secret(line, command, &command.name()));
    let mut shown = false;
    let mut archives: Vec<String> = Vec::new();
    for command in &line.commands {
        let name = command.name();
        let holds = holds_secret(line, command, &name);
        if sends(command, &name) {
            let host = destination(command);
            let is_near = host.as_deref().is_some_and(super::is_near);
            let fed = std::iter::successors(line.feeding(command), |before| line.feeding(before)).take(CHAIN_MAX);
            let mut fed = fed.map(|before| holds_secret(line, before, &before.name()));
            let names_archive =
                || command.words.iter().any(|word| archives.iter().any(|archive| word.contains(archive.as_str())));
            // What a name is put together from at run time may be what was shown before.
            let is_open =
                |word: &String| word.contains("$()") || (ASKERS.contains(&name.as_str()) && word.contains('$'));
            let takes_result = || shown && command.words.iter().any(is_open);
            let together = shown_by_script && command.is_of_script;
            if !is_near
                && name != "git"
                && (holds || fed.any(|holds| holds) || names_archive() || takes_result() || together)
            {
                let effect = Effect::new(
                    EffectKind::Exfiltrate,
                    "a file of secrets, an archive of them or the environment leaves with it",
                );
                return Some(Effect { object: host, ..effect });
            }
        } else if holds {
            shown = true;
            archives.extend(
                super::rights::written_all(command, &name).chain(archive(command, &name)).filter(|path| path.len() > 3),
            );
        } else if names_any(command, &archives) {
            // What is made of a copy of a secret is one, too.
            archives.extend(
                super::rights::written_all(command, &name).chain(archive(command, &name)).filter(|path| path.len() > 3),
            );
        }
    }
    None
}

fn names_any(command: &Command, archives: &[String]) -> bool {
    command.words.iter().skip(1).any(|word| archives.iter().any(|archive| word.contains(archive.as_str())))
}

/// Commands before one in a pipe that are looked at.
const CHAIN_MAX: usize = 8;

/// Whether a command takes a secret into its hands, or all that the environment holds.
fn holds_secret(line: &Line, command: &Command, name: &str) -> bool {
    let is_environment = (matches!(name, "env" | "printenv") && command.words.len() == 1)
        || (matches!(name, "export" | "declare" | "set")
            && (command.has(&["-p", "-x"]) || command.words.len() == 1)
            && name != "export")
        || name == "environment";
    is_environment
        || super::discover::shows_accounts(command, name)
        || copies_home(command, name)
        || reads::of_command(line, command) == Some(SecretUse::Shown)
}

/// Whether an archiver or a copier is given a whole home, or the settings of the system: keys and tokens lie in them.
fn copies_home(command: &Command, name: &str) -> bool {
    let copies = matches!(name, "tar" | "zip" | "7z" | "rsync" | "scp" | "aws" | "gsutil" | "rclone" | "azcopy");
    copies
        && command.operands(&["-f", "-C"]).any(|word| {
            let path = command.path(word);
            matches!(path.as_str(), "~" | "/root" | "/etc" | "/home" | "/")
                || path.strip_prefix("/home/").is_some_and(|user| !user.is_empty() && !user.contains('/'))
        })
}

/// The file that an archiver or an encoder makes.
fn archive(command: &Command, name: &str) -> Option<String> {
    let file = match name {
        "tar" => {
            let bundle = command
                .words
                .get(1)
                .is_some_and(|word| word.trim_start_matches('-').contains('f') && word.contains('c'));
            if bundle { command.words.get(2).map(String::as_str) } else { after(command, "-f") }
        }
        "zip" | "7z" | "rar" => command.operands(&["-P"]).find(|word| *word != "a"),
        "gpg" | "openssl" => after(command, "-out").or_else(|| after(command, "-o")),
        _ => None,
    };
    file.filter(|file| *file != "-").map(|file| command.path(file))
}

fn after<'c>(command: &'c Command, option: &str) -> Option<&'c str> {
    command.words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1].as_str())
}
