//! What uses a machine up: endless copies of itself, mining, huge files, and files that are encrypted to be held back.

use super::{Effect, EffectKind};
use crate::command::{Command, Line, REMOVERS};

/// Programs that mine.
const MINERS: [&str; 13] = [
    "xmrig",
    "minerd",
    "cpuminer",
    "ethminer",
    "nbminer",
    "lolminer",
    "t-rex",
    "phoenixminer",
    "xmr-stak",
    "bfgminer",
    "cgminer",
    "ccminer",
    "srbminer-multi",
];

/// What a whole line does: a function that calls itself twice at once, until nothing else runs.
pub fn of_line(line: &Line) -> Option<Effect> {
    let is_bomb = line.commands.iter().any(|command| {
        let name = command.words.first();
        let before = line.feeding(command).and_then(|before| before.words.first());
        name.is_some_and(|name| before == Some(name) && line.functions.contains(name))
    });
    is_bomb.then(|| Effect::new(EffectKind::Destroy, "a function that calls itself without end"))
}

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    let is_pool = |word: &String| {
        word.starts_with("stratum+") || word.contains("stratum+tcp://") || word.contains("--donate-level")
    };
    let what = match name {
        _ if MINERS.contains(&name) || command.words.iter().skip(1).any(is_pool) || is_given_pool(command) => {
            "a program that mines"
        }
        "fallocate" | "truncate" | "mkfile"
            if command.words.iter().any(|word| is_huge(word.trim_start_matches("-l").trim_start_matches("-s"))) =>
        {
            "a file is made that is larger than most disks"
        }
        "dd" if written_bytes(command) > HUGE_BYTES => "a file is made that is larger than most disks",
        "fork_bomb" => "a script starts itself or others without end",
        "flood" | "slowloris" | "goldeneye" | "hulk.py" => "a host is flooded with requests",
        "hping3" if command.option(&["--flood", "--faster"]) => "a host is flooded with requests",
        "ab" | "wrk" | "wrk2" | "hey" | "siege" | "bombardier" | "oha" if is_load(command) => {
            "a host is flooded with requests"
        }
        "endless_loop" => LOOPS,
        "yes" if command.redirects.iter().any(|redirect| redirect.path == "/dev/null") => LOOPS,
        "cat" if fills(command) => "a script fills memory or disk without end",
        "fill_memory" => "a script fills memory or disk without end",
        "kill" | "killall" | "pkill" | "taskkill" => {
            return Some(Effect::new(EffectKind::Kill, kill(command, name)?));
        }
        _ => return None,
    };
    Some(Effect::new(EffectKind::Exhaust, what))
}

/// What is said of a loop that only costs time.
pub const LOOPS: &str = "it loops without end";

/// Whether a source without end is written into a file.
fn fills(command: &Command) -> bool {
    let is_endless = |word: &str| matches!(word, "/dev/zero" | "/dev/urandom" | "/dev/random");
    command.operands(&[]).any(is_endless)
        && command
            .redirects
            .iter()
            .any(|redirect| redirect.kind != crate::command::RedirectKind::Read && !redirect.path.starts_with("/dev/"))
}

/// Whether a measurement of load goes to somebody else's host, with more at once than a measurement needs.
fn is_load(command: &Command) -> bool {
    let host = super::destination(command);
    let is_near = host.as_deref().is_none_or(super::is_near);
    let at_once = |word: &str| word.strip_prefix("-c").unwrap_or(word).trim_start_matches('=').parse::<u64>().ok();
    let concurrency =
        command.words.windows(2).filter(|pair| matches!(pair[0].as_str(), "-c" | "--connections" | "--concurrent"));
    let joined = command.words.iter().filter(|word| word.starts_with("-c")).filter_map(|word| at_once(word));
    let most = concurrency.filter_map(|pair| at_once(&pair[1])).chain(joined).max().unwrap_or(0);
    !is_near && most >= LOAD_MIN
}

/// Connections at once from which on a load is no measurement.
const LOAD_MIN: u64 = 1_000;

/// Whether a program is given the address of a pool that shares what is mined.
fn is_given_pool(command: &Command) -> bool {
    if crate::command::is_fetcher(&command.name()) {
        return false;
    }
    let names = |word: &str| ["pool", "xmr", "monero", "nanopool", "minexmr"].iter().any(|part| word.contains(part));
    command.words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "-o" | "--url" | "-P" | "--pool")
            && names(&pair[1])
            && pair[1].rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    })
}

fn kill(command: &Command, name: &str) -> Option<&'static str> {
    match name {
        "kill" if command.has(&["all"]) => Some("a script ends processes that it looks up"),
        "pkill" | "killall" if command.option(&["-u", "--user", "-U", "--uid", "--euid"]) => {
            Some("all processes of a user are ended")
        }
        _ => None,
    }
}

/// As much as most disks do not hold.
const HUGE_BYTES: u64 = 200 << 30;

fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..end)?.parse().ok()?;
    let unit = match text.get(end..end + 1).unwrap_or("").to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

fn is_huge(word: &str) -> bool {
    bytes(word).is_some_and(|bytes| bytes > HUGE_BYTES)
}

fn written_bytes(command: &Command) -> u64 {
    let value = |name: &str| command.words.iter().find_map(|word| word.strip_prefix(name)).and_then(bytes);
    value("bs=").unwrap_or(512).saturating_mul(value("count=").unwrap_or(0))
}

/// Files that are encrypted one by one, while the originals are removed.
pub fn encryption(line: &Line) -> Option<Effect> {
    let encrypts = |command: &Command| match command.name().as_str() {
        "openssl" => {
            command.has(&["enc", "smime", "cms", "pkeyutl", "aes-256-cbc", "-aes-256-cbc", "-aes256"])
                && !command.has(&["-d", "-decrypt"])
        }
        "gpg" | "gpg2" => command.flag('c', "symmetric") || command.flag('e', "encrypt"),
        "age" | "rage" | "ccrypt" => !command.flag('d', "decrypt"),
        "encrypt_files" => true,
        "7z" | "zip" => command.flag('P', "password") || command.words.iter().any(|word| word.starts_with("-p")),
        _ => false,
    };
    let loops = |command: &Command| {
        command.takes_names
            || command.words.iter().any(|word| word.contains('$') || word.contains("{}") || word.contains('*'))
    };
    let is_encrypted =
        line.commands.iter().any(|command| encrypts(command) && (loops(command) || command.name() == "encrypt_files"));
    let removes = || {
        line.commands.iter().any(|command| {
            REMOVERS.contains(&command.name().as_str()) || matches!(command.name().as_str(), "mv" | "encrypt_files")
        })
    };
    (is_encrypted && removes())
        .then(|| Effect::new(EffectKind::Destroy, "files are encrypted and the originals removed"))
}
