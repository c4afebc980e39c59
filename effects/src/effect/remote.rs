//! Letting somebody in from outside: shells for the network, and tunnels past a firewall.

use super::{Effect, EffectKind};
use crate::command::{Command, Line, is_interpreter, is_shell};

/// Programs that open a way in, whatever they are given.
const TUNNELS: [&str; 19] = [
    "ngrok",
    "bore",
    "frpc",
    "chisel",
    "localtunnel",
    "lt",
    "tmate",
    "ttyd",
    "gotty",
    "zrok",
    "playit",
    "pagekite",
    "serveo",
    "expose",
    "sshuttle",
    "iodine",
    "dnscat",
    "dnscat2",
    "gs-netcat",
];

const SHELL: &str = "a shell is handed to the network";
const TUNNEL: &str = "a tunnel from outside to this machine is opened";

/// The effect of one command.
pub fn effect(command: &Command, line: &Line, name: &str) -> Option<Effect> {
    let is_netcat = matches!(name, "nc" | "ncat" | "netcat" | "socat");
    let what = match () {
        () if name == "reverse_shell" => SHELL,
        () if is_netcat && hands_program(command) => SHELL,
        () if reaches_network(command)
            && (is_shell(name) || is_interpreter(name) || matches!(name, "exec" | "" | "cat")) =>
        {
            SHELL
        }
        () if is_shell(name) && feeds(command, line, is_reading_network) => SHELL,
        () if is_netcat && line.feeding(command).is_some_and(|before| is_shell(&before.name())) => SHELL,
        () if reaches_network(command) => "a shell talks to the network by itself",
        () if TUNNELS.contains(&name) && !command.is_rehearsal() && command.words.len() > 1 => TUNNEL,
        () if name == "cloudflared" && command.has(&["tunnel", "access"]) => TUNNEL,
        () if matches!(name, "ssh" | "autossh") && forwards_back(command) => TUNNEL,
        () if name == "tailscale" && command.has(&["up", "funnel", "serve"]) => TUNNEL,
        () if matches!(name, "code" | "code-insiders") && command.has(&["tunnel"]) => TUNNEL,
        () if name == "devtunnel" && command.has(&["host"]) => TUNNEL,
        () if matches!(name, "sshd" | "dropbear" | "telnetd" | "in.telnetd") => {
            "a way to log in from outside is opened"
        }
        () => return None,
    };
    let effect = Effect::new(EffectKind::Remote, what);
    Some(Effect { object: super::destination(command).or_else(|| device(command)), ..effect })
}

/// A shell that reads from a named pipe what the network writes into it.
pub fn of_line(line: &Line) -> Option<Effect> {
    let makes_pipe = line.commands.iter().any(|command| matches!(command.name().as_str(), "mkfifo" | "mknod"));
    let talks = || {
        line.commands.iter().find(|command| {
            matches!(command.name().as_str(), "nc" | "ncat" | "netcat" | "telnet" | "openssl" | "socat")
        })
    };
    let runs = || line.commands.iter().any(|command| is_shell(&command.name()));
    let talker = makes_pipe.then(talks).flatten().filter(|_| runs())?;
    let effect = Effect::new(EffectKind::Remote, SHELL);
    Some(Effect { object: super::destination(talker), ..effect })
}

fn hands_program(command: &Command) -> bool {
    command.flag('e', "exec")
        || command.flag('c', "sh-exec")
        || command.words.iter().any(|word| {
            let word = word.to_ascii_lowercase();
            word.starts_with("exec:") || word.starts_with("system:")
        })
}

fn is_reading_network(command: &Command) -> bool {
    matches!(command.name().as_str(), "nc" | "ncat" | "netcat" | "telnet" | "socat")
}

fn feeds(command: &Command, line: &Line, is: fn(&Command) -> bool) -> bool {
    line.feeding(command).is_some_and(is)
}

/// The connection that the shell opens for a command.
fn device(command: &Command) -> Option<String> {
    let path = command.redirects.iter().map(|redirect| redirect.path.as_str()).find(|path| is_device(path))?;
    path.split('/').nth(3).map(str::to_owned)
}

fn is_device(path: &str) -> bool {
    path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/")
}

fn reaches_network(command: &Command) -> bool {
    command.redirects.iter().any(|redirect| is_device(&redirect.path))
}

/// Whether `ssh` opens a port on the other machine that leads back here.
fn forwards_back(command: &Command) -> bool {
    command.words.iter().skip(1).any(|word| {
        let bundle = word.strip_prefix('-').filter(|bundle| !bundle.starts_with('-'));
        bundle.is_some_and(|bundle| {
            bundle.split(|char: char| !char.is_ascii_alphabetic()).next().is_some_and(|letters| letters.ends_with('R'))
        }) || word.starts_with("RemoteForward")
    })
}
