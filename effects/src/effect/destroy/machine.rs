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
            if is_list { None } else { destroys("a disk or volume is formatted, wiped or removed") }
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

/// Whether a clean-up of the journal leaves nothing of the last hours. One that frees space keeps days or megabytes.
fn is_hasty_vacuum(word: &str) -> bool {
    if let Some(time) = word.strip_prefix("--vacuum-time=") {
        return time.ends_with("ms")
            || time.ends_with("us")
            || time.ends_with('s') && !time.ends_with("ays")
            || time.ends_with("min")
            || time.ends_with("sec");
    }
    word.strip_prefix("--vacuum-size=").is_some_and(|size| {
        let digits = size.trim_end_matches(|char: char| !char.is_ascii_digit());
        size.ends_with(['K', 'k'])
            || (size.ends_with('M') && digits.parse::<u32>().is_ok_and(|number| number < 10))
            || size == digits
    }) || word == "--vacuum-files=1"
}
