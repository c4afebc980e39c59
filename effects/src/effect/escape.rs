//! Effects of leaving the container, or of asking the cloud for the credentials of the machine.

use crate::command::Command;
use crate::host;

use super::{Effect, EffectKind};

/// The effect of one command.
pub fn effect(command: &Command) -> Option<Effect> {
    let any = |part: &str| command.words.iter().any(|word| word.contains(part));
    let name = command.name();
    let files = command.redirects.iter().map(|redirect| redirect.path.as_str());
    let words = command.words.iter().map(String::as_str).filter(|_| !is_text(&name));
    let mut named = words.chain(files);
    let is_container = matches!(name.as_str(), "docker" | "podman" | "nerdctl" | "docker-compose");
    let what = match name.as_str() {
        "nsenter" => "nsenter enters the namespaces of another process",
        "unshare" if !command.flag('U', "user") => "unshare makes namespaces of its own",
        // Registers how programs of other processors are run, and ends.
        _ if is_container && command.words.iter().any(|word| EMULATORS.iter().any(|image| word.starts_with(image))) => {
            return None;
        }
        _ if is_container
            && command.option(&["--privileged", "--cap-add"])
            && (command.has(&["--privileged"]) || any("SYS_ADMIN") || any("=ALL") || command.has(&["ALL"])) =>
        {
            "a container with --privileged or the capabilities of the host"
        }
        _ if is_container
            && (any("--pid=host")
                || command.has(&["host"]) && command.has(&["--pid"])
                || any("docker.sock")
                || mounts_root(command)) =>
        {
            "a container that gets the host's processes, root folder or Docker socket"
        }
        "mount" if any("/dev/sd") || any("/dev/vd") || any("/dev/nvme") || command.has(&["cgroup"]) => {
            "mount of a disk or of cgroups"
        }
        "insmod" | "modprobe" => "a kernel module is loaded",
        "chroot" if any("/host") => "chroot into the host's root folder",
        "curl" | "wget" if any("docker.sock") => "a request to the Docker socket",
        "kubectl" if command.words.iter().chain(&command.input).any(|text| is_privileged_pod(text)) => {
            "a pod with the host's rights, processes or root folder"
        }
        "ec2-metadata" | "ec2metadata" => METADATA,
        _ if asks_metadata(command, &name) => METADATA,
        _ if named.any(|word| {
            word.contains("release_agent")
                || word.contains("/proc/sys/kernel/core_pattern")
                || word.contains("/proc/1/root")
        }) =>
        {
            "a file by which the host's kernel starts programs, or its root folder"
        }
        _ => return None,
    };
    Some(Effect::new(EffectKind::Escape, what))
}

/// The effect of a call that asks a host by a tool for the web.
pub fn of_host(host: &str) -> Option<Effect> {
    (host::of(host, "") == host::Class::Metadata).then(|| Effect::new(EffectKind::Escape, METADATA))
}

/// Images that everybody uses to build for other processors; they need the host's kernel for it.
const EMULATORS: [&str; 3] = ["tonistiigi/binfmt", "multiarch/qemu-user-static", "docker/binfmt"];

/// Whether the description of a pod gives it the host.
fn is_privileged_pod(text: &str) -> bool {
    let plain: String = text
        .chars()
        .filter(|char| !char.is_whitespace() && *char != '"' && *char != '\'')
        .take(POD_CHARS_MAX)
        .collect();
    ["privileged:true", "hostPID:true", "hostPath:{path:/}", "hostPath:path:/volumes"]
        .iter()
        .any(|part| plain.contains(part))
}

/// Of a description so much is looked at.
const POD_CHARS_MAX: usize = 16_384;

const METADATA: &str = "the cloud's metadata service, which hands out credentials";

/// Whether a container is given the root folder of the host.
fn mounts_root(command: &Command) -> bool {
    command.words.iter().any(|word| {
        let volume = word.strip_prefix("-v").or_else(|| word.strip_prefix("--volume=")).unwrap_or(word);
        volume.starts_with("/:/") || word.split(',').any(|part| matches!(part, "source=/" | "src=/"))
    })
}

/// Programs whose words are text and no addresses that they reach.
fn is_text(name: &str) -> bool {
    matches!(
        name,
        "echo"
            | "printf"
            | "grep"
            | "egrep"
            | "rg"
            | "git"
            | "sed"
            | "awk"
            | "gh"
            | "jq"
            | "test"
            | "["
            | "[["
            | "export"
            | "cat"
    )
}

/// Whether a command is given an address of the metadata service, in whatever spelling.
fn asks_metadata(command: &Command, name: &str) -> bool {
    // The variables by which containers are told where to ask.
    const VARIABLES: [&str; 3] =
        ["$AWS_CONTAINER_CREDENTIALS_FULL_URI", "$ECS_CONTAINER_METADATA_URI", "$IDENTITY_ENDPOINT"];
    let asks = |word: &String| {
        let is_told = || VARIABLES.iter().any(|variable| word.starts_with(variable));
        // `TCP:169.254.169.254:80`, `--connect-to ::169.254.169.254:`
        let is_part = || word.split([':', ',']).any(|part| part.contains('.') && names_metadata(part));
        names_metadata(word) || is_told() || (!word.contains('/') && is_part())
    };
    !is_text(name) && command.words.iter().skip(1).any(asks)
}

/// Whether a word is, or begins with, the name or an address of a metadata service.
fn names_metadata(word: &str) -> bool {
    let (scheme, rest) = word.split_once("://").map_or(("", word), |(scheme, rest)| (scheme, rest));
    let word = if scheme.is_empty() { rest.rsplit_once('=').map_or(rest, |(_, value)| value) } else { rest };
    let host = word.split(['/', '\\', '?', '#', '$', '"', '\'']).next().unwrap_or(word);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        // Two colons are an address of the sixth version; one stands before a port.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or(host),
        None => host,
    };
    // A number alone is an address only where one is expected.
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit());
    if host.is_empty() || (scheme.is_empty() && (is_number || !host.contains(['.', ':', 'x']))) {
        return false;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host::of(&host, "") == host::Class::Metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_service_is_known_wherever_it_stands_in_a_command() {
        let asks =
            |line: &str| crate::command::Line::read(line).commands.iter().any(|command| effect(command).is_some());
        for line in [
            "curl --connect-to ::169.254.169.254: http://acme.example/",
            "curl --resolve acme.example:80:169.254.169.254 http://acme.example/",
            "socat - TCP:169.254.169.254:80",
            "curl \"$ECS_CONTAINER_METADATA_URI_V4/task\"",
            "curl ${AWS_CONTAINER_CREDENTIALS_FULL_URI}",
        ] {
            assert!(asks(line), "{line}");
        }
        for line in
            ["curl --resolve acme.example:80:203.0.113.7 http://acme.example/", "echo $ECS_CONTAINER_METADATA_URI"]
        {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn every_spelling_of_the_metadata_service_is_known() {
        for word in [
            "http://169.254.169.254/latest/meta-data/",
            "169.254.169.254",
            "http://2852039166/latest",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[fd00:ec2::254]/latest",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "HTTP://user@169.254.169.254:80/",
            "http://metadata.google.internal./computeMetadata/v1/",
            "http://METADATA.google.internal",
            "http://metadata/computeMetadata/v1/",
            "http://100.100.100.200/latest/",
            "169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "http://169.254.170.23/v1/credentials",
            "http://192.0.0.192/latest",
            "http://instance-data.ec2.internal/",
            "http://169.254.169.254.nip.io/",
            "--url=http://169.254.169.254/",
        ] {
            assert!(names_metadata(word), "{word}");
        }
        for word in [
            "http://169.254.1.1/",
            "https://acme.example/169.254.169.254",
            "metadata",
            "2852039166",
            "1.0",
            "src/metadata.rs",
            "",
            "http://",
        ] {
            assert!(!names_metadata(word), "{word}");
        }
    }
}
