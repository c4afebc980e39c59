//! Files and folders that are removed, emptied or overwritten without which little is left.

use crate::command::{Command, Line, REMOVERS, RedirectKind};
use crate::file::paths;
use crate::file::secrets::holds_secrets;

use super::{Effect, EffectKind};

/// The effect of one command.
pub fn effect(command: &Command, line: &Line) -> Option<Effect> {
    let name = command.name();
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    if written(command).is_some_and(|path| is_device(&path) || is_account_file(&path)) {
        return destroys("a disk or a file of the system's accounts is overwritten");
    }
    if let Some(path) = emptied(command, line, &name) {
        if is_trace(&path) {
            return Some(Effect::new(EffectKind::Cover, "a history or log is emptied"));
        }
        if is_dear(&path) {
            return destroys("a file that matters is emptied");
        }
    }
    match name.as_str() {
        _ if REMOVERS.contains(&name.as_str()) => removed(command, &name).or_else(|| handed_on(command, line, &name)),
        "robocopy"
            if command.words.iter().any(|word| matches!(word.to_ascii_lowercase().as_str(), "/mir" | "/purge")) =>
        {
            let target = command.operands(&[]).nth(1)?;
            is_root(&command.path(target))
                .then(|| Effect::new(EffectKind::Destroy, "robocopy deletes in a root, home or system folder"))
        }
        "mv" | "move" | "move-item" => {
            let last = command.operands(&["-t"]).last()?;
            if last == "/dev/null" || last.eq_ignore_ascii_case("nul") {
                return destroys("mv onto the null device");
            }
            let into = command.option(&["-t", "--target-directory"]);
            let count = command.operands(&["-t"]).count() - usize::from(!into);
            if command.operands(&["-t"]).take(count).any(|word| is_trace(&command.path(word))) {
                return Some(Effect::new(EffectKind::Cover, "a history or log is moved away"));
            }
            let is_vital = |word: &str| is_vital(&command.path(word));
            let moved = command.operands(&["-t"]).take(count).any(is_vital);
            moved
                .then(|| Effect::new(EffectKind::Destroy, "a file without which the system does not run is moved away"))
        }
        "find" if deletes(command, line) && (!is_narrow(command) || searches_all(command)) => {
            let mut starts = command.words[1..].iter().take_while(|word| !word.starts_with(['-', '!', '(']));
            let is_root = starts.any(|start| is_root(&command.path(start)));
            is_root.then(|| {
                Effect::new(EffectKind::Destroy, "find deletes everything from a root, home or system folder on")
            })
        }
        "rsync"
            if command.option(&["--delete", "--delete-before", "--delete-after", "--delete-excluded", "--del"])
                && !command.flag('n', "dry-run") =>
        {
            let target = command.operands(&[]).last()?;
            is_root(&command.path(target))
                .then(|| Effect::new(EffectKind::Destroy, "rsync deletes in a root, home or system folder"))
        }
        "chmod" | "chown" | "chgrp" | "icacls" if command.flag('R', "recursive") => {
            let is_root = command.operands(&[]).skip(1).any(|path| is_root(&command.path(path)));
            is_root.then(|| {
                Effect::new(EffectKind::Destroy, "owners or permissions of a root, home or system folder are changed")
            })
        }
        "truncate" => {
            let path = command.operands(&["-s", "--size", "-r"]).next()?;
            let path = command.path(path);
            let is_zero = command.words.iter().any(|word| matches!(word.as_str(), "0" | "-s0" | "--size=0"));
            let is_needless =
                paths::is_scratch(&path) || paths::is_generated(&path) || path.strip_suffix(".log").is_some();
            (is_zero && !is_needless).then(|| Effect::new(EffectKind::Destroy, "truncate empties a file"))
        }
        _ => None,
    }
}

/// A folder that a command makes, which must not have been there.
pub fn made(command: &Command) -> Option<String> {
    let is_new = command.name() == "mkdir" && !command.flag('p', "parents");
    let folder = command.operands(&["-m"]).next().filter(|_| is_new)?;
    Some(format!("folder:{}", command.path(folder)))
}

/// Whether a removal takes folders with all that they hold.
pub fn is_recursive(command: &Command, name: &str) -> bool {
    let says = |letter: &str| command.words.iter().any(|word| word.eq_ignore_ascii_case(letter));
    match name {
        "rimraf" | "rm-rf" | "del-cli" | "trash" => true,
        "rmdir" | "rd" => says("/s") || says("-recurse") || says("-r"),
        "del" | "erase" => says("/s") || says("-recurse"),
        _ => command.flag('r', "recursive") || command.flag('R', "recursive"),
    }
}

/// What a removal is given: its operands without the switches of Windows.
pub fn removed_paths<'c>(command: &'c Command, name: &'c str) -> impl Iterator<Item = &'c str> {
    let is_windows = matches!(name, "del" | "erase" | "rd" | "rmdir");
    let is_rehearsal = command.before_dashes().any(|word| word.eq_ignore_ascii_case("-whatif"));
    command
        .operands(&["-ErrorAction", "-n", "-s", "--iterations"])
        .filter(move |word| !(is_windows && word.len() == 2 && word.starts_with('/')))
        .filter(move |_| !is_rehearsal)
        .flat_map(|word| word.split(',').filter(|part| !part.is_empty()))
}

fn removed(command: &Command, name: &str) -> Option<Effect> {
    let is_whole = is_recursive(command, name);
    for word in removed_paths(command, name) {
        let path = command.path(word);
        if name == "shred" {
            if !paths::is_scratch(&path) {
                return Some(Effect::new(EffectKind::Destroy, "shred overwrites files"));
            }
        } else if is_device(&path) {
            return Some(Effect::new(EffectKind::Destroy, "a device is removed"));
        } else if is_trace(&path) {
            return Some(Effect::new(EffectKind::Cover, "a history or log is removed"));
        } else if is_whole && is_root(&path) {
            return Some(Effect::new(EffectKind::Destroy, "rm of a root, home or system folder"));
        } else if is_whole && is_repository(&path) {
            return Some(Effect::new(EffectKind::Destroy, "rm of a repository's history"));
        } else if is_whole && (is_of_system(&path) || is_personal(&path)) {
            let effect = Effect::new(EffectKind::Destroy, "rm of a folder of the system, or of a person's own");
            return Some(effect.about("folder", Some(&path)));
        }
    }
    None
}

/// What a listing of a root hands on to a removal: `ls ~ | xargs rm -rf`.
fn handed_on(command: &Command, line: &Line, name: &str) -> Option<Effect> {
    let takes = command.takes_names || matches!(name, "remove-item" | "ri");
    let feeding = line.feeding(command).filter(|_| takes && is_recursive(command, name))?;
    let lists = matches!(feeding.name().as_str(), "ls" | "dir" | "get-childitem" | "gci");
    let is_whole = lists && feeding.operands(&[]).any(|folder| is_root(&feeding.path(folder)));
    is_whole.then(|| Effect::new(EffectKind::Destroy, "rm of all that a root, home or system folder holds"))
}

/// A root, also with what a command line makes of it when a pattern is put behind it, such as `~/.*`.
fn is_root(path: &str) -> bool {
    paths::is_root(path)
        || path.strip_suffix("/.*").is_some_and(paths::is_root)
        || path.strip_suffix("/{}").is_some_and(paths::is_root)
}

/// Whether a search goes through the whole machine for what is no cache.
fn searches_all(command: &Command) -> bool {
    let is_wide = command.words[1..]
        .iter()
        .take_while(|word| !word.starts_with(['-', '!', '(']))
        .any(|word| matches!(word.as_str(), "/" | "/etc" | "/usr" | "/var" | "/home" | "/root" | "/opt" | "/srv"));
    let is_cache = |word: &str| {
        ["cache", "pyc", "tmp", ".log", "node_modules", ".DS_Store", "~", ".swp", ".bak"]
            .iter()
            .any(|part| word.contains(part))
    };
    let names = |word: &str| matches!(word, "-name" | "-iname" | "-path" | "-regex" | "-wholename");
    let is_narrowed = command
        .words
        .windows(3)
        .any(|part| names(&part[1]) && !matches!(part[0].as_str(), "!" | "-not" | "-o" | "-or") && is_cache(&part[2]));
    is_wide && !is_narrowed
}

/// Whether a path is a program or library of the system, or one of the files that say who may use it and what it starts.
fn is_vital(path: &str) -> bool {
    const FILES: [&str; 9] = [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/sudoers",
        "/etc/fstab",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/etc/ssh/sshd_config",
        "/etc/crontab",
    ];
    const FOLDERS: [&str; 8] =
        ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/lib/", "/lib64/", "/usr/lib/", "/boot/"];
    FILES.contains(&path)
        || FOLDERS.iter().any(|folder| path.starts_with(folder))
        || matches!(path, "/etc" | "/bin" | "/lib" | "/usr" | "/boot" | "/sbin" | "/root" | "/home" | "/var")
}

fn is_repository(path: &str) -> bool {
    let path = path.trim_end_matches(['/', '*']).trim_end_matches('/');
    path == ".git" || path.ends_with("/.git") || path.ends_with("/.git/objects") || path.ends_with("/.git/refs")
}

/// A folder of the system that no build makes and no package list fills.
fn is_of_system(path: &str) -> bool {
    const SPARED: [&str; 6] =
        ["/usr/local/", "/usr/src/", "/var/lib/apt/lists", "/root/", "/usr/share/doc", "/usr/share/man"];
    paths::is_system(path)
        && !SPARED.iter().any(|spared| path.starts_with(spared))
        && !paths::is_generated(path)
        && !paths::is_of_tools(path)
}

/// A folder of a home that is a person's own.
fn is_personal(path: &str) -> bool {
    const OWN: [&str; 23] = [
        "code",
        "dev",
        "git",
        "projects",
        "repos",
        "workspaces",
        "documents",
        "desktop",
        "downloads",
        "pictures",
        "music",
        "videos",
        "movies",
        "library",
        ".ssh",
        ".gnupg",
        ".aws",
        ".config",
        ".kube",
        ".local",
        "appdata",
        "onedrive",
        "dropbox",
    ];
    let path = path.to_ascii_lowercase();
    let in_home = path.strip_prefix("~/").or_else(|| {
        let rest = ["/home/", "/users/", "c:/users/"].iter().find_map(|homes| path.strip_prefix(homes))?;
        rest.split_once('/').map(|(_, rest)| rest)
    });
    in_home.is_some_and(|rest| OWN.contains(&rest.trim_end_matches(['/', '*']).trim_end_matches('/')))
}

/// Whether `find` deletes what it finds, itself or by the command that it runs.
pub fn deletes(command: &Command, line: &Line) -> bool {
    command.has(&["-delete"]) || command.feeds_removal || line.removes_found
}

/// Whether tests of names, ages and the like narrow what `find` finds; one that is turned around does not.
pub fn is_narrow(command: &Command) -> bool {
    const NARROWING: [&str; 12] = [
        "-name",
        "-iname",
        "-path",
        "-ipath",
        "-regex",
        "-iregex",
        "-size",
        "-empty",
        "-mtime",
        "-mmin",
        "-newer",
        "-wholename",
    ];
    command.words.windows(2).any(|pair| {
        NARROWING.contains(&pair[1].as_str())
            && !matches!(pair[0].as_str(), "!" | "-not" | "-o" | "-or")
            && !command.words.windows(2).any(|after| after[0] == pair[1] && after[1] == "*")
    })
}

/// A file that a command writes anew.
fn written(command: &Command) -> Option<String> {
    let redirected = command.redirects.iter().find(|redirect| redirect.kind == RedirectKind::Write);
    let redirected = redirected.map(|redirect| redirect.path.clone());
    let of = || command.words.iter().find_map(|word| word.strip_prefix("of=")).map(str::to_owned);
    let last = || command.operands(&[]).last().map(str::to_owned);
    let path = match command.name().as_str() {
        "dd" => of().or(redirected),
        // What these add to a file leaves what was in it.
        "cp" | "tee" if redirected.is_none() && !command.flag('a', "append") => {
            last().filter(|path| is_device(path) || is_account_file(path))
        }
        "cp" | "tee" | "cat" if redirected.is_none() => None,
        _ => redirected,
    };
    path.map(|path| command.path(&path))
}

/// A file that a command empties: it is written anew and given nothing.
fn emptied(command: &Command, line: &Line, name: &str) -> Option<String> {
    let path = match name {
        "cp" if command.operands(&[]).next() == Some("/dev/null") => command.operands(&[]).last().map(str::to_owned),
        "clear-content" => command.operands(&[]).next().map(str::to_owned),
        "truncate" => command.operands(&["-s", "--size", "-r"]).next().map(str::to_owned),
        "ln" => command
            .operands(&[])
            .next()
            .filter(|path| *path == "/dev/null")
            .and_then(|_| command.operands(&[]).nth(1))
            .map(str::to_owned),
        "" | ":" | "true" => written(command).filter(|_| command.fed_by.is_none() || line.commands.is_empty()),
        "cat" | "tee" => written(command).filter(|_| command.has(&["/dev/null"])),
        "echo" | "printf" => {
            let says_nothing = command.words.iter().skip(1).all(|word| word.is_empty() || word == "-n");
            written(command).filter(|_| says_nothing)
        }
        _ => None,
    };
    path.map(|path| command.path(&path))
}

fn is_device(path: &str) -> bool {
    const DISKS: [&str; 11] = ["sd", "hd", "vd", "xvd", "nvme", "mmcblk", "disk", "rdisk", "mapper/", "md", "mem"];
    let device = path.strip_prefix("/dev/");
    device.is_some_and(|name| DISKS.iter().any(|disk| name.starts_with(disk)))
        || path.starts_with("\\\\.\\physicaldrive")
        || path.starts_with("//./physicaldrive")
}

fn is_account_file(path: &str) -> bool {
    matches!(
        path,
        "/etc/passwd"
            | "/etc/shadow"
            | "/etc/group"
            | "/etc/gshadow"
            | "/etc/fstab"
            | "/etc/sudoers"
            | "/boot/grub/grub.cfg"
    )
}

/// A history of a shell or a log of the system.
fn is_trace(path: &str) -> bool {
    const HISTORIES: [&str; 6] = [
        ".bash_history",
        ".zsh_history",
        ".sh_history",
        ".python_history",
        ".mysql_history",
        "consolehost_history.txt",
    ];
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let is_log = path.starts_with("/var/log/") && !path.contains("/apt") && !path.contains("nginx");
    HISTORIES.contains(&name.as_str()) || is_log
}

/// A file that is missed when it is empty: secrets, data, what the system or a shell starts from.
fn is_dear(path: &str) -> bool {
    const ENDINGS: [&str; 8] = [".db", ".sqlite", ".sqlite3", ".sql", ".mdb", ".kdbx", ".dump", ".bak"];
    let is_data = ENDINGS.iter().any(|ending| path.len() > ending.len() && path.ends_with(ending));
    let is_kept =
        holds_secrets(path) || paths::is_system(path) || paths::starts_by_itself(path) || path.contains(".git/");
    (is_data || is_kept) && !paths::is_scratch(path) && !paths::is_generated(path)
}
