//! Searching networks for what is open, and trying passwords.

use super::{Effect, EffectKind};
use crate::command::Command;

/// Programs that search networks, break passwords or try attacks, whatever they are given.
const SCANNERS: [&str; 31] = [
    "masscan",
    "zmap",
    "rustscan",
    "naabu",
    "hydra",
    "medusa",
    "ncrack",
    "john",
    "hashcat",
    "sqlmap",
    "nikto",
    "gobuster",
    "ffuf",
    "dirb",
    "dirbuster",
    "feroxbuster",
    "wfuzz",
    "msfconsole",
    "msfvenom",
    "responder",
    "crackmapexec",
    "netexec",
    "nxc",
    "enum4linux",
    "nuclei",
    "kube-hunter",
    "peirates",
    "bettercap",
    "arp-scan",
    "netdiscover",
    "fping",
];

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    let program = command.words.first().map_or("", String::as_str);
    let what = match name {
        _ if SCANNERS.contains(&name) => "a tool that searches networks or tries passwords",
        "nmap" if !command.operands(&["-p", "-oN", "-oX"]).all(super::is_near_or_empty) || is_wide(command) => {
            "a network is searched for open ports"
        }
        "tcpdump" | "tshark" | "dumpcap" | "ngrep" | "ettercap" if command.words.len() > 1 && !command.has(&["-r"]) => {
            "what goes over the network is recorded"
        }
        "sshpass" if command.words.iter().any(|word| word.contains('$')) => "passwords are tried one after another",
        "nc" | "ncat" | "netcat" if command.flag('z', "zero") && command.words.iter().any(|word| is_range(word)) => {
            "a machine is searched for open ports"
        }
        _ if ["linpeas", "linenum", "pspy", "lse.sh", "winpeas", "mimikatz", "lazagne", "linux-exploit-suggester"]
            .iter()
            .any(|tool| program.rsplit('/').next().unwrap_or(program).to_ascii_lowercase().starts_with(tool)) =>
        {
            "a tool that searches a machine for ways to more privileges"
        }
        _ => return None,
    };
    Some(Effect::new(EffectKind::Scan, what))
}

/// Whether a whole network is given.
fn is_wide(command: &Command) -> bool {
    command
        .operands(&["-p"])
        .any(|word| word.rsplit_once('/').is_some_and(|(_, bits)| bits.parse::<u8>().is_ok_and(|bits| bits <= 28)))
}

/// Whether a word is a range of ports, such as `1-1024`, that is more than a few.
fn is_range(word: &str) -> bool {
    let ends =
        word.split_once('-').and_then(|(first, last)| Some((first.parse::<u32>().ok()?, last.parse::<u32>().ok()?)));
    ends.is_some_and(|(first, last)| last.saturating_sub(first) >= 16)
}
