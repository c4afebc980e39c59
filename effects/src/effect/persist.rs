//! What starts by itself after a command: schedules, services, profiles, hooks, and what agents and pipelines take orders from.

use super::rights::written_all;
use super::{Effect, EffectKind, configure};
use crate::command::{Command, RedirectKind};
use crate::file::paths;

/// The effects of one command.
pub fn effects(command: &Command, name: &str) -> Option<Effect> {
    by_program(command, name)
        .map(|what| Effect::new(EffectKind::Persist, what))
        .or_else(|| by_cloud(command, name))
        .or_else(|| by_file(command, name))
        .or_else(|| by_instructions(command, name))
}

fn by_program(command: &Command, name: &str) -> Option<&'static str> {
    let verb = command.operands(&[]).next().unwrap_or_default();
    Some(match name {
        "crontab" if !command.flag('l', " ") && !command.flag('r', " ") && (verb == "-" || !verb.is_empty()) => {
            "the schedule of commands is changed"
        }
        // `crontab` alone takes it from its input.
        "crontab" if command.words.len() == 1 && (command.fed_by.is_some() || command.input.is_some()) => {
            "the schedule of commands is changed"
        }
        "at" | "batch" if command.fed_by.is_some() || command.input.is_some() || command.option(&["-f"]) => {
            "a command is put off until later"
        }
        "systemctl" if matches!(verb, "enable" | "reenable" | "link" | "edit") => {
            "a service is made to start by itself"
        }
        "update-rc.d" | "chkconfig" | "rc-update" if !command.has(&["--list", "remove", "del", "off"]) => {
            "a service is made to start by itself"
        }
        "launchctl" if matches!(verb, "load" | "bootstrap" | "enable") => "a service is made to start by itself",
        "schtasks" if command.words.iter().any(|word| word.eq_ignore_ascii_case("/create")) => {
            "the schedule of commands is changed"
        }
        "register-scheduledtask" | "new-scheduledtask" => "the schedule of commands is changed",
        "new-service" | "sc" if command.has(&["create", "New-Service"]) || name == "new-service" => {
            "a service is made to start by itself"
        }
        "reg" if verb == "add" && runs_at_login(command) => "a command is made to start with every login",
        "set-itemproperty" | "new-itemproperty" if runs_at_login(command) => {
            "a command is made to start with every login"
        }
        "loginctl" if verb == "enable-linger" => "what a user started goes on without the user",
        "git" if leads_elsewhere(command) => "git is led to another repository than the one it names",
        "pm2" if verb == "startup" => "a service is made to start by itself",
        "git" if is_git_hook(command) => "git is made to run a command by itself",
        _ => return None,
    })
}

fn runs_at_login(command: &Command) -> bool {
    command.words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        word.contains("currentversion\\run") || word.contains("currentversion/run") || word.contains("winlogon")
    })
}

/// Settings by which git runs commands: hooks from outside of the repository, a program for each access, an alias that is a command.
fn is_git_hook(command: &Command) -> bool {
    let words: Vec<&str> = command.operands(&["-C", "-c", "-f", "--file"]).collect();
    let (Some(&"config"), rest) = (words.first().copied().as_ref(), words.get(1..).unwrap_or_default()) else {
        return false;
    };
    let [name, value, ..] = rest else { return false };
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        // Projects keep hooks in folders of their own.
        "core.hookspath" => value.starts_with(['/', '~', '$']) || command.option(&["--global", "--system"]),
        "core.sshcommand" | "core.fsmonitor" | "core.editor" | "core.pager" => is_command(value),
        "credential.helper" => value.starts_with('!'),
        _ => name.starts_with("alias.") && value.starts_with('!') && is_command(value),
    }
}

/// Whether addresses of repositories are replaced by others.
fn leads_elsewhere(command: &Command) -> bool {
    command.words.iter().any(|word| word.to_ascii_lowercase().ends_with(".insteadof"))
}

/// Whether a setting is a command that fetches or starts something else than an editor or pager.
fn is_command(value: &str) -> bool {
    ["curl", "wget", "bash", "sh ", "/dev/tcp", "nc ", "python", "base64", "/tmp/"]
        .iter()
        .any(|part| value.contains(part))
}

/// What a command gives a cloud to run: functions, schedules, commands for its machines.
fn by_cloud(command: &Command, name: &str) -> Option<Effect> {
    let has = |words: &[&str]| words.iter().all(|word| command.has(&[word]));
    let runs = match name {
        "aws" => {
            has(&["lambda", "create-function"])
                || has(&["events", "put-rule"])
                || has(&["ssm", "send-command"])
                || has(&["scheduler", "create-schedule"])
        }
        "gcloud" => has(&["instances", "create"]) && command.words.iter().any(|word| word.contains("startup-script")),
        "az" => has(&["run-command", "invoke"]),
        _ => false,
    };
    runs.then(|| Effect::new(EffectKind::Persist, "a cloud is given code that it runs by itself or on its machines"))
}

/// What a command writes that starts by itself, or from which agents and pipelines take orders.
fn by_file(command: &Command, name: &str) -> Option<Effect> {
    written_all(command, name).find_map(|path| {
        let what = match () {
            // A key that lets somebody in is told as such.
            () if paths::name(&path) == "authorized_keys" => return None,
            () if extends_profile(command, name) => return None,
            () if paths::starts_by_itself(&path) => "a file is written from which something starts by itself",
            () if paths::is_git_hook(&path) => "a hook is written that git runs by itself",
            () if path == "/etc/apt/sources.list"
                || path.starts_with("/etc/apt/apt.conf.d/")
                || path == "/etc/pip.conf" =>
            {
                "where packages come from is changed"
            }
            () if matches!(
                path.as_str(),
                "/etc/hosts" | "/etc/resolv.conf" | "/etc/nsswitch.conf" | "/etc/systemd/resolved.conf"
            ) =>
            {
                "names of hosts are led elsewhere"
            }
            () if path.contains("/ca-certificates/") || path.starts_with("/etc/pki/") => {
                "whom the machine trusts is changed"
            }
            () if is_system_program(&path) => "a program of the system is replaced",
            () if paths::is_agent_configuration(&path) => configure::WRITTEN,
            () if paths::is_ci(&path) => "a file is written that continuous integration runs",
            () => return None,
        };
        Some(Effect::new(EffectKind::Persist, what).on(path))
    })
}

/// What a command writes that agents read later.
fn by_instructions(command: &Command, name: &str) -> Option<Effect> {
    let path = written_all(command, name).find(|path| paths::is_agent_instructions(path))?;
    Some(Effect::new(EffectKind::Remember, "a file is written from which agents take instructions").on(path))
}

/// A file in a folder of programs that packages fill, and nobody by hand.
fn is_system_program(path: &str) -> bool {
    ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"].iter().any(|folder| path.starts_with(folder))
}

/// Whether a command adds to a profile what tools ask for: a path, a plain variable, a completion. Nothing else starts from that.
fn extends_profile(command: &Command, name: &str) -> bool {
    // Variables by which programs are made to start others.
    const LOADED: [&str; 9] = [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PROMPT_COMMAND",
        "BASH_ENV",
        "ENV=",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "GIT_SSH",
        "EDITOR",
    ];
    let adds = command.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Append);
    let is_plain = |line: &str| {
        let line = line.trim();
        let is_path = line
            .strip_prefix("export PATH=")
            .or_else(|| line.strip_prefix("PATH="))
            .is_some_and(|value| !value.contains("/tmp"));
        let is_variable =
            line.strip_prefix("export ").is_some_and(|rest| !LOADED.iter().any(|name| rest.starts_with(name)));
        let is_completion = line.starts_with("eval \"$(")
            && ["init", "hook", "completion", "shellenv", "env"].iter().any(|word| line.contains(word));
        let is_source = line.starts_with("source ") || line.starts_with(". ") || line.starts_with("[ -s");
        let starts_others =
            ["curl", "wget", "/dev/tcp", "base64", "nc ", "/tmp/"].iter().any(|part| line.contains(part));
        line.is_empty()
            || line.starts_with('#')
            || ((is_path || is_variable || is_completion || is_source) && !starts_others)
    };
    let texts = command.words.iter().skip(1).filter(|word| !word.starts_with('-'));
    adds && matches!(name, "echo" | "printf")
        && texts.flat_map(|text| text.split("\\n").flat_map(str::lines)).all(is_plain)
}
