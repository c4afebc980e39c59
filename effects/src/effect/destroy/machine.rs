//! Disks, accounts of processes, protections and packages of the machine.

use crate::command::Command;

use super::{Effect, EffectKind};

/// Programs that overwrite disks whatever they are given.
const DISKS: [&str; 10] = [
    "wipefs",
    "blkdiscard",
    "mke2fs",
    "newfs",
    "luksformat",
    "vgremove",
    "lvremove",
    "pvremove",
    "format-volume",
    "clear-disk",
];

/// Program, one of the words that make it destroy a disk.
const DISK_VERBS: [(&str, &[&str]); 10] = [
    ("zpool", &["destroy", "labelclear"]),
    ("zfs", &["destroy", "rollback"]),
    ("btrfs", &["delete"]),
    ("cryptsetup", &["luksFormat", "erase", "luksErase"]),
    ("nvme", &["format", "sanitize"]),
    ("hdparm", &["--security-erase", "--trim-sector-ranges"]),
    ("mdadm", &["--zero-superblock"]),
    ("diskutil", &["eraseDisk", "eraseVolume", "partitionDisk", "zeroDisk", "secureErase"]),
    ("vssadmin", &["delete"]),
    ("parted", &["mklabel", "mktable", "rm", "mkpart"]),
];

/// Package managers of systems, and their verbs that remove.
const PACKAGES: [(&str, &[&str]); 12] = [
    ("apt", &["remove", "purge", "autoremove"]),
    ("apt-get", &["remove", "purge", "autoremove"]),
    ("aptitude", &["remove", "purge"]),
    ("dpkg", &["-r", "-P", "--remove", "--purge"]),
    ("yum", &["remove", "erase"]),
    ("dnf", &["remove", "erase"]),
    ("zypper", &["remove", "rm"]),
    ("rpm", &["-e", "--erase"]),
    ("apk", &["del"]),
    ("snap", &["remove"]),
    ("choco", &["uninstall"]),
    ("winget", &["uninstall"]),
];

/// The effect of one command.
pub fn effect(command: &Command) -> Option<Effect> {
    let name = command.name();
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    let removes_packages = || Some(Effect::new(EffectKind::Discard, "packages of the system are removed"));
    let covers = |what: &str| Some(Effect::new(EffectKind::Cover, what));
    let is_in = |table: &[(&str, &[&str])]| table.iter().any(|(known, verbs)| *known == name && command.has(verbs));
    let operand = command.operands(&[]).next().unwrap_or_default();
    match name.as_str() {
        _ if name == "mkfs" || name.starts_with("mkfs.") || DISKS.contains(&name.as_str()) || is_in(&DISK_VERBS) => {
            // Without an option `wipefs` only lists.
            let is_list = name == "wipefs" && !command.flag('a', "all") && !command.flag('o', "offset");
            // A file that holds a file system is made so.
            let last = command.operands(&["-L", "-t", "-b"]).last().unwrap_or_default();
            let is_image = [".img", ".iso", ".raw", ".qcow2", ".ext4"].iter().any(|ending| last.ends_with(ending));
            if is_list || is_image { None } else { destroys("a disk or volume is formatted, wiped or removed") }
        }
        "fdisk" | "sfdisk" | "gdisk" | "sgdisk" | "cfdisk" | "diskpart" => {
            let lists = command.flag('l', "list") || command.flag('p', "print") || command.flag('d', "dump");
            if lists { None } else { destroys("the partitions of a disk are changed") }
        }
        "format" if operand.len() == 2 && operand.ends_with(':') => {
            destroys("a disk or volume is formatted, wiped or removed")
        }
        "kill" if command.words.last().is_some_and(|word| word == "-1") && command.words.len() > 2 => {
            destroys("all processes are ended")
        }
        "userdel" | "deluser"
            if command.option(&["-r", "-rf", "-f", "--remove", "--remove-home", "--remove-all-files"]) =>
        {
            destroys("a user with all files is removed")
        }
        "shutdown" | "reboot" | "poweroff" | "halt" if !command.has(&["-c"]) && !command.option(&["--help"]) => {
            Some(Effect::new(EffectKind::Kill, "the machine is shut down"))
        }
        "systemctl" if matches!(operand, "reboot" | "poweroff" | "halt" | "kexec") => {
            Some(Effect::new(EffectKind::Kill, "the machine is shut down"))
        }
        "init" | "telinit" if matches!(operand, "0" | "6") => {
            Some(Effect::new(EffectKind::Kill, "the machine is shut down"))
        }
        "wsl" if command.option(&["--unregister"]) => destroys("a system with all its files is removed"),
        "killall5" => destroys("all processes are ended"),
        "crontab" if command.flag('r', " ") => covers("all scheduled commands are removed"),
        "history" if command.flag('c', " ") => covers("the history of the shell is removed"),
        "clear-history" => covers("the history of the shell is removed"),
        "unset" if command.has(&["HISTFILE"]) => covers("the history of the shell is not kept"),
        "wevtutil" if command.has(&["cl", "clear-log"]) => covers("a log of the system is emptied"),
        "journalctl" if command.words.iter().any(|word| is_hasty_vacuum(word)) => {
            covers("logs of the system are removed")
        }
        "iptables" | "ip6tables" if command.flag('F', "flush") => covers("the rules of the firewall are removed"),
        "nft" if command.has(&["flush"]) => covers("the rules of the firewall are removed"),
        "ufw" if matches!(operand, "disable" | "reset") => covers("the firewall is turned off"),
        "setenforce" if operand == "0" => covers("SELinux is turned off"),
        "auditctl" if command.has(&["-D"]) || command.words.windows(2).any(|pair| pair == ["-e", "0"]) => {
            covers("the audit of the system is turned off")
        }
        "systemctl"
            if matches!(operand, "stop" | "disable" | "mask")
                && command.has(&["auditd", "firewalld", "ufw", "falco", "rsyslog", "apparmor"]) =>
        {
            covers("a service that watches or protects is stopped")
        }
        "pacman" if command.words.get(1).is_some_and(|word| word.starts_with("-R")) => removes_packages(),
        _ if is_in(&PACKAGES) => removes_packages(),
        _ => None,
    }
}

/// Whether a clean-up of the journal leaves nothing of the last day. One that frees space keeps days or megabytes.
fn is_hasty_vacuum(word: &str) -> bool {
    // Spans and sizes as systemd.time(7) and journalctl(1) write them: `M` is months there and megabytes here.
    let parts = |value: &str| {
        let end = value.find(|char: char| !char.is_ascii_digit()).unwrap_or(value.len());
        (value[..end].parse::<u64>().unwrap_or(0), value[end..].trim().to_owned())
    };
    if let Some((number, unit)) = word.strip_prefix("--vacuum-time=").map(parts) {
        let is_hours = matches!(unit.as_str(), "h" | "hr" | "hour" | "hours");
        let is_less = matches!(
            unit.as_str(),
            "" | "us"
                | "usec"
                | "ms"
                | "msec"
                | "s"
                | "sec"
                | "second"
                | "seconds"
                | "m"
                | "min"
                | "minute"
                | "minutes"
        );
        return number == 0 || is_less || (is_hours && number < 24);
    }
    if let Some((number, unit)) = word.strip_prefix("--vacuum-size=").map(parts) {
        return matches!(unit.as_str(), "" | "K" | "k") || (unit == "M" && number < 10);
    }
    word.strip_prefix("--vacuum-files=").is_some_and(|files| matches!(files, "0" | "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_keeps_days_is_no_trace_that_is_taken_away() {
        for (word, is_hasty) in [
            ("--vacuum-time=1s", true),
            ("--vacuum-time=5min", true),
            ("--vacuum-time=2h", true),
            ("--vacuum-time=0d", true),
            ("--vacuum-time=48hours", false),
            ("--vacuum-time=7d", false),
            ("--vacuum-time=2weeks", false),
            ("--vacuum-time=3months", false),
            ("--vacuum-time=1M", false),
            ("--vacuum-size=1K", true),
            ("--vacuum-size=1M", true),
            ("--vacuum-size=500M", false),
            ("--vacuum-size=2G", false),
            ("--vacuum-files=1", true),
            ("--vacuum-files=10", false),
            ("--vacuum-time=", true),
            ("--disk-usage", false),
        ] {
            assert_eq!(is_hasty_vacuum(word), is_hasty, "{word}");
        }
    }
}
