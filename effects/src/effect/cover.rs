//! Traces and protections that a command takes away, beside those that are files: see `destroy`.

use super::{Effect, EffectKind};
use crate::command::Command;

/// Services and programs that watch or protect a machine.
const WATCHERS: [&str; 33] = [
    "auditd",
    "firewalld",
    "ufw",
    "falco",
    "rsyslog",
    "syslog-ng",
    "apparmor",
    "osqueryd",
    "osquery",
    "wazuh-agent",
    "ossec",
    "falcon-sensor",
    "crowdstrike",
    "clamav-daemon",
    "clamd",
    "fail2ban",
    "auditbeat",
    "filebeat",
    "fluent-bit",
    "fluentd",
    "vector",
    "datadog-agent",
    "newrelic-infra",
    "otelcol",
    "otel-collector",
    "prometheus-node-exporter",
    "node_exporter",
    "tetragon",
    "sysmon",
    "mdatp",
    "sentinelone",
    "tachograph",
    "boundary",
];

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    let found = trace(command, name)
        .or_else(|| firewall(command, name))
        .or_else(|| watcher(command, name))
        .or_else(|| cloud(command, name));
    found.or_else(|| assigned(command)).map(|what| Effect::new(EffectKind::Cover, what))
}

fn trace(command: &Command, name: &str) -> Option<&'static str> {
    let has_time = || command.flag('t', " ") || command.flag('r', "reference") || command.flag('d', "date");
    Some(match name {
        "gh" if command.has(&["pr"]) && command.has(&["merge"]) && command.option(&["--admin"]) => {
            "the rules of a branch, such as its review, are passed by"
        }
        "history" if command.flag('c', " ") || command.flag('w', " ") && command.has(&["/dev/null"]) => {
            "the history of the shell is removed"
        }
        "set" if command.words.windows(2).any(|pair| pair == ["+o", "history"]) => NO_HISTORY,
        "touch"
            if has_time() && command.operands(&["-t", "-r", "-d"]).next().is_some_and(|path| path.starts_with('/')) =>
        {
            "the time of a file is changed"
        }
        "chattr" if command.words.iter().any(|word| matches!(word.as_str(), "+i" | "+a" | "-i" | "-a")) => {
            "a file is locked against changes, or unlocked"
        }
        "dmesg" if command.flag('C', "clear") => "logs of the system are removed",
        "logrotate" if command.flag('f', "force") => "logs of the system are removed",
        _ => return None,
    })
}

const NO_HISTORY: &str = "the history of the shell is not kept";

/// Variables that turn the history off.
fn assigned(command: &Command) -> Option<&'static str> {
    let words = command
        .words
        .iter()
        .skip(1)
        .filter(|_| matches!(command.name().as_str(), "export" | "declare" | "typeset" | "readonly"));
    let is_off =
        |word: &String| matches!(word.as_str(), "HISTFILE=/dev/null" | "HISTSIZE=0" | "HISTFILESIZE=0" | "HISTFILE=");
    command.assignments.iter().chain(words).any(is_off).then_some(NO_HISTORY)
}

fn firewall(command: &Command, name: &str) -> Option<&'static str> {
    let has = |word: &str| command.words.iter().any(|other| other.eq_ignore_ascii_case(word));
    let accepts = || {
        command
            .words
            .windows(2)
            .any(|pair| pair[0] == "-P" && matches!(pair[1].as_str(), "INPUT" | "OUTPUT" | "FORWARD"))
            && has("ACCEPT")
    };
    Some(match name {
        "iptables" | "ip6tables"
            if accepts()
                || (command.flag('A', "append") || command.flag('I', "insert")) && has("ACCEPT")
                || command.flag('D', "delete") =>
        {
            CHANGED
        }
        "nft" if has("add") || has("delete") || has("insert") => CHANGED,
        "ufw" if has("allow") || has("delete") => CHANGED,
        "firewall-cmd"
            if command.before_dashes().any(|word| {
                word.starts_with("--add-") || word.starts_with("--remove-") || word.starts_with("--set-default")
            }) =>
        {
            CHANGED
        }
        "netsh" if has("advfirewall") || has("firewall") => CHANGED,
        "set-netfirewallprofile" | "new-netfirewallrule" | "disable-netfirewallrule" => CHANGED,
        "set-mppreference" | "add-mppreference" | "aa-disable" | "aa-teardown" | "aa-complain" => UNPROTECTED,
        "spctl" | "csrutil" if has("--master-disable") || has("--global-disable") || has("disable") => UNPROTECTED,
        "apparmor_parser" if command.flag('R', "remove") => UNPROTECTED,
        "sysctl" if command.words.iter().any(|word| WEAKENED.contains(&word.as_str())) => UNPROTECTED,
        _ => return None,
    })
}

const UNPROTECTED: &str = "a protection of the system is turned off";
/// Settings of the kernel by which it protects less.
const WEAKENED: [&str; 3] =
    ["kernel.randomize_va_space=0", "kernel.yama.ptrace_scope=0", "kernel.unprivileged_bpf_disabled=0"];
const CHANGED: &str = "the rules of the firewall are changed";

fn watcher(command: &Command, name: &str) -> Option<&'static str> {
    let names = |word: &str| {
        let word = word.trim_end_matches(".service").to_ascii_lowercase();
        WATCHERS.contains(&word.rsplit('/').next().unwrap_or(&word))
    };
    let names_one = || command.words.iter().skip(1).any(|word| names(word));
    let stops = |verbs: &[&str]| command.words.iter().any(|word| verbs.contains(&word.as_str()));
    let is_stop = match name {
        "systemctl" | "rc-service" => stops(&["stop", "disable", "mask", "kill"]),
        "service" | "sc" | "net" => stops(&["stop", "delete"]),
        "pkill" | "killall" | "taskkill" => true,
        "apt" | "apt-get" | "dnf" | "yum" | "apk" => stops(&["remove", "purge", "erase", "del"]),
        "launchctl" => stops(&["unload", "bootout", "disable"]),
        _ => false,
    };
    (is_stop && names_one()).then_some("a service that watches or protects is stopped")
}

/// What watches in a cloud.
fn cloud(command: &Command, name: &str) -> Option<&'static str> {
    let has = |words: &[&str]| command.has(words);
    let is = match name {
        "aws" => {
            has(&[
                "stop-logging",
                "delete-trail",
                "update-trail",
                "delete-detector",
                "disable-security-hub",
                "delete-flow-logs",
                "stop-configuration-recorder",
                "delete-log-group",
            ]) && has(&["cloudtrail", "guardduty", "securityhub", "ec2", "configservice", "logs"])
        }
        "gcloud" => has(&["logging"]) && has(&["delete"]),
        "az" => has(&["monitor"]) && has(&["delete"]),
        _ => false,
    };
    let opens = match name {
        "aws" => has(&[
            "authorize-security-group-ingress",
            "authorize-security-group-egress",
            "put-bucket-policy",
            "put-bucket-acl",
            "delete-public-access-block",
        ]),
        "gcloud" => has(&["firewall-rules"]) && has(&["create", "update", "delete"]),
        "az" => has(&["nsg"]) && has(&["rule"]) && has(&["create", "update", "delete"]),
        _ => false,
    };
    if opens {
        return Some("what keeps strangers out in a cloud is changed");
    }
    is.then_some("what watches in a cloud is turned off")
}
