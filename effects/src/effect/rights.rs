//! Privileges, permissions and accounts: who may do what, before and after a command.

use super::{Effect, EffectKind};
use crate::command::{Command, RedirectKind};
use crate::file::paths;

/// The effects of one command.
pub fn effects(command: &Command, name: &str) -> Option<Effect> {
    account(command, name).or_else(|| permission(command, name)).or_else(|| privilege(command, name))
}

fn account(command: &Command, name: &str) -> Option<Effect> {
    let what = match name {
        "useradd" | "adduser" | "groupadd" | "newusers" => "a user or group is made",
        "net" | "net1" if command.has(&["user", "localgroup"]) && command.has(&["/add", "/ADD"]) => {
            "a user or group is made"
        }
        "dscl" if command.has(&["-create", "-append"]) => "a user or group is made",
        "usermod" | "gpasswd" | "addgroup" if command.has(&["docker", "sudo", "wheel", "root", "admin"]) => {
            "a user joins a privileged group"
        }
        "passwd" | "chpasswd" if !command.flag('S', "status") => "passwords are changed",
        "kubectl" | "oc"
            if creates(command, &["clusterrolebinding", "rolebinding", "clusterrole", "serviceaccount", "token"]) =>
        {
            CLOUD
        }
        "aws"
            if command.has(&["iam", "sts"])
                && command.words.iter().any(|word| GRANTS.iter().any(|verb| word.starts_with(verb))) =>
        {
            CLOUD
        }
        "gcloud"
            if command.has(&["add-iam-policy-binding"]) || (command.has(&["keys"]) && command.has(&["create"])) =>
        {
            CLOUD
        }
        "az" if command.has(&["create-for-rbac", "assignment", "credential"])
            && command.has(&["create", "create-for-rbac", "reset"]) =>
        {
            CLOUD
        }
        "gh" if command.words.iter().any(|word| word.contains("/collaborators/") || word.contains("/keys"))
            && command.has(&["PUT", "POST"]) =>
        {
            CLOUD
        }
        "ssh-copy-id" => "a key that lets somebody in is added on another machine",
        _ => {
            let path = written(command, name)?;
            let what = match paths::name(&path) {
                "authorized_keys" | "authorized_keys2" => "a key that lets somebody in is added",
                ".rhosts" | "hosts.equiv" => "a machine is trusted without a password",
                _ if matches!(path.as_str(), "/etc/passwd" | "/etc/shadow" | "/etc/group" | "/etc/gshadow") => {
                    "accounts of the machine are changed"
                }
                _ if path.starts_with("/etc/pam.d/") || path == "/etc/ssh/sshd_config" => {
                    "how people log in to the machine is changed"
                }
                _ => return None,
            };
            return Some(Effect::new(EffectKind::Account, what).on(path));
        }
    };
    Some(Effect::new(EffectKind::Account, what))
}

const CLOUD: &str = "who may do what in a cluster, cloud or service is changed";
/// How verbs begin by which a cloud lets somebody in.
const GRANTS: [&str; 9] = [
    "create-access-key",
    "create-user",
    "create-login-profile",
    "attach-user-policy",
    "attach-role-policy",
    "put-user-policy",
    "put-role-policy",
    "add-user-to-group",
    "update-assume-role-policy",
];

fn creates(command: &Command, kinds: &[&str]) -> bool {
    command.has(&["create"]) && command.has(kinds)
}

fn permission(command: &Command, name: &str) -> Option<Effect> {
    let is_setuid = |word: &str| {
        matches!(word, "u+s" | "+s" | "g+s" | "ug+s" | "a+s" | "u+sx" | "+xs")
            || (word.len() == 4
                && matches!(word.as_bytes()[0], b'2' | b'4' | b'6')
                && word.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let what = match name {
        "chmod" if command.words.iter().skip(1).any(|word| is_setuid(word)) => {
            "a program is made to run as its owner, whoever starts it"
        }
        "setcap" => "a program gets capabilities",
        "chmod" | "chown" | "setfacl" | "chgrp" if command.operands(&["-m", "-x"]).any(is_account_file) => {
            "the files of accounts and passwords are opened to others"
        }
        "visudo" if !command.flag('c', "check") => "sudo's rules are changed",
        _ => {
            let path =
                written(command, name).filter(|path| path == "/etc/sudoers" || path.starts_with("/etc/sudoers.d/"))?;
            return Some(Effect::new(EffectKind::Permission, "sudo's rules are changed").on(path));
        }
    };
    Some(Effect::new(EffectKind::Permission, what))
}

fn is_account_file(word: &str) -> bool {
    matches!(
        word,
        "/etc/passwd" | "/etc/shadow" | "/etc/group" | "/etc/gshadow" | "/etc/sudoers" | "/root" | "/root/.ssh"
    )
}

fn privilege(command: &Command, name: &str) -> Option<Effect> {
    let opens = |word: &String| {
        matches!(word.as_str(), "777" | "0777" | "a+rwx" | "+rwx" | "ugo+rwx" | "666" | "0666" | "a+w" | "o+w")
    };
    let what = match name {
        "chmod" if command.words.iter().skip(1).any(opens) => {
            let path = command.operands(&[]).nth(1).map(|path| command.path(path));
            let effect = Effect::new(EffectKind::Privilege, "files are opened to everybody");
            return Some(Effect { object: path, ..effect });
        }
        "su" | "runas" => "su changes the user",
        "sudo" | "doas" | "pkexec" => "a shell of another user is opened",
        _ if command.is_privileged => "sudo",
        _ => return None,
    };
    Some(Effect::new(EffectKind::Privilege, what))
}

/// The file that a command writes, by a redirection or as what its program is given.
pub fn written(command: &Command, name: &str) -> Option<String> {
    written_all(command, name).next()
}

/// The files that a command writes.
pub fn written_all<'c>(command: &'c Command, name: &'c str) -> impl Iterator<Item = String> + use<'c> {
    let redirected = command.redirects.iter().filter(|redirect| redirect.kind != RedirectKind::Read);
    let redirected = redirected.map(|redirect| redirect.path.as_str());
    let is_in_place =
        || command.words.iter().skip(1).any(|word| word.starts_with("-i") || word.starts_with("--in-place"));
    let all = name == "tee" || name == "touch" || name == "out-file" || name == "set-content" || name == "add-content";
    let last =
        matches!(name, "cp" | "mv" | "ln" | "install" | "copy" | "copy-item" | "move-item" | "move" | "scp" | "rsync");
    let edits = matches!(name, "sed" | "perl") && is_in_place();
    let operands: Vec<&str> =
        if all || last || edits { command.operands(&["-t", "-m", "-o", "-g", "-e"]).collect() } else { Vec::new() };
    let operands = match () {
        () if all => operands,
        // The first operand is what is done, unless an option says it.
        () if edits => operands.into_iter().skip(usize::from(!command.option(&["-e", "--expression"]))).collect(),
        () => {
            operands.split_last().filter(|(_, before)| !before.is_empty()).map(|(last, _)| *last).into_iter().collect()
        }
    };
    let output = match name {
        "curl" => command.value('o', "--output"),
        "wget" => command.value('O', "--output-document"),
        _ => None,
    };
    let of = command.words.iter().filter(move |_| name == "dd").filter_map(|word| word.strip_prefix("of="));
    // Into a folder goes a file of the name that it had.
    let first = command.operands(&["-t", "-m", "-o", "-g"]).next().filter(|_| last);
    let named = move |path: &str| match (path.ends_with('/'), first) {
        (true, Some(first)) => format!("{path}{}", paths::name(first)),
        _ => path.to_owned(),
    };
    let written = redirected.chain(operands).chain(output).chain(of).filter(|path| !is_nothing(path));
    written.map(move |path| command.path(&named(path)))
}

/// Where what is written is shown or thrown away.
fn is_nothing(path: &str) -> bool {
    matches!(path, "-" | "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "nul" | "NUL")
        || path.starts_with("/dev/fd/")
}
